package api

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// Control is what can be done to a run under way.
type Control string

// Controls.
const (
	CancelRun Control = "cancel"
	PauseRun  Control = "pause"
	ResumeRun Control = "resume"
)

// Controls lists all controls.
func Controls() []Control { return []Control{CancelRun, PauseRun, ResumeRun} }

// Do asks a run of this process for it.
func (c Control) Do(r *engine.Run) {
	switch c {
	case CancelRun:
		r.Cancel()
	case PauseRun:
		r.Pause()
	case ResumeRun:
		r.Resume()
	}
}

// Reached reports whether a run of this status is as the control wants it, or beyond it.
func (c Control) Reached(s engine.Status) bool {
	switch {
	case s.Final():
		return true
	case c == PauseRun:
		return s == engine.Paused
	default:
		return c == ResumeRun && s != engine.Paused
	}
}

// ErrUnreached is what Config.Ask gives where it reaches no process that executes the run.
var ErrUnreached = errors.New("no process that can be reached executes the run")

const (
	// takesEffect is how long an answer waits for what was asked for: where runs are shared, their store has a say.
	takesEffect = 2 * time.Second
	effectEvery = 10 * time.Millisecond
)

// steer makes the handler that does something to a run under way. The answer tells how the run stands once it is so, or
// 202 where that takes long; the end of a run that is cancelled is waited for only where another process tells of it.
func (a *API) steer(c Control) func(context.Context, *OfRun) (*answer[RunSummary], error) {
	return func(ctx context.Context, in *OfRun) (*answer[RunSummary], error) {
		id := in.id()
		own, unknown := a.cfg.Engine.Get(id) // before the record, which is complete by the time that the engine forgets a run
		if unknown != nil && !errors.Is(unknown, engine.ErrUnknownRun) {
			return nil, unknown
		}
		kept, err := a.kept(ctx, id)
		switch {
		case err != nil:
			return nil, err
		case kept.Status.Final():
			return nil, NewProblem(http.StatusConflict, "the run has ended: it %s", ending(kept.Status))
		case unknown != nil:
			return a.ask(ctx, id, c)
		}
		c.Do(own)
		reached := c == CancelRun || await(ctx, func() bool { return c.Reached(own.Progress().Status) })
		out, err := a.told(ctx, id)
		if err == nil && !reached {
			out.Status = http.StatusAccepted
		}
		return out, err
	}
}

// ask asks the process that executes a run.
func (a *API) ask(ctx context.Context, id engine.RunID, c Control) (*answer[RunSummary], error) {
	status, err := engine.Status(""), ErrUnreached
	if a.cfg.Ask != nil {
		status, err = a.cfg.Ask(ctx, id, c)
	}
	if errors.Is(err, ErrUnreached) {
		return nil, NewProblem(http.StatusConflict, "no process that can be reached from here executes the run; "+
			"where a service does, this asks it: %s %s %s --server URL; Ctrl-C ends it where it was started", a.cfg.Program, c, id)
	}
	if err != nil {
		return nil, err
	}
	out, err := a.told(ctx, id)
	if err != nil {
		return nil, err
	}
	if out.Body.Live && !status.Final() {
		out.Body.Status = status // of which the store may not have heard
	}
	if !c.Reached(status) {
		out.Status = http.StatusAccepted
	}
	return out, nil
}

// await waits until something holds; false where that takes too long, or nobody waits any more.
func await(ctx context.Context, holds func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, takesEffect)
	defer cancel()
	tick := time.NewTicker(effectEvery)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// ending says how a run ended.
func ending(s engine.Status) string {
	switch s {
	case engine.Cancelled, engine.Interrupted:
		return "was " + string(s)
	}
	return string(s)
}

func (a *API) retryRun(ctx context.Context, in *retryInput) (*created, error) {
	kept, err := a.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	if !in.New && a.cfg.Retry != nil && (kept.Status == engine.Failed || kept.Status == engine.Cancelled) {
		_, err := a.cfg.Retry(context.WithoutCancel(ctx), in.id()) // whoever asked may go; the run stays
		if !errors.Is(err, engine.ErrUnknownRun) {
			return a.continued(ctx, in.id(), err)
		}
	}
	w, err := a.cfg.Engine.Workflow(kept.Info.Workflow)
	if err != nil {
		return nil, NewProblem(http.StatusUnprocessableEntity, "this server has no workflow %q", cut(kept.Info.Workflow, 80))
	}
	args, options, err := Again(w, &kept)
	if err != nil {
		return nil, err
	}
	id, err := a.start(ctx, w, args, options, kept.Annotation.Note)
	if err != nil {
		return nil, err
	}
	return a.made(ctx, id, http.StatusCreated)
}

// continued answers with the next revision of a run, where it has begun.
func (a *API) continued(ctx context.Context, id engine.RunID, err error) (*created, error) {
	if err != nil {
		return nil, ofEngine(err)
	}
	return a.made(ctx, id, http.StatusOK)
}

// Again gives arguments and options by which the workflow of a run does the same once more. The error, a *Problem, says
// why it cannot.
func Again(w *engine.Workflow, kept *metricsstore.Run) (engine.Args, engine.RunOptions, error) {
	args, err := repeated(w, kept)
	tags := slices.DeleteFunc(slices.Clone(kept.Annotation.Tags), func(t string) bool { return t == metricsstore.KeepTag })
	options := engine.RunOptions{Policy: kept.Info.Policy, Deadline: kept.Info.Deadline, Upload: kept.Info.Upload, Tags: tags}
	if kept.Info.Rules != nil {
		options.Rules = *kept.Info.Rules
	}
	return args, options, err
}

// repeated gives the arguments of a run once more. Files are not kept: only those that the workflow brings itself can
// be had again, and those are known by their names.
func repeated(w *engine.Workflow, kept *metricsstore.Run) (engine.Args, error) {
	set := maps.Clone(kept.Info.Params)
	for i := range w.Params {
		p := &w.Params[i]
		name, isSet := set[p.Name]
		if p.Kind != engine.FileParam || !isSet {
			continue
		}
		delete(set, p.Name)
		if p.DefaultFile != nil {
			if f, err := p.DefaultFile(); err == nil && f.Name == name {
				continue
			}
		}
		return engine.Args{}, NewProblem(http.StatusConflict,
			"the run was given the file %q for %s, which is not kept; submit it again with the file", cut(name, 80), p.Name)
	}
	args, err := w.Arguments(set, nil)
	if err != nil {
		return engine.Args{}, NewProblem(http.StatusConflict, "the parameters of the run do not fit its workflow any more: %s", plain(err))
	}
	return args, nil
}
