package api

import (
	"context"
	"maps"
	"slices"
	"sync"
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

// catalogue knows the headers of all runs, with what is known of live ones at the moment. Safe for concurrent use.
type catalogue struct {
	cfg     Config
	queries *metricsstore.Queries
	unpack  *metricsstore.Unpacker

	// scanning has a token for the one that reads headers: the others wait for what that gives, each as long as it likes.
	scanning chan struct{}

	mu      sync.Mutex // never held while the store is asked
	runs    listing
	began   time.Time // when runs was begun to be read
	scanned time.Time // when all of it was read last
	took    time.Duration
	touched map[engine.RunID]bool   // changed by this process since they were read
	tallies map[engine.RunID]*tally // of live runs
}

func newCatalogue(cfg Config) (*catalogue, error) {
	q, err := metricsstore.NewQueries(cfg.Store)
	if err != nil {
		return nil, err
	}
	u, err := metricsstore.NewUnpacker()
	if err != nil {
		return nil, err
	}
	return &catalogue{
		cfg: cfg, queries: q, unpack: u, scanning: make(chan struct{}, 1),
		touched: map[engine.RunID]bool{}, tallies: map[engine.RunID]*tally{},
	}, nil
}

// all lists all runs, live ones as they stand.
func (c *catalogue) all(ctx context.Context) (listing, error) {
	kept, err := c.headers(ctx)
	if err != nil {
		return nil, err
	}
	c.forget(kept)
	out, copied := kept, false
	for i := range kept {
		if kept[i].Status.Final() {
			continue
		}
		if !copied {
			out, copied = slices.Clone(kept), true
		}
		live := *kept[i]
		c.overlay(ctx, &live.Run)
		out[i] = &live
	}
	return out, nil
}

// touch has a run read again for the next list.
func (c *catalogue) touch(run engine.RunID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.touched[run] = true
}

// forget drops the tallies of runs that have ended.
func (c *catalogue) forget(kept listing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.tallies) == 0 {
		return
	}
	live := map[engine.RunID]bool{}
	for i := range kept {
		if !kept[i].Status.Final() {
			live[kept[i].Info.ID] = true
		}
	}
	maps.DeleteFunc(c.tallies, func(id engine.RunID, _ *tally) bool { return !live[id] })
}

// one gives one run, as it stands where it is live.
func (c *catalogue) one(ctx context.Context, id engine.RunID) (metricsstore.Run, error) {
	run, err := c.cfg.Store.Run(ctx, id)
	if err == nil && !run.Status.Final() {
		c.overlay(ctx, &run)
	}
	return run, err
}

// overlay fills in what is known of a live run by now. Where its log cannot be read, its counts stay zero.
func (c *catalogue) overlay(ctx context.Context, r *metricsstore.Run) {
	p, err := c.progress(ctx, r.Info.ID)
	if err != nil {
		return
	}
	r.Counts = p.Counts
	r.Counts.MakespanNS = max(int64(c.cfg.Now().Sub(r.Info.StartedAt)), 0)
	if p.paused && r.Status == engine.Running {
		r.Status = engine.Paused
	}
	if own, err := c.cfg.Engine.Get(r.Info.ID); err == nil {
		now := own.Progress()
		r.Counts.Tasks, r.Counts.Succeeded = int64(now.Tasks), int64(now.Done)
		r.Counts.Failed, r.Counts.Skipped = int64(now.Failed), int64(now.Skipped)
		r.Counts.Retried = int64(now.Retries)
		if !now.Status.Final() { // an end is told once it is recorded
			r.Status = now.Status
		}
	}
}

// progress reads what the log of a live run tells.
func (c *catalogue) progress(ctx context.Context, id engine.RunID) (progress, error) {
	c.mu.Lock()
	t := c.tallies[id]
	c.mu.Unlock()
	if t == nil {
		g, err := c.queries.Graph(ctx, id)
		if err != nil {
			return progress{}, err
		}
		t = newTally(metricsstore.NewLogReader(c.cfg.Store, c.unpack, id, 0), g, c.cfg.Shared)
		c.mu.Lock()
		c.tallies[id] = t
		c.mu.Unlock()
	}
	return t.at(ctx, time.Now())
}

// running is how many tasks of a live run are executed by now.
func (c *catalogue) running(ctx context.Context, id engine.RunID) int64 {
	if own, err := c.cfg.Engine.Get(id); err == nil {
		return int64(own.Progress().Running)
	}
	p, _ := c.progress(ctx, id)
	return p.running
}
