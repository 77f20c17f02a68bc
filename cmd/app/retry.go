package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/web/api"
)

// retryCommand continues a run, or repeats it.
type retryCommand struct {
	RunID string `arg:"" name:"run" help:"ID, an end or a beginning of one, or last."`
	workersFlags
	recordFlags
	targetFlags
}

// Help is printed below the flags.
func (c *retryCommand) Help() string {
	return "If runs are shared over Redis, a failed or cancelled run continues as its next revision: tasks that have succeeded are not repeated. " +
		"Otherwise the same workflow is executed with the same parameters as a new run: by this process, or with --server by the service, without waiting for its end."
}

// Validate is called by kong.
func (c *retryCommand) Validate() error {
	return errors.Join(c.workersFlags.check(), c.targetFlags.check())
}

// Run retries the run and prints the same report as the command run.
func (c *retryCommand) Run(ctx context.Context, s *session) error {
	if c.Server != "" {
		return c.elsewhere(ctx, s)
	}
	var report *runReport
	err := s.withHome(ctx, c.storeFlags, c.Durability, func(h *home) error {
		kept, err := findRun(ctx, h.store, c.RunID)
		if err != nil {
			return err
		}
		if !kept.Status.Final() {
			return fmt.Errorf("run %s has not ended, expected one that has; the command cancel ends it", kept.Info.ID)
		}
		o := engineOptions{workers: c.width(), durability: c.Durability, idle: c.width() == 0}
		return s.withEngine(ctx, h, o, func(e *engine.Engine) (err error) {
			report, err = retry(ctx, s, e, h, &kept)
			return err
		})
	})
	if report != nil {
		err = errors.Join(err, s.printReport(report))
	}
	if err != nil {
		return err
	}
	return report.verdict()
}

// retry continues a run whose state still exists, and otherwise repeats it as a new run.
func retry(ctx context.Context, s *session, e *engine.Engine, h *home, kept *metricsstore.Run) (*runReport, error) {
	if h.redis != nil && (kept.Status == record.Failed || kept.Status == record.Cancelled) {
		r, err := e.Retry(ctx, kept.Info.ID)
		if err == nil {
			return s.follow(ctx, h, r)
		}
		if !errors.Is(err, engine.ErrUnknownRun) {
			return nil, err
		}
	}
	w, args, o, err := api.Again(s.workflow, kept)
	if err != nil {
		return nil, usageError{err}
	}
	return s.runOnce(ctx, e, h, w.Name, args, o)
}

// retriedJSON is a run that a service has continued or started.
type retriedJSON struct {
	Run      record.RunID  `json:"run"`
	Revision int           `json:"revision"`
	Status   record.Status `json:"status"`
	New      bool          `json:"new"` // not the run that was named
}

// elsewhere has a service retry the run.
func (c *retryCommand) elsewhere(ctx context.Context, s *session) error {
	remote, err := c.service()
	if err != nil {
		return err
	}
	id, err := remote.find(ctx, c.RunID)
	if err != nil {
		return err
	}
	run, err := remote.Retry(ctx, id)
	if err != nil {
		return serviceError(err)
	}
	if s.flags.JSON {
		return s.printJSON(retriedJSON{run.Run, run.Revision, run.Status, run.Run != id})
	}
	if run.Run == id {
		_, err = fmt.Fprintf(s.stdout, "%s continues as revision %d\n", id, run.Revision)
	} else {
		_, err = fmt.Fprintf(s.stdout, "%s repeats %s\n", run.Run, id)
	}
	return err
}
