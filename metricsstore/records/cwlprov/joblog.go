package cwlprov

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// jobLog is what the standard error of cwltool says about jobs.
type jobLog struct {
	verdicts map[string]string // by the name of the job: success, permanentFail
	commands map[string]string
	repeated map[string]bool // names that several jobs have
}

var (
	jobLine   = regexp.MustCompile(`\[job ([^\]]+)\] (?:completed (\w+)|\S*\$ (.*))`)
	colours   = regexp.MustCompile("\x1b\\[[0-9;]*m")
	toolStart = regexp.MustCompile(`(?m)^(\[[^\]]+\] )?INFO (\S*cwltool|\S+\.py) \d`)
)

// isLog reports whether a file is the standard error of cwltool.
func isLog(head []byte) bool {
	head = colours.ReplaceAll(head, nil)
	return toolStart.Match(head) && bytes.Contains(head, []byte("[job ")) && bytes.Contains(head, []byte("] completed "))
}

// maxLine bounds a line of a log.
const maxLine = 1 << 20

func readJobLog(f *records.File) (*jobLog, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	l := &jobLog{verdicts: map[string]string{}, commands: map[string]string{}, repeated: map[string]bool{}}
	all := lines.New(in, maxLine)
	open := "" // the job whose command is being read
	for all.Next() {
		line := colours.ReplaceAllString(string(all.Bytes()), "")
		if open != "" && strings.HasPrefix(line, "    ") {
			if c := l.commands[open]; len(c) < records.MaxText {
				l.commands[open] = short(strings.TrimSuffix(c, `\`) + strings.TrimSpace(line))
			}
			continue
		}
		open = ""
		m := jobLine.FindStringSubmatch(line)
		switch {
		case m == nil:
		case m[2] != "":
			if _, ok := l.verdicts[m[1]]; ok {
				l.repeated[m[1]] = true
			}
			l.verdicts[m[1]] = m[2]
		case l.commands[m[1]] == "":
			open = m[1]
			l.commands[open] = short(strings.TrimSpace(m[3]))
		}
	}
	return l, all.Err()
}

func short(text string) string {
	if len(text) > records.MaxText {
		return strings.ToValidUTF8(text[:records.MaxText], "")
	}
	return text
}
