package api

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	pool "github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/metricsstore"
)

const (
	// missingAfter is how long a function that tasks wait for may be absent from all live workers before it is reported
	// as missing: workers are replaced and restarted.
	missingAfter = time.Minute
	// noneAfter is how long there may be no live worker at all: an invoked worker needs a moment to start.
	noneAfter = 5 * time.Second
	// workersEvery bounds how often workers are listed, however many runs are checked.
	workersEvery = time.Second
)

// claimable tracks which tasks of a live run can be claimed, as far as its log has them. A nil *claimable tracks nothing.
type claimable struct {
	numbering *dag.Numbering
	since     map[dag.NodeID]int64 // when each task became ready that is not known to be executing, ns since the start of the run
}

func newClaimable(n *dag.Numbering) *claimable {
	return &claimable{numbering: n, since: map[dag.NodeID]int64{}}
}

// step applies a step that fits the graph. Retried and lost tasks can be claimed again, for which there is no step.
func (c *claimable) step(s *record.Step) {
	if c == nil {
		return
	}
	switch s.Kind {
	case record.AttemptStarted, record.TaskSkipped:
		delete(c.since, s.Node)
	case record.AttemptEnded:
		switch {
		case !c.numbering.IsTask(s.Node): // any worker continues a lost expansion
		case s.Outcome == record.OutcomeRetrying:
			c.since[s.Node] = s.Ended + int64(s.Delay)
		case s.Outcome == record.OutcomeLost:
			c.since[s.Node] = s.Over()
		default:
			delete(c.since, s.Node)
		}
	}
	for _, id := range s.Readied {
		if c.numbering.IsTask(id) {
			c.since[id] = s.Over()
		}
	}
}

// waitingFunction is a function with claimable tasks: how many, and since when the first of them waits.
type waitingFunction struct {
	FunctionName
	needs engine.Options
	tasks int
	since int64 // ns since the run's start
}

// byFunction groups the claimable tasks, in the order of the graph's functions.
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
		all[i].FunctionName, all[i].needs = name, functions[i].Options()
	}
	return slices.DeleteFunc(all, func(w waitingFunction) bool { return w.tasks == 0 })
}

// roster remembers which functions live workers have, and when each was last available. Safe for concurrent use.
type roster struct {
	workers func(context.Context) ([]WorkerState, error)
	now     func() time.Time

	mu     sync.Mutex           // guards all below
	looked time.Time            // when workers were listed last
	known  bool                 // workers could be listed at least once
	alive  []pool.Snapshot      // of live workers
	all    bool                 // one of them has every function
	had    map[string]time.Time // when a worker was last known to have each function
}

// look lists the workers, at most once in workersEvery. The caller holds mu.
func (r *roster) look(ctx context.Context, now time.Time) {
	if !r.looked.IsZero() && now.Sub(r.looked) < workersEvery {
		return
	}
	r.looked = now
	workers, err := r.workers(ctx)
	if err != nil {
		return // keep the last known state
	}
	r.known, r.all, r.alive = true, false, nil
	for _, w := range workers {
		seen := now
		if w.Lost {
			seen = w.LastBeat
		} else {
			r.alive, r.all = append(r.alive, w.Snapshot), r.all || w.Functions == nil
		}
		for _, f := range w.Functions {
			if seen.After(r.had[f]) {
				r.had[f] = seen
			}
		}
	}
}

// lacking returns the functions that no live worker has had for missingAfter or is large enough for, or all of them if there
// is no live worker.
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
		anyone := len(r.alive) > 0
		tooLarge := pool.TooLarge(w.needs, r.alive)
		if (!anyone || tooLarge != "") && now.Sub(since) < noneAfter {
			continue
		}
		if had := r.had[w.key()]; had.After(since) {
			since = had
		}
		if !anyone || tooLarge != "" || !r.all && now.Sub(since) >= missingAfter {
			out = append(out, MissingFunction{Function: w.Function, Version: w.Version, Tasks: w.tasks, TooLarge: tooLarge})
		}
	}
	return out
}

// missingFunctions returns the functions that tasks of a run wait for in vain. It is never nil.
func (s *summaries) missingFunctions(ctx context.Context, r *metricsstore.Run) []MissingFunction {
	if !s.cfg.Shared || r.Status != record.Running && r.Status != record.Queued {
		return []MissingFunction{}
	}
	p, err := s.runs.progress(ctx, r.Info.ID)
	if err != nil {
		return []MissingFunction{} // it is not known what waits
	}
	return s.roster.lacking(ctx, p.waiting, r.Info.StartedAt)
}
