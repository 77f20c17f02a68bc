package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/index"
)

// catalogue keeps an index of all runs, with the current state of live ones. Safe for concurrent use.
type catalogue struct {
	cfg     Config
	queries *metricsstore.Queries
	unpack  *metricsstore.Unpacker
	index   *index.Index

	// reading holds a token while one call brings the index up to date: the others wait for its result, each as long as
	// its own context allows. The holder of the token owns the two fields below.
	reading chan struct{}
	began   time.Time // when the last update of the index began
	changes uint64    // the number of the latest change of the store that the index includes

	mu      sync.Mutex                         // guards all below; never held during a call of the store
	live    map[record.RunID]*metricsstore.Run // as of began
	tallies map[record.RunID]*tally            // of live runs
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
		cfg: cfg, queries: q, unpack: u, index: index.New(), reading: make(chan struct{}, 1),
		tallies: map[record.RunID]*tally{},
	}, nil
}

// one returns a run, with its current state if it is live.
func (c *catalogue) one(ctx context.Context, id record.RunID) (metricsstore.Run, error) {
	run, err := c.cfg.Store.Run(ctx, id)
	if err == nil && !run.Status.Final() {
		c.overlay(ctx, &run)
	}
	return run, err
}

// listed returns the runs of a list as of the last update of the index. Those that were deleted since are left out.
func (c *catalogue) listed(ctx context.Context, ids []record.RunID) ([]metricsstore.Run, error) {
	c.mu.Lock()
	live := c.live
	c.mu.Unlock()
	out := make([]metricsstore.Run, 0, len(ids))
	for _, id := range ids {
		if r := live[id]; r != nil {
			out = append(out, *r)
			continue
		}
		r, err := c.cfg.Store.Run(ctx, id)
		if errors.Is(err, metricsstore.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// overlay fills in the current state of a live run. If its log cannot be read, its counts stay zero.
func (c *catalogue) overlay(ctx context.Context, r *metricsstore.Run) {
	p, err := c.progress(ctx, r.Info.ID)
	if err != nil {
		return
	}
	r.Counts = p.Counts
	if p.paused && r.Status == record.Running {
		r.Status = record.Paused
	}
	c.overlayOwn(r)
}

// overlayOwn fills in what this process knows about a live run without reading its log, which is everything if it executes
// the run itself.
func (c *catalogue) overlayOwn(r *metricsstore.Run) {
	r.Counts.MakespanNS = max(int64(c.cfg.Now().Sub(r.Info.StartedAt)), 0)
	own, err := c.cfg.Engine.Get(r.Info.ID)
	if err != nil {
		return
	}
	now := own.Progress()
	r.Counts.Tasks, r.Counts.Succeeded = int64(now.Tasks), int64(now.Done)
	r.Counts.Failed, r.Counts.Skipped = int64(now.Failed), int64(now.Skipped)
	r.Counts.Retried = int64(now.Retries)
	if !now.Status.Final() { // an end is shown once it is recorded
		r.Status = now.Status
	}
}

// progress reads the current state of a live run from its log.
func (c *catalogue) progress(ctx context.Context, id record.RunID) (progress, error) {
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

// running returns how many tasks of a live run are being executed.
func (c *catalogue) running(ctx context.Context, id record.RunID) int64 {
	if own, err := c.cfg.Engine.Get(id); err == nil {
		return int64(own.Progress().Running)
	}
	p, _ := c.progress(ctx, id)
	return p.running
}
