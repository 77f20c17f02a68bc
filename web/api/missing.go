package api

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

const (
	// missingAfter is how long no live worker may have a function that tasks wait for before that is told: workers are
	// replaced and restarted.
	missingAfter = time.Minute
	// noneAfter is how long there may be no live worker at all: one that is invoked needs a moment to come.
	noneAfter = 5 * time.Second
	// workersEvery is how often the workers are asked for, however many runs are looked at.
	workersEvery = time.Second
)

// claimable knows which tasks of a live run could be claimed, as far as its log tells. A nil one knows nothing.
type claimable struct {
	numbering *engine.Numbering
	since     map[engine.NodeID]int64 // of each task that is ready and not known to be executed
}

func newClaimable(n *engine.Numbering) *claimable {
	return &claimable{numbering: n, since: map[engine.NodeID]int64{}}
}

// step takes in a step that fits the graph. What was retried or lost can be claimed again, which no step tells.
func (c *claimable) step(s *engine.Step) {
	if c == nil {
		return
	}
	over := max(s.Started, s.Ended, s.Updated)
	switch s.Kind {
	case engine.AttemptStarted, engine.TaskSkipped:
		delete(c.since, s.Node)
	case engine.AttemptEnded:
		switch {
		case !c.numbering.IsTask(s.Node): // any worker goes on with a lost expansion
		case s.Outcome == engine.OutcomeRetrying:
			c.since[s.Node] = s.Ended + int64(s.Delay)
		case s.Outcome == engine.OutcomeLost:
			c.since[s.Node] = over
		default:
			delete(c.since, s.Node)
		}
	}
	for _, id := range s.Readied {
		if c.numbering.Contains(id) && c.numbering.IsTask(id) {
			c.since[id] = over
		}
	}
}

// waitingFunction is one that tasks could be claimed of: how many, and since when the first of them.
type waitingFunction struct {
	FunctionName
	tasks int
	since int64 // ns since the run's start
}

// byFunction sums up, in the order of the graph's functions.
func (c *claimable) byFunction() []waitingFunction {
	if c == nil || len(c.since) == 0 {
		return nil
	}
	functions := c.numbering.Graph().Functions()
	all := make([]waitingFunction, len(functions))
	for id, since := range c.since {
		p := c.numbering.Locate(id)
		w := &all[c.numbering.Graph().Scope(p.Block.Scope).Function(p.Local)]
		if w.tasks == 0 || since < w.since {
			w.since = since
		}
		w.tasks++
	}
	for i, name := range functionNames(functions) {
		all[i].FunctionName = name
	}
	return slices.DeleteFunc(all, func(w waitingFunction) bool { return w.tasks == 0 })
}

// roster remembers which functions live workers have, and when one last had each. Safe for concurrent use.
type roster struct {
	workers func(context.Context) ([]WorkerState, error)
	now     func() time.Time

	mu     sync.Mutex
	looked time.Time
	known  bool // once they could be told
	anyone bool // some worker is alive
	all    bool // one of them has every function
	had    map[string]time.Time
}

// look asks for the workers, but not more often than worth it. The caller holds mu.
func (r *roster) look(ctx context.Context, now time.Time) {
	if !r.looked.IsZero() && now.Sub(r.looked) < workersEvery {
		return
	}
	r.looked = now
	workers, err := r.workers(ctx)
	if err != nil {
		return // what was known stays
	}
	r.known, r.anyone, r.all = true, false, false
	for _, w := range workers {
		seen := now
		if w.Lost {
			seen = w.LastBeat
		} else {
			r.anyone, r.all = true, r.all || w.Functions == nil
		}
		for _, f := range w.Functions {
			if seen.After(r.had[f]) {
				r.had[f] = seen
			}
		}
	}
}

// lacking tells which functions no live worker has had for a minute, or none at all is alive to have.
func (r *roster) lacking(ctx context.Context, waiting []waitingFunction, started time.Time) []MissingFunction {
	out := []MissingFunction{}
	if len(waiting) == 0 {
		return out
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.look(ctx, now)
	if !r.known {
		return out
	}
	for _, w := range waiting {
		since := started.Add(time.Duration(w.since))
		if !r.anyone && now.Sub(since) < noneAfter {
			continue
		}
		if had := r.had[w.key()]; had.After(since) {
			since = had
		}
		if !r.anyone || !r.all && now.Sub(since) >= missingAfter {
			out = append(out, MissingFunction{Function: w.Function, Version: w.Version, Tasks: w.tasks})
		}
	}
	return out
}

// missingFunctions tells what tasks of a run wait for in vain. It is never null.
func (a *API) missingFunctions(ctx context.Context, r *metricsstore.Run) []MissingFunction {
	if !a.cfg.Shared || r.Status != engine.Running && r.Status != engine.Queued {
		return []MissingFunction{}
	}
	p, err := a.runs.progress(ctx, r.Info.ID)
	if err != nil {
		return []MissingFunction{} // nobody knows what waits
	}
	return a.roster.lacking(ctx, p.waiting, r.Info.StartedAt)
}
