package api

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Bounds of a search across runs; a search that exceeds them is reported as incomplete.
const (
	maxScannedRuns     = 500
	maxScannedAttempts = 3_000_000
)

func (h *historyHandlers) findTasks(ctx context.Context, in *foundTasksInput) (*answer[foundTasks], error) {
	if err := in.Period.check(); err != nil {
		return nil, err
	}
	if err := h.runs.refresh(ctx); err != nil {
		return nil, err
	}
	ctx, leave, err := h.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	s := search{in: in, found: []foundTask{}, complete: true}
	filter := metricsstore.RunFilter{Workflow: in.Workflow, From: in.From, To: in.To}
	for _, id := range h.runs.index.IDs(filter) {
		r, err := h.cfg.Store.Run(ctx, id)
		if err != nil {
			if isMissing(err) {
				continue
			}
			return nil, err
		}
		if !in.Metric.MeasuredIn(&r.Info) {
			continue
		}
		if s.runs == maxScannedRuns || s.attempts > maxScannedAttempts {
			s.complete = false
			break
		}
		if err := s.scan(ctx, h.queries, &r); err != nil {
			return nil, err
		}
	}
	return answered("", foundTasks{
		Metric: in.Metric, Unit: unitOf(in.Metric), Tasks: s.found, ScannedRuns: s.runs, Complete: s.complete,
	}), nil
}

// search collects the attempts with the greatest values.
type search struct {
	in       *foundTasksInput
	found    []foundTask // the greatest first
	runs     int
	attempts int
	complete bool
}

// scan reads the log of one run. One that is deleted meanwhile, or damaged, makes the answer incomplete.
func (s *search) scan(ctx context.Context, q *metricsstore.Queries, r *metricsstore.Run) error {
	_, err := q.EachRecord(ctx, r.Info.ID, func(records []record.TaskMetrics) error {
		s.attempts += len(records)
		for i := range records {
			s.look(r, &records[i])
		}
		return nil
	})
	if errors.Is(err, metricsstore.ErrNotFound) || errors.Is(err, metricsstore.ErrCorrupt) {
		s.complete = false
		return nil
	}
	s.runs++
	// The log of an interrupted run may lack its end, and that of a live run continues; both count as complete here.
	s.complete = s.complete && r.Damage == "" && !r.Upload.Partial()
	return err
}

func (s *search) look(r *metricsstore.Run, m *record.TaskMetrics) {
	in := s.in
	if m.Outcome != record.OutcomeOK || in.Function != "" && in.Function != m.Task.Function {
		return
	}
	v, ok := in.Metric.Of(m)
	if least := in.Min.pointer(); !ok || least != nil && v < *least {
		return
	}
	full := len(s.found) == in.Limit
	if full && v <= s.found[len(s.found)-1].Value {
		return
	}
	if full {
		s.found = s.found[:len(s.found)-1]
	}
	at, _ := slices.BinarySearchFunc(s.found, v, func(f foundTask, v int64) int {
		return cmp.Or(cmp.Compare(v, f.Value), -1) // after equal values
	})
	s.found = slices.Insert(s.found, at, foundTask{
		Run: r.Info.ID, Name: runName(r.Info.ID), Workflow: r.Info.Workflow, Node: m.Node, Task: m.Task.String(),
		TaskName: m.Task.Name, Function: m.Task.Function, Version: m.Task.Version, Attempt: m.Attempt, StartedAt: m.StartedAt.UTC(), Value: v,
	})
}
