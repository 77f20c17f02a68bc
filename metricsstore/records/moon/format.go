package moon

import (
	"bytes"
	"context"
	"regexp"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/document"
)

// New returns the format of moon's run reports.
func New() records.Format { return format{} }

type format struct{}

func (format) Name() string  { return "moon" }
func (format) Title() string { return "moon run report" }

// first is how a report begins; actions are its first member.
var first = regexp.MustCompile(`^\s*\{\s*"actions"\s*:\s*\[`)

func (format) Sniff(_ string, head []byte) records.Part {
	if first.Match(head) && (bytes.Contains(head, []byte(`"nodeIndex"`)) || bytes.Contains(head, []byte(`"allowFailure"`))) {
		return records.Main
	}
	return records.Foreign
}

// report is a run report.
type report struct {
	Actions []action `json:"actions"`
	Context struct {
		InitialTargets []string       `json:"initialTargets"`
		PrimaryTargets []string       `json:"primaryTargets"`
		TargetStates   map[string]any `json:"targetStates"`
	} `json:"context"`
	Duration *duration `json:"duration"`
	Status   string    `json:"status"`
}

// action is one action of a report.
type action struct {
	AllowFailure bool        `json:"allowFailure"`
	CreatedAt    string      `json:"createdAt"`
	StartedAt    string      `json:"startedAt"`
	FinishedAt   string      `json:"finishedAt"`
	Error        string      `json:"error"`
	Flaky        bool        `json:"flaky"`
	Label        string      `json:"label"`
	Status       string      `json:"status"`
	Operations   []operation `json:"operations"`
	Attempts     []attempt   `json:"attempts"`
	Node         node        `json:"node"`
}

// node is what an action is about.
type node struct {
	Action string `json:"action"`
	Params struct {
		Target    string `json:"target"`
		ProjectID string `json:"projectId"`
	} `json:"params"`
}

// operation is one part of an action.
type operation struct {
	Meta struct {
		Type     string `json:"type"`
		Command  string `json:"command"`
		ExitCode *int   `json:"exitCode"`
		Hash     string `json:"hash"`
	} `json:"meta"`
	ID         string `json:"id"`
	StartedAt  string `json:"startedAt"`
	FinishedAt string `json:"finishedAt"`
	Status     string `json:"status"`
}

// attempt is one try of a task as reports had it before operations.
type attempt struct {
	StartedAt  string `json:"startedAt"`
	FinishedAt string `json:"finishedAt"`
	ExitCode   *int   `json:"exitCode"`
	Status     string `json:"status"`
}

type duration struct {
	Secs  int64 `json:"secs"`
	Nanos int64 `json:"nanos"`
}

func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	return records.ReadEach(ctx, files, func(f *records.File) (*records.Run, error) {
		var doc report
		if err := document.Read(f, &doc, "a run report of moon"); err != nil {
			return nil, err
		}
		return doc.run(f)
	})
}
