package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore/embedded"
)

// runCommand executes one workflow.
type runCommand struct {
	Workflow string            `arg:"" help:"Workflow to execute; the command workflows lists them."`
	Set      map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"Set a parameter; a file parameter to a path. Can be repeated."`
	Deadline time.Duration     `default:"24h" placeholder:"TIME" help:"The run fails if it takes longer (default 24h)."`
	Policy   string            `default:"fail-fast" enum:"fail-fast,continue" placeholder:"fail-fast|continue" help:"What happens when a task fails for good: fail-fast ends the run (default), continue finishes what does not depend on it."`
	Tag      []string          `sep:"none" placeholder:"TAG" help:"Tag the run, to find it again. Can be repeated."`
	Rules    rulesFlag         `placeholder:"RULES" help:"Change how tasks and outputs are placed if processes share the run: any of no-become, no-clustering, no-delay, no-inline, no-preload, store-all, cluster=4MiB, inline=16KiB, hold=2s, invokers=16, poison=3, separated by commas."`
	workersFlags
	recordFlags
	targetFlags
	fleet.Invoking
}

// Help is printed below the flags.
func (c *runCommand) Help() string {
	return "With --server the service executes the workflow, which this program need not have; this command sends the files, waits and reports. " +
		"Ctrl-C cancels the run, wherever it is executed."
}

// Validate is called by kong.
func (c *runCommand) Validate() error {
	if err := errors.Join(c.workersFlags.check(), c.targetFlags.check()); err != nil {
		return err
	}
	if c.Server != "" && (c.Workers != nil || c.Durability != embedded.Group) {
		return errors.New("--server is given with --workers or --durability, expected neither: the service has its own")
	}
	if c.Deadline <= 0 {
		return fmt.Errorf("--deadline is %s, expected more than 0", c.Deadline)
	}
	if engine.Rules(c.Rules) != (engine.Rules{}) && !c.IsSet() && c.Server == "" {
		return errors.New("--rules is given without --redis or --server, expected one of them: the rules matter where processes share a run")
	}
	return nil
}

// Run executes the workflow and prints the report.
func (c *runCommand) Run(ctx context.Context, s *session) error {
	execute := c.here
	if c.Server != "" {
		execute = c.there
	}
	report, err := execute(ctx, s)
	if report != nil {
		err = errors.Join(err, s.printReport(report))
	}
	if err != nil {
		return err
	}
	return report.verdict()
}

// here executes the workflow in this process, or in those that share its Redis.
func (c *runCommand) here(ctx context.Context, s *session) (report *runReport, err error) {
	args, err := s.arguments(c.Workflow, c.Set)
	if err != nil {
		return nil, err
	}
	err = s.withHome(ctx, c.storeFlags, c.Durability, func(h *home) error {
		o := engineOptions{workers: c.width(), durability: c.Durability, idle: c.width() == 0, invite: c.Invoking}
		return s.withEngine(ctx, h, o, func(e *engine.Engine) (err error) {
			report, err = s.runOnce(ctx, e, h, c.Workflow, args, c.options())
			return err
		})
	})
	return report, err
}

func (c *runCommand) options() engine.RunOptions {
	return engine.RunOptions{
		Policy: engine.Policy(c.Policy), Deadline: c.Deadline, Tags: c.Tag, Upload: c.Upload.String(), Rules: engine.Rules(c.Rules),
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

// runOnce executes a workflow, shows its progress, and reports its outcome from the record. When ctx ends, the run is
// cancelled and still reported.
func (s *session) runOnce(
	ctx context.Context, e *engine.Engine, h *home, workflow string, args engine.Args, o engine.RunOptions,
) (*runReport, error) {
	r, err := e.SubmitWorkflow(ctx, workflow, args, o)
	if err != nil {
		return nil, err
	}
	return s.follow(ctx, h, r)
}

// follow shows the progress of a run that has begun, and reports its outcome from the record.
func (s *session) follow(ctx context.Context, h *home, r *engine.Run) (*runReport, error) {
	p := s.newProgress(r.ID(), r.Info().Workflow, r.Progress)
	if h.redis != nil {
		watch, err := s.newStallWatch(h, r)
		if err != nil {
			return nil, err
		}
		watching := inBackground(ctx, "stall watch", watch.Run)
		defer func() { _ = watching.stop() }() // it cannot fail
	}
	if err := s.await(ctx, r, p); err != nil {
		return nil, err
	}
	lasting := context.WithoutCancel(ctx)
	incomplete := r.WaitRecorded(lasting)
	kept, err := h.store.Run(lasting, r.ID())
	if incomplete == nil {
		incomplete = err
	}
	report := newRunReport(r.Info(), r.Progress(), r.End(), &kept)
	report.recordedAt(s.where, incomplete)
	p.end(time.Duration(report.MakespanNS))
	return report, nil
}

const (
	// noticeAfter is how long cancelling takes before a notice is printed.
	noticeAfter = time.Second
	// cancelEvery is how often cancelling is repeated, in case Redis did not answer.
	cancelEvery = 5 * time.Second
	// cancelWithin bounds cancelling: other processes notice it within ten seconds, and their tasks have ten more to return.
	cancelWithin = 30 * time.Second
)

// await shows the progress of a run until it has ended. When ctx ends, it cancels the run; it fails if the run does not
// end then.
func (s *session) await(ctx context.Context, r *engine.Run, p *progress) error {
	show := time.NewTicker(progressEvery)
	defer show.Stop()
	for ctx.Err() == nil {
		select {
		case <-r.Done():
			return nil
		case <-show.C:
			p.show()
		case <-ctx.Done():
		}
	}
	notice := time.After(noticeAfter)
	for last := time.After(cancelWithin); ; {
		r.Cancel()
		select {
		case <-r.Done():
			return nil
		case <-notice:
			s.notice("%s  is being cancelled; a second signal ends this process at once", r.ID())
		case <-time.After(cancelEvery):
		case <-last:
			return fmt.Errorf("run %s could not be cancelled within %s and may still be active in other processes", r.ID(), cancelWithin)
		}
	}
}
