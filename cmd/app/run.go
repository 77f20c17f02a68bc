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

// runCommand runs one workflow.
type runCommand struct {
	Workflow string            `arg:"" help:"Which one; the command workflows lists them."`
	Set      map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"Set a parameter; of a file parameter, to a path. Can be repeated."`
	Deadline time.Duration     `default:"24h" placeholder:"TIME" help:"The run fails when it takes longer (default 24h)."`
	Policy   string            `default:"fail-fast" enum:"fail-fast,continue" placeholder:"fail-fast|continue" help:"What happens when a task fails for good: fail-fast ends the run (default), continue finishes what does not depend on it."`
	Tag      []string          `sep:"none" placeholder:"TAG" help:"Mark the run, to find it again. Can be repeated."`
	Rules    rulesFlag         `placeholder:"RULES" help:"Change how tasks and outputs are placed where processes share a run: any of no-become, no-clustering, no-delay, no-inline, no-preload, store-all, cluster=4MiB, inline=16KiB, hold=2s, invokers=16, poison=3, with commas between."`
	workersFlags
	recordFlags
	targetFlags
	fleet.Invoking
}

// Help is printed below the flags.
func (c *runCommand) Help() string {
	return "With --server the service there executes the workflow, which only it needs to have; this command sends the files, waits and reports. " +
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

// Run runs the workflow and prints its report.
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

// here lets this process execute the workflow, or those that share its Redis.
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

// runOnce runs a workflow to its end, shows how it goes, and reports it from its record. When ctx ends, the run is
// cancelled and reported all the same.
func (s *session) runOnce(
	ctx context.Context, e *engine.Engine, h *home, workflow string, args engine.Args, o engine.RunOptions,
) (*runReport, error) {
	r, err := e.SubmitWorkflow(ctx, workflow, args, o)
	if err != nil {
		return nil, err
	}
	return s.follow(ctx, h, r)
}

// follow shows how a run that has been begun goes, and reports it from its record.
func (s *session) follow(ctx context.Context, h *home, r *engine.Run) (*runReport, error) {
	p := s.newProgress(r.ID(), r.Info().Workflow, r.Progress)
	if h.redis != nil {
		look, err := s.newLookout(h, r)
		if err != nil {
			return nil, err
		}
		looking := beside(ctx, "lookout", look.Run)
		defer func() { _ = looking.stop() }() // it cannot fail
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
	// tellCancelling is how long cancelling takes until that is told.
	tellCancelling = time.Second
	// cancelEvery is how often it is asked for: the first time Redis may not have been there.
	cancelEvery = 5 * time.Second
	// cancelWithin is how long it may take: tasks have ten seconds to heed it, others as much to notice.
	cancelWithin = 30 * time.Second
)

// await shows how a run goes until it has ended. When ctx ends, the run is cancelled; the error says that it cannot be.
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
	told := time.After(tellCancelling)
	for last := time.After(cancelWithin); ; {
		r.Cancel()
		select {
		case <-r.Done():
			return nil
		case <-told:
			s.notice("%s  is being cancelled; a second signal ends this process at once", r.ID())
		case <-time.After(cancelEvery):
		case <-last:
			return fmt.Errorf("run %s could not be cancelled within %s and may go on in other processes", r.ID(), cancelWithin)
		}
	}
}
