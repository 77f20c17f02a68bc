package dask

import (
	"bytes"
	"context"
	_ "embed" // of the snippet

	"github.com/dagscope/dagscope/metricsstore/records"
)

//go:embed save_tasks.py
var snippet string

type format struct{}

// Snippet implements records.Snippet: Python that saves the tasks that a cluster executes, with their dependencies, in a
// file that this package reads. It was tried with distributed 2022.12.
func (format) Snippet() string { return snippet }

// New is the format.
func New() records.Format { return format{} }

// Name implements records.Format.
func (format) Name() string { return "dask" }

// Title implements records.Format.
func (format) Title() string { return "Dask task stream" }

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	start := bytes.TrimLeft(head, " \t\r\n")
	if len(start) == 0 || start[0] != '[' && start[0] != '{' {
		return records.Foreign
	}
	has := func(name string) bool { return bytes.Contains(head, []byte(`"`+name+`"`)) }
	if has("startstops") && has("worker") && has("thread") || has("dask-tasks") && has("dask") && has("format") {
		return records.Main
	}
	return records.Foreign
}

// Read implements records.Format. Each file is a run.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	var runs []*records.Run
	for i := range files {
		if files[i].Part != records.Main {
			continue
		}
		s, err := readFile(ctx, &files[i])
		if err != nil {
			return nil, err
		}
		if len(s.entries) == 0 {
			text := "no tasks, expected a list of tasks of Dask"
			if s.cut != "" {
				text = s.cut + ", and has no task"
			}
			return nil, &records.Fault{Path: files[i].Path, Byte: -1, Text: text}
		}
		run, err := build(s)
		if err != nil {
			return nil, err
		}
		run.Path = files[i].Path
		runs = append(runs, run)
	}
	return runs, nil
}
