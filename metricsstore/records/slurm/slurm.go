package slurm

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// format reads what sacct writes. It has no state.
type format struct{}

// New is the format of what sacct writes.
func New() records.Format { return format{} }

// Name implements records.Format.
func (format) Name() string { return "slurm" }

// Title implements records.Format.
func (format) Title() string { return "Slurm accounting (sacct)" }

// marks are names that jobs of sacct --json have, and those of other documents with jobs have not.
var marks = []string{
	`"derived_exit_code"`, `"kill_request_user"`, `"wckey"`, `"association"`, `"submit_line"`, `"slurmdbd"`, `"restart_cnt"`, `"allocation_nodes"`,
}

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	if isJSON(head) {
		found := 0
		for _, m := range marks {
			if bytes.Contains(head, []byte(m)) {
				found++
			}
		}
		if found >= 2 && bytes.Contains(head, []byte(`"jobs"`)) {
			return records.Main
		}
		return records.Foreign
	}
	first, _, _ := bytes.Cut(head, []byte("\n"))
	if header, _ := headerOf(string(first)); header == nil {
		return records.Foreign
	}
	return records.Main
}

func isJSON(head []byte) bool {
	head = bytes.TrimLeft(head, " \t\r\n")
	return len(head) > 0 && head[0] == '{'
}

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	return records.ReadEach(ctx, files, readFile)
}

func readFile(f *records.File) (*records.Run, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(r, head)
	if err != nil && n == 0 && err != io.EOF {
		return nil, err
	}
	b := &builder{run: records.NewRun("Slurm", "sacct text"), jobs: map[string][]*allocation{}}
	whole := io.MultiReader(bytes.NewReader(head[:n]), r)
	if isJSON(head[:n]) {
		b.run.Format = "sacct JSON"
		err = b.readJSON(f, whole)
	} else {
		err = b.readText(f, whole)
	}
	if err != nil {
		return nil, err
	}
	if len(b.order) == 0 {
		return nil, &records.Fault{Path: f.Path, Byte: -1, Text: "no jobs, expected at least one"}
	}
	base := path.Base(f.Path)
	b.run.Workflow = strings.TrimSuffix(base, path.Ext(base))
	b.run.Incomplete = b.incomplete
	if b.utc > 0 {
		b.run.Notes.Inferred(b.utc, "moments have no zone and were read as UTC")
	}
	if !b.timed {
		b.run.Notes.Remark(record.NoteLeftOut, "the columns Start and Elapsed are not in the file, so when a job started is not known")
	}
	if err := b.tasks(); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	return b.run, nil
}
