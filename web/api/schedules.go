package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/plan"
)

func (h *insideHandlers) listSchedules(ctx context.Context, in *schedulesInput) (*answer[scheduleList], error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	query := tagOf("schedules", run.Graph.Hash)
	from, err := openPlace(in.Cursor, query)
	if err != nil {
		return nil, err
	}
	return heavily(ctx, h.records, in, tagOf(query, from, in.Limit), func(ctx context.Context) (scheduleList, error) {
		g, err := h.queries.Graph(ctx, in.id())
		if err != nil {
			return scheduleList{}, err
		}
		p, numbering := plan.New(g), dag.NewNumbering(g)
		roots := p.Roots()
		from = min(from, len(roots))
		page := roots[from:min(from+in.Limit, len(roots))]
		out := scheduleList{Schedules: make([]ScheduleSummary, len(page)), Total: len(roots)}
		for i, size := range p.Sizes(page) {
			out.Schedules[i] = newScheduleSummary(page[i], size, numbering)
		}
		if end := from + len(page); end < len(roots) {
			out.Next = sealPlace(query, end)
		}
		return out, nil
	})
}

func (h *insideHandlers) getSchedule(ctx context.Context, in *scheduleInput) (*answer[schedule], error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	query := tagOf("schedule", run.Graph.Hash, in.Root)
	from, err := openPlace(in.Cursor, query)
	if err != nil {
		return nil, err
	}
	return heavily(ctx, h.records, in, tagOf(query, from, in.Limit), func(ctx context.Context) (schedule, error) {
		g, err := h.queries.Graph(ctx, in.id())
		if err != nil {
			return schedule{}, err
		}
		p := plan.New(g)
		s, ok := p.Schedule(dag.NodeID(in.Root))
		if !ok {
			return schedule{}, NewProblem(http.StatusNotFound, "no schedule of run %s begins with node %d; GET schedules lists all of them", in.id(), in.Root)
		}
		return newSchedule(p, s, from, in.Limit, query), nil
	})
}

// newSchedule makes a page of a schedule.
func newSchedule(p *plan.Plan, s plan.Schedule, from, limit int, query string) schedule {
	numbering := dag.NewNumbering(p.Graph())
	out := schedule{ScheduleSummary: newScheduleSummary(s.Root(), s.Size(), numbering), Nodes: []scheduleNode{}}
	at := 0
	for n := range s.Nodes() {
		if at >= from+limit {
			out.Next = sealPlace(query, at)
			break
		}
		if at >= from {
			out.Nodes = append(out.Nodes, newScheduleNode(p, n, numbering))
		}
		at++
	}
	return out
}

// place is the end of a page, with the tag of the query that it belongs to.
type place struct {
	Query string `json:"q"`
	At    int    `json:"at"`
}

func sealPlace(query string, at int) string {
	b, _ := json.Marshal(place{query, at}) // plain data
	return base64.RawURLEncoding.EncodeToString(b)
}

// openPlace reads a cursor, which is empty for the first page.
func openPlace(cursor, query string) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	var p place
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil || p.Query != query || p.At < 0 {
		return 0, NewProblem(http.StatusBadRequest, "query.cursor is not from a page of this query, expected next of the preceding page")
	}
	return p.At, nil
}
