package doit

import (
	"bytes"
	"context"
	"fmt"
	"regexp"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/document"
)

// New returns the format of doit's reports.
func New() records.Format { return format{} }

type format struct{}

func (format) Name() string  { return "doit" }
func (format) Title() string { return "doit JSON report" }

// first is how a report begins.
var first = regexp.MustCompile(`^\s*\{\s*"tasks"\s*:\s*\[\s*\{\s*"name"\s*:`)

func (format) Sniff(_ string, head []byte) records.Part {
	if first.Match(head) && bytes.Contains(head, []byte(`"elapsed"`)) && bytes.Contains(head, []byte(`"result"`)) {
		return records.Main
	}
	return records.Foreign
}

// report is what doit writes.
type report struct {
	Tasks []task `json:"tasks"`
	Out   string `json:"out"`
	Err   string `json:"err"`
}

// task is one task of a report. Started and Elapsed are null if it did not run.
type task struct {
	Name    string   `json:"name"`
	Result  string   `json:"result"`
	Out     string   `json:"out"`
	Err     string   `json:"err"`
	Error   string   `json:"error"`
	Started *string  `json:"started"`
	Elapsed *float64 `json:"elapsed"`
}

func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	return records.ReadEach(ctx, files, func(f *records.File) (*records.Run, error) {
		var doc report
		if err := document.Read(f, &doc, "a report of doit"); err != nil {
			return nil, err
		}
		if len(doc.Tasks) > records.MaxTasks {
			return nil, fmt.Errorf("%s: %w: expected at most %d tasks", f.Path, records.ErrTooLarge, records.MaxTasks)
		}
		return doc.run(), nil
	})
}
