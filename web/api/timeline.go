package api

import (
	"context"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

func (h *insideHandlers) getTimeline(ctx context.Context, in *timelineInput) (*answer[*timeline], error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	tag := runTag(&run, "timeline", in.Buckets)
	if t, ok := h.timelines.get(tag); ok && tag != "" && !in.unchanged(tag) {
		return answered(tag, t), nil
	}
	return heavily(ctx, h.records, in, tag, func(ctx context.Context) (*timeline, error) {
		table, err := h.table(ctx, &run)
		if err != nil {
			return nil, err
		}
		end := table.End()
		if !run.Status.Final() {
			end = max(end, int64(h.cfg.Now().Sub(run.Info.StartedAt)))
		}
		t := newTimeline(&table.View, end, in.Buckets)
		if tag != "" {
			h.timelines.put(tag, t)
		}
		return t, nil
	})
}

// table folds the log of a run into a table of attempts.
func (h *insideHandlers) table(ctx context.Context, run *metricsstore.Run) (*runtable.Table, error) {
	return runtable.Read(ctx, h.queries, run)
}

// newTimeline averages the states of tasks over spans of equal length from 0 to end.
func newTimeline(v *runtable.View, end int64, buckets int) *timeline {
	end = max(end, 1)
	step := (end + int64(buckets) - 1) / int64(buckets)
	t := &timeline{
		ToNS: end, StepNS: step, AsOf: v.Seq(),
		Ready: make([]float64, buckets), Moving: make([]float64, buckets), Running: make([]float64, buckets),
	}
	lanes := map[[2]uint16]bool{}
	for i := range v.Rows() {
		r := v.Row(i)
		if r.Has&runtable.HasClaimed != 0 {
			lanes[[2]uint16{r.Worker, r.Slot}] = true
		}
		for _, part := range stretches(&r, end) {
			into := [...][]float64{t.Ready, t.Moving, t.Running}[part.kind]
			spread(into, part.from, min(part.to, end), step)
		}
	}
	t.Slots = len(lanes)
	return t
}

// States of an attempt, in the order of the columns of a Timeline.
const (
	isReady = iota
	isMoving
	isRunning
)

// stretch is a part of the time of an attempt.
type stretch struct {
	kind     int
	from, to int64
}

// stretches returns the parts of an attempt's time, in order. A part without an end lasts until end; in particular, a task
// that was never claimed stays ready until then. The dashboard draws the same.
func stretches(r *runtable.Row, end int64) []stretch {
	orElse := func(m runtable.Moments, at, otherwise int64) int64 {
		if r.Has&m == 0 {
			return otherwise
		}
		return at
	}
	over := orElse(runtable.HasUpdated, r.Updated, end)
	ended := min(orElse(runtable.HasEnded, r.Ended, over), over)
	started := min(orElse(runtable.HasStarted, r.Started, ended), ended)
	claimed := min(orElse(runtable.HasClaimed, r.Claimed, started), started)
	var out []stretch
	if r.Has&runtable.HasReady != 0 {
		out = append(out, stretch{isReady, r.Ready, claimed})
	}
	if r.Has&runtable.HasClaimed != 0 {
		out = append(out, stretch{isMoving, claimed, started})
	}
	if r.Has&runtable.HasStarted != 0 {
		kind := isRunning
		if r.Outcome == record.OutcomeCached {
			kind = isMoving // its output was taken from the cache
		}
		out = append(out, stretch{kind, started, ended}, stretch{isMoving, ended, over})
	}
	return out
}

// spread adds one to the mean of every span for the part of it that lies in [from, to).
func spread(into []float64, from, to, step int64) {
	from = max(from, 0)
	for from < to {
		i := from / step
		if i >= int64(len(into)) {
			return
		}
		until := min((i+1)*step, to)
		into[i] += float64(until-from) / float64(step)
		from = until
	}
}
