package temporal

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/metricsstore/records"
)

type format struct{}

// New is the format.
func New() records.Format { return format{} }

// Name implements records.Format.
func (format) Name() string { return "temporal" }

// Title implements records.Format.
func (format) Title() string { return "Temporal history" }

// Sniff implements records.Format.
func (format) Sniff(_ string, head []byte) records.Part {
	if bytes.Contains(head, []byte(`"eventId"`)) && bytes.Contains(head, []byte(`EventAttributes"`)) &&
		bytes.Contains(head, []byte(`"eventTime"`)) {
		return records.Main
	}
	return records.Foreign
}

// Read implements records.Format.
func (format) Read(ctx context.Context, files []records.File) ([]*records.Run, error) {
	var runs []*records.Run
	for i := range files {
		if files[i].Part != records.Main {
			continue
		}
		e, err := readFile(ctx, &files[i])
		if err != nil {
			return nil, err
		}
		if len(e.list) == 0 {
			text := "no events, expected the history of a workflow"
			if e.cut != "" {
				text = e.cut + ", before its first event"
			}
			return nil, &records.Fault{Path: files[i].Path, Byte: -1, Text: text}
		}
		histories := split(e.list)
		for k, list := range histories {
			h := &history{run: records.NewRun("Temporal", "Temporal history"), events: list}
			h.read()
			h.run.Path = files[i].Path
			if k == len(histories)-1 && e.cut != "" {
				h.run.Incomplete = e.cut
			}
			runs = append(runs, h.run)
		}
	}
	return runs, nil
}

// split divides events where an execution starts.
func split(list []event) [][]event {
	var histories [][]event
	from := 0
	for i := range list {
		if i > from && list[i].kind == "WorkflowExecutionStarted" {
			histories = append(histories, list[from:i])
			from = i
		}
	}
	return append(histories, list[from:])
}

// order sorts events by ID, drops those that are there twice, and reports gaps.
func (h *history) order() {
	slices.SortStableFunc(h.events, func(a, b event) int { return int(min(max(a.id-b.id, -1), 1)) })
	before := len(h.events)
	h.events = slices.CompactFunc(h.events, func(a, b event) bool { return a.id == b.id })
	h.run.Notes.LeftOut(before-len(h.events), "events have the ID of another one")
	if first := h.events[0].id; first != 1 {
		h.run.Incomplete = fmt.Sprintf("the history begins with event %d", first)
	}
	for i := 1; i < len(h.events); i++ {
		if from, to := h.events[i-1].id, h.events[i].id; to != from+1 {
			h.run.Incomplete = fmt.Sprintf("events %d to %d are not in the history", from+1, to-1)
			return
		}
	}
}
