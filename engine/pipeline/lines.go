package pipeline

import "strings"

// StepLines says where a step is in its file. Lines count from 1, and To is the last one.
type StepLines struct {
	Path     string // with the names of the groups around it, as in the names of its tasks: group.step
	From, To int
}

// Lines lists the steps in the order of the file, a group before its own steps. A step ends at its last line that is
// indented deeper than its name, so blank lines and comments before the next one are not part of it.
func (p *Pipeline) Lines() []StepLines {
	return stepLines(nil, p.Steps, strings.Split(p.Source, "\n"))
}

func stepLines(out []StepLines, steps []*step, text []string) []StepLines {
	for _, t := range steps {
		l := StepLines{Path: t.path, From: t.at.line, To: t.at.line}
		for i := l.From; i < len(text); i++ {
			words := strings.TrimLeft(text[i], " ")
			indent := len(text[i]) - len(words)
			if indent >= t.at.column && strings.TrimSpace(words) != "" {
				l.To = i + 1
			} else if words = strings.TrimSpace(words); words != "" && words[0] != '#' {
				break
			}
		}
		out = stepLines(append(out, l), t.steps, text)
	}
	return out
}
