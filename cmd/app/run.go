package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// runCommand runs one workflow.
type runCommand struct {
	Workflow string            `arg:"" help:"Which one; the command workflows lists them."`
	Set      map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"Set a parameter; of a file parameter, to a path. Can be repeated."`
	Workers  int               `placeholder:"N" help:"How many processors the tasks may keep busy (default all)."`
	Deadline time.Duration     `default:"24h" placeholder:"TIME" help:"The run fails when it takes longer (default 24h)."`
	Policy   string            `default:"fail-fast" enum:"fail-fast,continue" placeholder:"fail-fast|continue" help:"What happens when a task fails for good: fail-fast ends the run (default), continue finishes what does not depend on it."`
	Tag      []string          `placeholder:"TAG" help:"Mark the run, to find it again. Can be repeated."`
	recordFlags
}

// Validate is called by kong.
func (c *runCommand) Validate() error {
	if c.Workers < 0 {
		return fmt.Errorf("--workers is %d, expected at least 1, or 0 for all processors", c.Workers)
	}
	if c.Deadline <= 0 {
		return fmt.Errorf("--deadline is %s, expected more than 0", c.Deadline)
	}
	return nil
}

// Run runs the workflow and prints its report.
func (c *runCommand) Run(ctx context.Context, s *session) error {
	args, err := s.arguments(c.Workflow, c.Set)
	if err != nil {
		return err
	}
	var report *runReport
	err = s.withNewStore(ctx, c.Durability, func(store metricsstore.Store) error {
		return s.withEngine(ctx, store, engineOptions{workers: c.Workers, durability: c.Durability}, func(e *engine.Engine) (err error) {
			report, err = s.runOnce(ctx, e, store, c.Workflow, args, c.options())
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

func (c *runCommand) options() engine.RunOptions {
	return engine.RunOptions{
		Policy: engine.Policy(c.Policy), Deadline: c.Deadline, Tags: c.Tag, Upload: c.Upload.String(),
	}
}

// arguments checks parameters and reads the files that they name.
func (s *session) arguments(workflow string, set map[string]string) (engine.Args, error) {
	w, err := s.workflow(workflow)
	if err != nil {
		return engine.Args{}, err
	}
	return w.Arguments(set, readFile)
}

// readFile reads the file that a parameter names.
func readFile(path string) (engine.File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return engine.File{}, fmt.Errorf("expected a file that can be read: %w", err)
	}
	return engine.File{Name: filepath.Base(path), Data: data}, nil
}

// runOnce runs a workflow to its end, shows how it goes, and reports it from its record. When ctx ends, the run is
// cancelled and reported all the same.
func (s *session) runOnce(
	ctx context.Context, e *engine.Engine, store metricsstore.Store, workflow string, args engine.Args, o engine.RunOptions,
) (*runReport, error) {
	r, err := e.SubmitWorkflow(ctx, workflow, args, o)
	if err != nil {
		return nil, err
	}
	p := s.newProgress(r)
	for ended := false; !ended; {
		select {
		case <-r.Done():
			ended = true
		case <-ctx.Done():
			r.Cancel()
			<-r.Done()
			ended = true
		case <-time.After(progressEvery):
			p.show()
		}
	}
	lasting := context.WithoutCancel(ctx)
	incomplete := r.WaitRecorded(lasting)
	kept, err := store.Run(lasting, r.ID())
	if incomplete == nil {
		incomplete = err
	}
	report := newRunReport(r, &kept, incomplete, s.flags.Data)
	p.end(time.Duration(report.MakespanNS))
	return report, nil
}
