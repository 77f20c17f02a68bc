package api

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// A list of runs may be older than the store by scanShare times what reading it took, so that lists take at most
// that share of one processor. Lists that are read within scanQuick are always read.
const (
	scanShare = 50
	scanQuick = 20 * time.Millisecond
)

// catalogue knows the headers of all runs, with what is known of live ones by now. Safe for concurrent use.
type catalogue struct {
	cfg     Config
	queries *metricsstore.Queries
	unpack  *metricsstore.Unpacker

	// scanning has a token for whoever reads the headers: the others wait for what that gives, each as long as it likes.
	scanning chan struct{}

	mu      sync.Mutex         // never held while the store is asked
	runs    []metricsstore.Run // the latest first; replaced, never changed
	began   time.Time          // when runs were begun to be read
	scanned time.Time
	took    time.Duration
	staled  int                     // how often the list was called stale
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
	return &catalogue{cfg: cfg, queries: q, unpack: u, scanning: make(chan struct{}, 1), tallies: map[engine.RunID]*tally{}}, nil
}

// all lists all runs, the latest first, live ones as they stand. The list must not be modified.
func (c *catalogue) all(ctx context.Context) ([]metricsstore.Run, error) {
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
		c.overlay(ctx, &out[i])
	}
	return out, nil
}

// stale makes the next list be read from the store.
func (c *catalogue) stale() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scanned = time.Time{}
	c.staled++
}

// headers reads all headers, or, shortly after that took long, only those of runs that are new or live.
func (c *catalogue) headers(ctx context.Context) ([]metricsstore.Run, error) {
	asked := time.Now()
	select {
	case c.scanning <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-c.scanning }()
	began := time.Now()
	known, quick, staled, done := c.known(asked, began)
	if done {
		return known, nil
	}
	runs, err := c.read(ctx, known)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs, c.began = runs, began
	if !quick && c.staled == staled {
		c.scanned, c.took = began, time.Since(began)
	}
	return runs, nil
}

// known gives the headers that need not be read again, and whether that is all: what somebody else began to read after
// it was asked for is as new as it has to be.
func (c *catalogue) known(asked, now time.Time) (runs []metricsstore.Run, quick bool, staled int, done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.began.After(asked) && !c.scanned.IsZero() {
		return c.runs, true, c.staled, true
	}
	if c.took > scanQuick && now.Sub(c.scanned) < scanShare*c.took {
		return c.runs, true, c.staled, false
	}
	return nil, false, c.staled, false
}

// read reads headers up to the first that is known, and those of known runs that had not ended.
func (c *catalogue) read(ctx context.Context, known []metricsstore.Run) ([]metricsstore.Run, error) {
	var out []metricsstore.Run
	for after := (metricsstore.Position{}); ; {
		runs, err := c.cfg.Store.Runs(ctx, after, 256)
		if err != nil {
			return nil, err
		}
		for i := range runs {
			if len(known) > 0 && !runs[i].Position().Before(known[0].Position()) {
				return c.reread(ctx, append(out, known...), len(out))
			}
			out = append(out, runs[i])
		}
		if len(runs) == 0 {
			return out, nil
		}
		after = runs[len(runs)-1].Position()
	}
}

// reread reads the live ones among the runs from one on again.
func (c *catalogue) reread(ctx context.Context, runs []metricsstore.Run, from int) ([]metricsstore.Run, error) {
	out := runs[:from]
	for _, r := range runs[from:] {
		if !r.Status.Final() {
			now, err := c.cfg.Store.Run(ctx, r.Info.ID)
			if errors.Is(err, metricsstore.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			r = now
		}
		out = append(out, r)
	}
	return out, nil
}

// forget drops the tallies of runs that have ended.
func (c *catalogue) forget(kept []metricsstore.Run) {
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

// listedStore answers Runs and Run from the list that the context holds, so that what metricsstore works out over all
// runs costs no further reading of the store.
type listedStore struct{ metricsstore.Store }

// runsKey is the key of the list in a context.
type runsKey struct{}

// withRuns gives the context a list of all runs.
func withRuns(ctx context.Context, all []metricsstore.Run) context.Context {
	return context.WithValue(ctx, runsKey{}, all)
}

// Runs implements metricsstore.Store.
func (listedStore) Runs(ctx context.Context, after metricsstore.Position, limit int) ([]metricsstore.Run, error) {
	all, _ := ctx.Value(runsKey{}).([]metricsstore.Run)
	from := 0
	if after != (metricsstore.Position{}) {
		from = sort.Search(len(all), func(i int) bool { return after.Before(all[i].Position()) })
	}
	all = all[from:]
	if limit > 0 && limit < len(all) {
		all = all[:limit]
	}
	return all, nil
}

// Run implements metricsstore.Store.
func (s listedStore) Run(ctx context.Context, id engine.RunID) (metricsstore.Run, error) {
	all, _ := ctx.Value(runsKey{}).([]metricsstore.Run)
	for i := range all {
		if all[i].Info.ID == id {
			return all[i], nil
		}
	}
	return s.Store.Run(ctx, id)
}
