package shared

import (
	"log/slog"
	"time"

	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

// facts are what does not change about a run in this process. All parts of the run share them. Safe for concurrent use.
type facts struct {
	cfg      *Config
	backend  Backend
	log      *slog.Logger
	id       record.RunID
	job      execution.Job
	rules    record.Rules
	revision int
	started  time.Time // on the store's clock
	from     int64     // when this revision began, as far as this process knows
	joined   bool      // created elsewhere, found by Join, which sets it before the run is followed
	hooks    state.Hooks
	layout   *member.Layout
	clock    *clock
	costs    Costs // of the back end when the run became known
}

func newFacts(cfg *Config, job execution.Job, kept Stored, hooks state.Hooks) *facts {
	if hooks.Ready == nil {
		hooks.Ready = func(int) {}
	}
	if hooks.Stopping == nil {
		hooks.Stopping = func(error) {}
	}
	if hooks.Fenced == nil {
		hooks.Fenced = func(error) {}
	}
	layout := member.NewLayout(job.Graph)
	if hooks.Room == nil {
		hooks.Room = layout.AnyRoom
	}
	f := &facts{
		cfg: cfg, backend: cfg.Backend, log: cfg.Log.With("run", job.Info.ID), id: job.Info.ID, job: job,
		rules: job.Options.Rules.WithDefaults(), revision: kept.Revision, started: kept.StartedAt, hooks: hooks,
		layout: layout, clock: newClock(kept.StartedAt), costs: cfg.Backend.Costs(),
	}
	if f.revision > 0 {
		f.from = f.clock.now()
	}
	return f
}

// wall is a moment of the run as a time on the store's clock.
func (f *facts) wall(ns int64) time.Time { return f.started.Add(time.Duration(ns)) }

// now is the current time on the store's clock.
func (f *facts) now() time.Time { return f.wall(f.clock.now()) }

// deadline is how long the run may still take, 0 when it is due to be stopped.
func (f *facts) deadline() time.Duration {
	return max(0, f.job.Options.Deadline-time.Duration(f.clock.now()-f.from))
}

// fenceAfter is how long a session continues without an answer.
func (f *facts) fenceAfter() time.Duration { return f.cfg.Lease * 2 / 3 }
