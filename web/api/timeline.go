package api

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/web/runtable"
)

func (a *API) getTimeline(ctx context.Context, in *timelineInput) (*answer[*Timeline], error) {
	run, err := a.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	tag := runTag(&run, "timeline", in.Buckets)
	if t, ok := a.timeline.get(tag); ok && tag != "" && !in.unchanged(tag) {
		return answered(tag, t), nil
	}
	return heavily(ctx, a, in, tag, func(ctx context.Context) (*Timeline, error) {
		table, err := a.table(ctx, &run)
		if err != nil {
			return nil, err
		}
		end := table.End()
		if !run.Status.Final() {
			end = max(end, int64(a.cfg.Now().Sub(run.Info.StartedAt)))
		}
		t := newTimeline(&table.View, end, in.Buckets)
		if tag != "" {
			a.timeline.put(tag, t)
		}
		return t, nil
	})
}

// table folds the log of a run.
func (a *API) table(ctx context.Context, run *metricsstore.Run) (*runtable.Table, error) {
	decoder, log, err := a.queries.Decode(ctx, run.Info.ID)
	if err != nil {
		return nil, err
	}
	table := runtable.New(decoder.Numbering().Graph())
	for {
		steps, err := log.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := table.Steps(steps); err != nil {
			return nil, fmt.Errorf("%w: %w", metricsstore.ErrCorrupt, err)
		}
	}
	if run.Status.Final() {
		table.Complete()
	}
	return table, nil
}

// newTimeline averages what tasks did over spans of equal length from 0 to end.
func newTimeline(v *runtable.View, end int64, buckets int) *Timeline {
	end = max(end, 1)
	step := (end + int64(buckets) - 1) / int64(buckets)
	t := &Timeline{
		ToNS: end, StepNS: step, AsOf: v.Seq(),
		Ready: make([]float64, buckets), Moving: make([]float64, buckets), Running: make([]float64, buckets),
	}
	lanes := map[[2]uint16]bool{}
	for i := range v.Rows() {
		r := v.Row(i)
		if r.Has&runtable.HasClaimed != 0 {
			lanes[[2]uint16{r.Worker, r.Slot}] = true
		}
		moments := [...]struct {
			has bool
			at  int64
		}{
			{r.Has&runtable.HasReady != 0, r.Ready},
			{r.Has&runtable.HasClaimed != 0, r.Claimed},
			{r.Has&runtable.HasStarted != 0, r.Started},
			{r.Has&runtable.HasEnded != 0, r.Ended},
			{r.Has&runtable.HasUpdated != 0, r.Updated},
		}
		for phase, into := range [...][]float64{t.Ready, t.Moving, t.Running, t.Moving} {
			from, to := moments[phase], moments[phase+1]
			if !from.has || v.Ended() && !to.has {
				continue // what an ended run does not tell the end of was lost
			}
			until := to.at
			if !to.has {
				until = end
			}
			spread(into, from.at, min(until, end), step)
		}
	}
	t.Slots = len(lanes)
	return t
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
