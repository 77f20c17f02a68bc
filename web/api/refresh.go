package api

import (
	"context"
	"errors"
	"hash/maphash"
	"maps"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/index"
)

// Warm reads what lists need, so that the first list does not have to.
func (a *API) Warm(ctx context.Context) error { return a.summaries.runs.refresh(ctx) }

// refresh brings the index up to date: the first time it reads the headers of all runs, later only those of runs that have
// changed or are live.
func (c *catalogue) refresh(ctx context.Context) error {
	asked := time.Now()
	select {
	case c.reading <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.reading }()
	if c.began.After(asked) { // another update began after this call, so it is recent enough
		return nil
	}
	began := time.Now()
	list, err := c.cfg.Store.ChangedSince(ctx, c.changes)
	if err != nil {
		return err
	}
	if list.Partial {
		err = c.readAll(ctx)
	} else {
		err = c.reread(ctx, list.Runs)
	}
	if err != nil {
		return err
	}
	live, err := c.readLive(ctx)
	if err != nil {
		return err
	}
	c.began, c.changes = began, list.Latest
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = live
	maps.DeleteFunc(c.tallies, func(id record.RunID, _ *tally) bool { return live[id] == nil })
	return nil
}

func (c *catalogue) readAll(ctx context.Context) error {
	found := map[record.RunID]bool{}
	for after := (metricsstore.Position{}); ; {
		runs, err := c.cfg.Store.Runs(ctx, after, 256)
		if err != nil {
			return err
		}
		for i := range runs {
			found[runs[i].Info.ID] = true
			c.put(ctx, &runs[i])
		}
		if len(runs) == 0 {
			break
		}
		after = runs[len(runs)-1].Position()
	}
	for _, id := range c.index.IDs(metricsstore.RunFilter{}) {
		if !found[id] {
			c.index.Remove(id)
		}
	}
	return nil
}

func (c *catalogue) reread(ctx context.Context, runs []record.RunID) error {
	for _, id := range runs {
		if _, err := c.read(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// readLive reads the current state of all live runs.
func (c *catalogue) readLive(ctx context.Context) (map[record.RunID]*metricsstore.Run, error) {
	live := map[record.RunID]*metricsstore.Run{}
	for _, id := range liveRuns(c.index) {
		now, err := c.read(ctx, id)
		if err != nil {
			return nil, err
		}
		if now != nil && !now.Status.Final() {
			live[id] = now
		}
	}
	return live, nil
}

// liveRuns lists the runs of an index that have not ended.
func liveRuns(x *index.Index) (runs []record.RunID) {
	for _, status := range statuses() {
		if !status.Final() {
			runs = append(runs, x.IDs(metricsstore.RunFilter{Status: []record.Status{status}})...)
		}
	}
	return runs
}

// read reads a run into the index; nil if it was deleted.
func (c *catalogue) read(ctx context.Context, id record.RunID) (*metricsstore.Run, error) {
	now, err := c.cfg.Store.Run(ctx, id)
	if errors.Is(err, metricsstore.ErrNotFound) {
		c.index.Remove(id)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c.put(ctx, &now)
	return &now, nil
}

// put enters a run in the index, with its current state if it is live. The run counts as changed if its summary may
// differ, which is always the case while it is live, since its makespan grows.
func (c *catalogue) put(ctx context.Context, r *metricsstore.Run) {
	if !r.Status.Final() {
		c.overlay(ctx, r)
	}
	mark := maphash.Comparable(seed, struct {
		status   record.Status
		seq      uint64
		rollup   int
		revision int
		counts   metricsstore.Counts
		note     string
		digest   string
	}{r.StatusAt(c.cfg.Now()), r.LastSeq, r.Rollup, r.Info.Revision, r.Counts, r.Annotation.Note, digestOf(r)})
	e := metricsstore.NewEntry(r, runName(r.Info.ID))
	e.Status = r.StatusAt(c.cfg.Now())
	c.index.Put(e, mark)
}

var seed = maphash.MakeSeed()
