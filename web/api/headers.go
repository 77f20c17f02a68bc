package api

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// headers lists all runs as they are kept.
func (c *catalogue) headers(ctx context.Context) (listing, error) {
	asked := time.Now()
	select {
	case c.scanning <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-c.scanning }()
	began := time.Now()
	known, how := c.known(asked, began)
	if how == isKnown {
		return known, nil
	}
	touched := c.take()
	runs, err := known, error(nil)
	if how == toScan {
		runs, err = c.scan(ctx)
	} else {
		runs, err = c.refresh(ctx, known, touched)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		maps.Copy(c.touched, touched)
		return nil, err
	}
	c.runs, c.began = runs, began
	if how == toScan {
		c.scanned, c.took = began, time.Since(began)
	}
	return runs, nil
}

// reading says how headers are read.
type reading int

const (
	toScan    reading = iota // all of them
	toRefresh                // those that are new, live, or touched
	isKnown                  // none
)

// known gives the headers that were read before, and how to go on. What somebody else began to read after it was asked
// for is as new as it has to be.
func (c *catalogue) known(asked, now time.Time) (listing, reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.scanned.IsZero():
		return nil, toScan
	case c.began.After(asked):
		return c.runs, isKnown
	case c.took > scanQuick && now.Sub(c.scanned) < scanShare*c.took:
		return c.runs, toRefresh
	}
	return nil, toScan
}

// take empties touched and gives what was in it.
func (c *catalogue) take() map[engine.RunID]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	touched := c.touched
	c.touched = map[engine.RunID]bool{}
	return touched
}

// scan reads all headers.
func (c *catalogue) scan(ctx context.Context) (listing, error) {
	var out listing
	for after := (metricsstore.Position{}); ; {
		runs, err := c.cfg.Store.Runs(ctx, after, 256)
		if err != nil || len(runs) == 0 {
			return out, err
		}
		for i := range runs {
			out = append(out, metricsstore.NewCandidate(&runs[i]))
		}
		after = runs[len(runs)-1].Position()
	}
}

// refresh reads headers up to the first that is known, and those of known runs that are live or touched.
func (c *catalogue) refresh(ctx context.Context, known listing, again map[engine.RunID]bool) (listing, error) {
	out, err := c.latest(ctx, known)
	if err != nil {
		return nil, err
	}
	isNew := map[engine.RunID]bool{}
	for _, r := range out {
		isNew[r.Info.ID] = true
	}
	out = append(out, known...)
	reread := maps.Clone(again)
	for _, r := range known {
		if !r.Status.Final() {
			reread[r.Info.ID] = true
		}
	}
	for id := range reread {
		if isNew[id] {
			continue
		}
		if out, err = c.reread(ctx, out, id); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// latest reads the headers of runs that stand before all that are known.
func (c *catalogue) latest(ctx context.Context, known listing) (listing, error) {
	var out listing
	after := metricsstore.Position{}
	for limit := newPage; ; limit = min(4*limit, 256) {
		runs, err := c.cfg.Store.Runs(ctx, after, limit)
		if err != nil {
			return nil, err
		}
		for i := range runs {
			if len(known) > 0 && !runs[i].Position().Before(known[0].Position()) {
				return out, nil
			}
			out = append(out, metricsstore.NewCandidate(&runs[i]))
		}
		if len(runs) == 0 {
			return out, nil
		}
		after = runs[len(runs)-1].Position()
	}
}

// reread puts a run as it is kept now into a listing of the caller's own.
func (c *catalogue) reread(ctx context.Context, runs listing, id engine.RunID) (listing, error) {
	now, err := c.cfg.Store.Run(ctx, id)
	if errors.Is(err, metricsstore.ErrNotFound) {
		return slices.DeleteFunc(runs, func(r *metricsstore.Candidate) bool { return r.Info.ID == id }), nil
	}
	if err != nil {
		return nil, err
	}
	candidate := metricsstore.NewCandidate(&now)
	at, found := runs.find(now.Position())
	if found {
		runs[at] = candidate
		return runs, nil
	}
	return slices.Insert(runs, at, candidate), nil
}
