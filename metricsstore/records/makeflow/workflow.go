package makeflow

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// rule is a node of a workflow: its place is its number.
type rule struct {
	targets, sources []string
	command          string
	category         string
	parents          []int // as a log names them
}

// workflow is what a makeflow file says.
type workflow struct {
	file  string
	rules []rule
}

// maxLine bounds a line of a workflow or log.
const maxLine = 4 << 20

// assignment is a line such as NAME=value, and what may precede it.
var assignment = regexp.MustCompile(`^(?:export\s+)?(\w+)\s*([+:?]?=)\s*(.*)$`)

// variable is a use of one.
var variable = regexp.MustCompile(`\$\((\w+)\)|\$\{(\w+)\}|\$(\w+)`)

func readWorkflow(f *records.File) (*workflow, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	w := &workflow{file: f.Path}
	values := map[string]string{}
	all := lines.New(in, maxLine)
	before := ""
	for all.Next() {
		line := before + strings.TrimRight(string(all.Bytes()), " \r")
		if more, ok := strings.CutSuffix(line, `\`); ok && len(line) < maxLine {
			before = more
			continue
		}
		before = ""
		w.line(line, values)
		if len(w.rules) > records.MaxTasks {
			return nil, fmt.Errorf("%s: %w: more than %d rules", f.Path, records.ErrTooLarge, records.MaxTasks)
		}
	}
	return w, all.Err()
}

func (w *workflow) line(line string, values map[string]string) {
	expand := func(text string) string {
		return variable.ReplaceAllStringFunc(text, func(use string) string {
			if value, ok := values[strings.Trim(use, "$(){}")]; ok {
				return value
			}
			return use
		})
	}
	switch {
	case strings.HasPrefix(line, "\t"):
		if n := len(w.rules); n > 0 {
			command := strings.TrimSpace(line)
			if w.rules[n-1].command != "" {
				command = w.rules[n-1].command + "\n" + command
			}
			w.rules[n-1].command = short(expand(command))
		}
	case strings.TrimSpace(line) == "", line[0] == '#', line[0] == '@', line[0] == '.':
	default:
		if m := assignment.FindStringSubmatch(line); m != nil {
			value := strings.Trim(strings.TrimSpace(m[3]), `"`)
			if m[2] == "+=" {
				value = strings.TrimSpace(values[m[1]] + " " + value)
			}
			if len(value) < records.MaxText {
				values[m[1]] = expand(value)
			}
			return
		}
		targets, sources, ok := strings.Cut(line, ":")
		if ok {
			w.rules = append(w.rules, rule{targets: names(expand(targets)), sources: names(expand(sources)), category: values["CATEGORY"]})
		}
	}
}

// names are the files in a list; name->other is a file that the command sees under another name.
func names(list string) []string {
	all := strings.Fields(list)
	for i, name := range all {
		all[i], _, _ = strings.Cut(strings.Trim(name, `"`), "->")
	}
	return all
}

func short(text string) string {
	if len(text) > records.MaxText {
		return strings.ToValidUTF8(text[:records.MaxText], "")
	}
	return text
}
