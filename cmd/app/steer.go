package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
	"github.com/dagscope/dagscope/web/api"
)

// foundWithin is how long a process that has just connected to Redis may take to learn of the runs there.
const foundWithin = 10 * time.Second

// steerFlags are what cancel, pause and resume have in common.
type steerFlags struct {
	Runs []string `arg:"" name:"run" help:"ID, an end or a beginning of one, or last."`
	targetFlags
}

// Validate is called by kong.
func (f *steerFlags) Validate() error { return f.check() }

// cancelCommand cancels runs.
type cancelCommand struct{ steerFlags }

// Run returns when the runs have ended.
func (c *cancelCommand) Run(ctx context.Context, s *session) error {
	return c.steer(ctx, s, api.CancelRun)
}

// pauseCommand pauses runs.
type pauseCommand struct{ steerFlags }

// Run returns when the runs are paused; active tasks continue.
func (c *pauseCommand) Run(ctx context.Context, s *session) error {
	return c.steer(ctx, s, api.PauseRun)
}

// resumeCommand resumes paused runs.
type resumeCommand struct{ steerFlags }

// Run returns when the runs continue.
func (c *resumeCommand) Run(ctx context.Context, s *session) error {
	return c.steer(ctx, s, api.ResumeRun)
}

// controller reaches the processes that execute runs.
type controller interface {
	find(ctx context.Context, text string) (record.RunID, error)
	// steer applies a control and returns the resulting status of the run. It fails if the run has ended before.
	steer(ctx context.Context, run record.RunID, control api.Control) (record.Status, error)
}

// steeredJSON is one run that was cancelled, paused or resumed.
type steeredJSON struct {
	Run    record.RunID  `json:"run"`
	Status record.Status `json:"status"`
}

// steer applies a control to all runs, after it has found all of them.
func (f *steerFlags) steer(ctx context.Context, s *session, control api.Control) error {
	return s.withController(ctx, f.targetFlags, func(k controller) error {
		var ids []record.RunID
		for _, text := range f.Runs {
			id, err := k.find(ctx, text)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		steered := []steeredJSON{}
		var errs []error
		for _, id := range ids {
			status, err := k.steer(ctx, id, control)
			if err == nil {
				err = missed(control, id, status)
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			steered = append(steered, steeredJSON{id, status})
			if !s.flags.JSON {
				fmt.Fprintf(s.stdout, "%s %s\n", id, done(control))
			}
		}
		if s.flags.JSON {
			errs = append(errs, s.printJSON(map[string]any{"runs": steered}))
		}
		return errors.Join(errs...)
	})
}

// done describes the effect of a control.
func done(control api.Control) string {
	switch control {
	case api.CancelRun:
		return "is cancelled"
	case api.PauseRun:
		return "is paused"
	default:
		return "continues"
	}
}

// missed returns an error if a run with this status is not in the state that a control asks for.
func missed(control api.Control, id record.RunID, s record.Status) error {
	switch {
	case s.Final() && (control != api.CancelRun || s != record.Cancelled):
		return hasEnded(id, s)
	case !control.Reached(s):
		return fmt.Errorf("run %s was asked to %s and is still %s; that may take effect later", id, control, s)
	}
	return nil
}

// hasEnded is the error for a run that has ended.
func hasEnded(id record.RunID, s record.Status) error {
	if s == record.Cancelled || s == record.Interrupted {
		return fmt.Errorf("run %s has ended: it was %s", id, s)
	}
	return fmt.Errorf("run %s has ended: it %s", id, s)
}

// withController calls f with a controller for the runs that the flags select.
func (s *session) withController(ctx context.Context, at targetFlags, f func(controller) error) error {
	if at.Server != "" {
		remote, err := at.service()
		if err != nil {
			return err
		}
		return f(serviceController{remote})
	}
	if !at.IsSet() {
		return s.withStore(ctx, at.storeFlags, func(store metricsstore.Store) error {
			return f(folderController{stored{store}, controlClient{s.flags.Data}})
		})
	}
	return s.withHome(ctx, at.storeFlags, embedded.Group, func(h *home) error {
		return s.withEngine(ctx, h, engineOptions{idle: true, serves: true}, func(e *engine.Engine) error {
			return f(sharedController{stored{h.store}, e})
		})
	})
}

// stored finds runs in a store.
type stored struct{ metricsstore.Store }

func (s stored) find(ctx context.Context, text string) (record.RunID, error) {
	r, err := findRun(ctx, s.Store, text)
	return r.Info.ID, err
}

// live refuses a run that has ended.
func (s stored) live(ctx context.Context, id record.RunID) error {
	r, err := s.Run(ctx, id)
	if err == nil && r.Status.Final() {
		return hasEnded(id, r.Status)
	}
	return err
}

// folderController reaches the processes on a data folder.
type folderController struct {
	stored
	client controlClient
}

func (f folderController) steer(ctx context.Context, id record.RunID, control api.Control) (record.Status, error) {
	if err := f.live(ctx, id); err != nil {
		return "", err
	}
	status, err := f.client.ask(ctx, id, control)
	if errors.Is(err, api.ErrUnreached) {
		err = fmt.Errorf("%w %s; end it by Ctrl-C where it was started, or name the service that executes it by --server", api.ErrUnreached, id)
	}
	return status, err
}

// sharedController joins the shared runs on a Redis.
type sharedController struct {
	stored
	engine *engine.Engine
}

func (c sharedController) steer(ctx context.Context, id record.RunID, control api.Control) (record.Status, error) {
	if err := c.live(ctx, id); err != nil {
		return "", err
	}
	run, err := c.found(ctx, id)
	if err != nil {
		return "", err
	}
	control.Do(run)
	return settled(ctx, run, control), nil
}

// found waits until this process knows the run.
func (c sharedController) found(ctx context.Context, id record.RunID) (*engine.Run, error) {
	ctx, cancel := context.WithTimeout(ctx, foundWithin)
	defer cancel()
	tick := time.NewTicker(controlEvery)
	defer tick.Stop()
	for {
		if run, err := c.engine.Get(id); err == nil {
			return run, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("run %s cannot be found on this Redis within %s: its state may have been deleted, or --redis-prefix is wrong", id, foundWithin)
		}
	}
}

// serviceController uses the API of a service.
type serviceController struct{ service }

func (c serviceController) steer(ctx context.Context, id record.RunID, control api.Control) (record.Status, error) {
	call := map[api.Control]func(context.Context, record.RunID) (api.RunSummary, error){
		api.CancelRun: c.Cancel, api.PauseRun: c.Pause, api.ResumeRun: c.Resume,
	}[control]
	now, err := call(ctx, id)
	if err != nil {
		return "", serviceError(err)
	}
	ctx, cancel := context.WithTimeout(ctx, controlWithin)
	defer cancel()
	for !control.Reached(now.Status) {
		select {
		case <-time.After(progressEvery):
		case <-ctx.Done():
			return now.Status, nil
		}
		next, err := c.Run(ctx, id)
		if err != nil && ctx.Err() == nil {
			return now.Status, serviceError(err)
		}
		if err == nil {
			now = next
		}
	}
	return now.Status, nil
}
