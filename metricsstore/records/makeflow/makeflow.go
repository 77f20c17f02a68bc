package makeflow

import (
	"bytes"
	"context"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// format reads logs of Makeflow. It has no state.
type format struct{}

// New is the format of logs of Makeflow.
func New() records.Format { return format{} }

// Name implements records.Format.
func (format) Name() string { return "makeflow" }

// Title implements records.Format.
func (format) Title() string { return "Makeflow log" }

var (
	firstLine = regexp.MustCompile(`^# (STARTED\s+\d{15,17}|FILE\s+\d{15,17} \S+ \d+ \d+|(NODE|CATEGORY|SYMBOL|PARENTS|SOURCES|TARGETS|COMMAND)\s+\d+\b)`)
	started   = regexp.MustCompile(`(?m)^# STARTED\s+\d{15,17}\s*$`)
	ruleLine  = regexp.MustCompile(`(?m)^[^\s#:=@][^#:=]*:[^=:].*\n\t\S`)
)

// Sniff implements records.Format.
func (format) Sniff(name string, head []byte) records.Part {
	first, _, _ := bytes.Cut(head, []byte("\n"))
	if firstLine.Match(first) && (started.Match(head) || bytes.Contains(first, []byte("# NODE")) || len(head) >= 64<<10) {
		return records.Main
	}
	base := strings.ToLower(path.Base(name))
	if (strings.HasSuffix(base, ".mf") || strings.HasSuffix(base, ".makeflow") || base == "makeflow") && ruleLine.Match(head) {
		return records.Companion
	}
	return records.Foreign
}

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	var workflows []*workflow
	mains := 0
	for i := range files {
		switch files[i].Part {
		case records.Companion:
			w, err := readWorkflow(&files[i])
			if err != nil {
				return nil, err
			}
			workflows = append(workflows, w)
		case records.Main:
			mains++
		}
	}
	var runs []*records.Run
	for i := range files {
		if files[i].Part != records.Main {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l, err := readLog(&files[i])
		if err != nil {
			return nil, err
		}
		found, err := l.runs(pick(workflows, l, mains))
		if err != nil {
			return nil, err
		}
		for _, run := range found {
			run.Path = files[i].Path
		}
		runs = append(runs, found...)
	}
	return runs, nil
}

// pick is the workflow that a log is of: NAME.mf for NAME.mf.makeflowlog, else the only one in the folder.
func pick(all []*workflow, l *log, logs int) *workflow {
	name := strings.TrimSuffix(l.file.Path, ".makeflowlog")
	if i := slices.IndexFunc(all, func(w *workflow) bool { return w.file == name }); i >= 0 {
		return all[i]
	}
	near := slices.DeleteFunc(slices.Clone(all), func(w *workflow) bool { return path.Dir(w.file) != path.Dir(l.file.Path) })
	if len(near) == 1 {
		return near[0]
	}
	if len(all) == 1 && logs == 1 {
		return all[0]
	}
	return nil
}
