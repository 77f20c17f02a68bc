package cromwell

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// format reads metadata. It has no state.
type format struct{}

// New is the format of Cromwell's metadata.
func New() records.Format { return format{} }

// Name implements records.Format.
func (format) Name() string { return "cromwell" }

// Title implements records.Format.
func (format) Title() string { return "Cromwell metadata" }

// marks are names that metadata has, of which the beginning of a file has some.
var marks = []string{
	`"workflowProcessingEvents"`, `"actualWorkflowLanguage"`, `"workflowRoot"`, `"submittedFiles"`, `"workflowName"`,
	`"callCaching"`, `"executionStatus"`, `"shardIndex"`, `"executionEvents"`, `"submission"`, `"subWorkflowMetadata"`,
}

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	head = bytes.TrimLeft(head, " \t\r\n")
	if len(head) == 0 || head[0] != '{' {
		return records.Foreign
	}
	found := 0
	for _, m := range marks {
		if bytes.Contains(head, []byte(m)) {
			found++
		}
	}
	if found < 3 {
		return records.Foreign
	}
	return records.Main
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
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var m metadata
	if err := json.Unmarshal(content, &m); err != nil {
		return nil, badJSON(f, err, len(content))
	}
	if m.Message != "" && len(m.Calls) == 0 {
		return nil, &records.Fault{Path: f.Path, Byte: -1, Text: fmt.Sprintf("an answer of Cromwell that is no metadata: %.200s", m.Message)}
	}
	if len(m.Calls) == 0 {
		return nil, &records.Fault{Path: f.Path, Byte: -1, Text: "no calls, expected metadata with the key calls"}
	}
	b := &builder{run: records.NewRun("Cromwell", "Cromwell metadata"), made: map[string]int32{}}
	b.describe(&m)
	if err := b.workflow(&m, ""); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	b.edges()
	return b.run, nil
}

func badJSON(f *records.File, err error, size int) error {
	fault := &records.Fault{Path: f.Path, Byte: int64(size), Text: err.Error() + ", expected one JSON object"}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		fault.Byte = syntax.Offset
	case errors.As(err, &kind):
		fault.Byte = kind.Offset
		fault.Text = fmt.Sprintf("%s is a %s, expected one that fits %s", kind.Field, kind.Value, kind.Type)
	}
	return fault
}

// describe fills in what is known of the run as a whole.
func (b *builder) describe(m *metadata) {
	r := b.run
	r.Key, r.Workflow, r.Error = m.ID, m.WorkflowName, m.Failures.text()
	if r.Workflow == "" {
		r.Workflow = "workflow"
	}
	r.Started, r.Ended = at(m.Submission), at(m.End)
	if !r.Started.Known() {
		r.Started = at(m.Start)
	}
	r.Params = map[string]string{}
	for name, value := range map[string]string{
		"id": m.ID, "language": m.Language, "language version": m.LanguageVersion, "root": m.WorkflowRoot,
	} {
		if value != "" {
			r.Params[name] = value
		}
	}
	switch m.Status {
	case "Succeeded":
		r.Status = record.Succeeded
	case "Failed":
		r.Status = record.Failed
	case "Aborted":
		r.Status = record.Cancelled
	case "":
	default: // Submitted, Running, Aborting, On Hold
		r.Status = record.Running
	}
	if m.Status != "" && r.Status == record.Running {
		r.Incomplete = "the workflow was " + m.Status + " when its metadata was asked for"
	}
}
