package api

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// How often all headers are read again, for what other processes have changed in runs that ended before. What reading
// all of them took is at most one scanShare-th of the time, so that lists take at most that share of one processor.
// Where it took less than scanQuick, they are read for every list. Runs that are new, live, or were changed by this
// process are always read.
const (
	scanShare = 50
	scanQuick = time.Millisecond
)

// newPage is how many of the latest headers are read at first to find those that are new.
const newPage = 8

// refresh brings the index up to date.
func (c *catalogue) refresh(ctx context.Context) error {
	asked := time.Now()
	select {
	case c.reading <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.reading }()
	began := time.Now()
	again, touched, done := c.due(asked, began)
	if done {
		return nil
	}
	var err error
	if again {
		err = c.scan(ctx)
	} else {
		err = c.readNew(ctx)
	}
	if err == nil {
		err = c.reread(ctx, touched)
	}
	var live map[engine.RunID]*metricsstore.Run
	if err == nil {
		live, err = c.readLive(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		maps.Copy(c.touched, touched)
		return err
	}
	c.began, c.live = began, live
	maps.DeleteFunc(c.tallies, func(id engine.RunID, _ *tally) bool { return live[id] == nil })
	if again {
		c.scanned, c.took = began, time.Since(began)
	}
	return nil
}

// due says whether all headers are to be read again, else which runs were touched since they were read; or that nothing
// is to be done: what another call began to read after this one was made is as new as it has to be.
func (c *catalogue) due(asked, now time.Time) (scan bool, touched map[engine.RunID]bool, done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.began.After(asked) {
		return false, nil, true
	}
	touched, c.touched = c.touched, map[engine.RunID]bool{}
	return c.scanned.IsZero() || c.took <= scanQuick || now.Sub(c.scanned) >= scanShare*c.took, touched, false
}

// scan reads all headers.
func (c *catalogue) scan(ctx context.Context) error {
	found := map[engine.RunID]bool{}
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

// readNew reads the headers of runs that are listed before all that are known.
func (c *catalogue) readNew(ctx context.Context) error {
	known := c.index.Latest()
	after := metricsstore.Position{}
	for limit := newPage; ; limit = min(4*limit, 256) {
		runs, err := c.cfg.Store.Runs(ctx, after, limit)
		if err != nil {
			return err
		}
		for i := range runs {
			if known != (metricsstore.Position{}) && !runs[i].Position().Before(known) {
				return nil
			}
			c.put(ctx, &runs[i])
		}
		if len(runs) == 0 {
			return nil
		}
		after = runs[len(runs)-1].Position()
	}
}

// reread reads some runs again.
func (c *catalogue) reread(ctx context.Context, runs map[engine.RunID]bool) error {
	for id := range runs {
		if _, err := c.read(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// readLive reads the runs that are live, as they stand.
func (c *catalogue) readLive(ctx context.Context) (map[engine.RunID]*metricsstore.Run, error) {
	live := map[engine.RunID]*metricsstore.Run{}
	for _, status := range statuses() {
		if status.Final() {
			continue
		}
		for _, id := range c.index.IDs(metricsstore.RunFilter{Status: []engine.Status{status}}) {
			now, err := c.read(ctx, id)
			if err != nil {
				return nil, err
			}
			if now != nil && !now.Status.Final() {
				live[id] = now
			}
		}
	}
	return live, nil
}

// read enters a run as it stands; nil where it is not there any more.
func (c *catalogue) read(ctx context.Context, id engine.RunID) (*metricsstore.Run, error) {
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

// put enters a run in the index, with what is known of it where it is live. It counts as changed when its summary may be
// another one.
func (c *catalogue) put(ctx context.Context, r *metricsstore.Run) {
	if !r.Status.Final() {
		c.overlay(ctx, r)
	}
	mark := maphash.Comparable(seed, struct {
		status   engine.Status
		seq      uint64
		rollup   int
		revision int
		counts   metricsstore.Counts
		note     string
		missing  string
	}{r.Status, r.LastSeq, r.Rollup, r.Info.Revision, r.Counts, r.Annotation.Note, fmt.Sprint(c.missing(ctx, r))})
	c.index.Put(metricsstore.NewEntry(r, runName(r.Info.ID)), mark)
}

var seed = maphash.MakeSeed()
