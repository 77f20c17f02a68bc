package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Control is a request to an active run.
type Control string

// Controls.
const (
	CancelRun Control = "cancel"
	PauseRun  Control = "pause"
	ResumeRun Control = "resume"
)

// Controls lists all controls.
func Controls() []Control { return []Control{CancelRun, PauseRun, ResumeRun} }

// Do applies the control to a run of this process.
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

// Reached reports whether a run with this status is in the state that the control asks for, or has ended.
func (c Control) Reached(s record.Status) bool {
	switch {
	case s.Final():
		return true
	case c == PauseRun:
		return s == record.Paused
	default:
		return c == ResumeRun && s != record.Paused
	}
}

// ErrUnreached is returned by Config.Ask when it cannot reach a process that executes the run.
var ErrUnreached = errors.New("no process that can be reached executes the run")

const (
	// takesEffect is how long a response waits until the control has taken effect: shared runs need a commit to their store.
	takesEffect = 2 * time.Second
	effectEvery = 10 * time.Millisecond
)

// controlHandlers control active runs, and continue or repeat ended ones.
type controlHandlers struct{ *submitHandlers }

// steer returns the handler of a control. The response is the summary of the run once the control has taken effect, with
// status 202 if that takes too long. The end of a cancelled run is awaited only if another process executes it.
func (h *controlHandlers) steer(c Control) func(context.Context, *OfRun) (*answer[RunSummary], error) {
	return func(ctx context.Context, in *OfRun) (*answer[RunSummary], error) {
		id := in.id()
		own, unknown := h.cfg.Engine.Get(id) // read before the record, which is complete when the engine forgets a run
		if unknown != nil && !errors.Is(unknown, engine.ErrUnknownRun) {
			return nil, unknown
		}
		kept, err := h.kept(ctx, id)
		switch {
		case err != nil:
			return nil, err
		case kept.Status.Final():
			return nil, NewProblem(http.StatusConflict, "the run has ended: it %s", ending(kept.Status))
		case unknown != nil:
			return h.ask(ctx, id, c)
		}
		c.Do(own)
		reached := c == CancelRun || await(ctx, func() bool { return c.Reached(own.Progress().Status) })
		out, err := h.current(ctx, id)
		if err == nil && !reached {
			out.Status = http.StatusAccepted
		}
		return out, err
	}
}

// ask forwards a control to the process that executes the run.
func (h *controlHandlers) ask(ctx context.Context, id record.RunID, c Control) (*answer[RunSummary], error) {
	status, err := record.Status(""), ErrUnreached
	if h.cfg.Ask != nil {
		status, err = h.cfg.Ask(ctx, id, c)
	}
	if errors.Is(err, ErrUnreached) {
		return nil, NewProblem(http.StatusConflict, "no process that can be reached from here executes the run; "+
			"if a service executes it, run: %s %s %s --server URL; Ctrl-C ends it where it was started", h.cfg.Program, c, id)
	}
	if err != nil {
		return nil, err
	}
	out, err := h.current(ctx, id)
	if err != nil {
		return nil, err
	}
	if out.Body.Live && !status.Final() {
		out.Body.Status = status // which the store may not have yet
	}
	if !c.Reached(status) {
		out.Status = http.StatusAccepted
	}
	return out, nil
}

// await waits until a condition holds; it returns false if that takes too long or ctx ends.
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

// ending puts into words how a run ended.
func ending(s record.Status) string {
	switch s {
	case record.Cancelled, record.Interrupted:
		return "was " + string(s)
	}
	return string(s)
}

func (h *controlHandlers) retryRun(ctx context.Context, in *retryInput) (*created, error) {
	kept, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	if !in.New && h.cfg.Retry != nil && (kept.Status == record.Failed || kept.Status == record.Cancelled) {
		_, err := h.cfg.Retry(context.WithoutCancel(ctx), in.id()) // the run outlives the request
		if !errors.Is(err, engine.ErrUnknownRun) {
			return h.continued(ctx, in.id(), err)
		}
	}
	w, args, options, err := Again(h.cfg.Engine.Workflow, &kept)
	if err != nil {
		return nil, err
	}
	id, err := h.start(ctx, w, args, options, kept.Annotation.Note)
	if err != nil {
		return nil, err
	}
	return h.made(ctx, id, http.StatusCreated)
}

// continued answers with the next revision of a run, or with the error of Config.Retry.
func (h *controlHandlers) continued(ctx context.Context, id record.RunID, err error) (*created, error) {
	if err != nil {
		return nil, ofEngine(err)
	}
	return h.made(ctx, id, http.StatusOK)
}

// Again returns the workflow of a run, which find looks up by its name, with the arguments and options with which it
// repeats the run. The error is a *Problem that says why the run cannot be repeated, and what to do instead.
func Again(find func(name string) (*engine.Workflow, error), kept *metricsstore.Run) (*engine.Workflow, engine.Args, engine.RunOptions, error) {
	w, err := find(kept.Info.Workflow)
	if err != nil {
		return nil, engine.Args{}, engine.RunOptions{}, NewProblem(http.StatusUnprocessableEntity, "%s", notHere(&kept.Info))
	}
	args, err := repeated(w, kept)
	tags := slices.DeleteFunc(slices.Clone(kept.Annotation.Tags), func(t string) bool { return t == metricsstore.KeepTag })
	options := engine.RunOptions{Policy: kept.Info.Policy, Deadline: kept.Info.Deadline, Upload: kept.Info.Upload, Tags: tags}
	if kept.Info.Rules != nil {
		options.Rules = *kept.Info.Rules
	}
	return w, args, options, err
}

// notHere says that the workflow of a run is not here, and what repeats the run all the same.
func notHere(info *record.RunInfo) string {
	text := fmt.Sprintf("there is no workflow %q here", cut(info.Workflow, 80))
	switch {
	case info.Source != nil:
		text = fmt.Sprintf("%s: it was in the file %s; repeat it by the command run with that file", text, info.Source.File)
		for _, name := range slices.Sorted(maps.Keys(info.Params)) {
			text += fmt.Sprintf(" --set %s=%s", name, cut(info.Params[name], 80))
		}
		return text
	case info.Origin != nil || info.Imported() != nil:
		return text + ": the run is a recording"
	}
	return text + ": if a program submitted its graph, such as one in Python, start that program again"
}

// repeated rebuilds the arguments of a run. Uploaded files are not kept: only the default files of a workflow are
// available again, which are recognised by their names.
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
