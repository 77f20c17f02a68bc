package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/embedded"
	"github.com/dagscope/dagscope/web/api"
)

// runCommand executes one workflow.
type runCommand struct {
	Workflow string            `arg:"" help:"Workflow to execute, of those that the command workflows lists, or a pipeline file such as words.yaml."`
	Set      map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"Set a parameter; a file parameter to a path. Can be repeated."`
	Deadline time.Duration     `default:"24h" placeholder:"TIME" help:"The run fails if it takes longer (default 24h)."`
	Policy   string            `default:"fail-fast" enum:"fail-fast,continue" placeholder:"fail-fast|continue" help:"What happens when a task fails for good: fail-fast ends the run (default), continue finishes what does not depend on it."`
	Tag      []string          `sep:"none" placeholder:"TAG" help:"Tag the run, to find it again. Can be repeated."`
	Rules    rulesFlag         `placeholder:"RULES" help:"Change how tasks and outputs are placed if processes share the run: any of no-become, no-clustering, no-delay, no-inline, no-preload, store-all, cluster=4MiB, inline=16KiB, hold=2s, invokers=16, poison=3, separated by commas."`
	workersFlags
	collectorFlags
	recordFlags
	targetFlags
	codeFlags
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
	if c.Server != "" && c.OTLPEndpoint != "" {
		return errors.New("--server is given with --otlp-endpoint, expected one of them: a service sends its own runs, with the flag of serve")
	}
	if _, err := c.collectorFlags.configure(); err != nil {
		return err
	}
	if c.Deadline <= 0 {
		return fmt.Errorf("--deadline is %s, expected more than 0", c.Deadline)
	}
	if record.Rules(c.Rules) != (record.Rules{}) && !c.IsSet() && c.Server == "" {
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
	if err := c.load(s); err != nil {
		return nil, err
	}
	args, err := s.arguments(c.Workflow, c.Set)
	if err != nil {
		return nil, err
	}
	err = s.withHome(ctx, c.storeFlags, c.Durability, func(h *home) error {
		collector, err := c.collectorFlags.configure()
		if err != nil {
			return err
		}
		o := engineOptions{workers: c.width(), durability: c.Durability, idle: c.width() == 0, invite: c.Invoking, collector: collector}
		return s.withEngine(ctx, h, o, func(e *engine.Engine) (err error) {
			report, err = s.runOnce(ctx, e, h, c.Workflow, args, c.options())
			return err
		})
	})
	return report, err
}

// load makes the runner of code, and reads the pipeline if the workflow is one.
func (c *runCommand) load(s *session) error {
	var secret []byte
	if c.IsSet() && c.SecretFile != "" {
		var err error
		if secret, err = c.Secret(); err != nil {
			return err
		}
	}
	if err := c.useCode(s, secret, true); err != nil {
		return err
	}
	if !isPipeline(c.Workflow) {
		return nil
	}
	if c.IsSet() && secret == nil {
		return usage("a pipeline is executed by workers that share --redis, expected --secret-file: they take only what is signed with their secret")
	}
	name, err := loadPipeline(s, c.Workflow)
	c.Workflow = name
	return err
}

func (c *runCommand) options() engine.RunOptions {
	return engine.RunOptions{
		Policy: record.Policy(c.Policy), Deadline: c.Deadline, Tags: c.Tag, Upload: c.Upload.String(), Rules: record.Rules(c.Rules),
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

// there has a service execute the workflow.
func (c *runCommand) there(ctx context.Context, s *session) (*runReport, error) {
	at, err := c.service()
	if err != nil {
		return nil, err
	}
	submission, files, err := c.submission(ctx, at)
	if err != nil {
		return nil, err
	}
	return s.runThere(ctx, at, c.Server, submission, files)
}

// submission makes the submission to a service from the flags, with the files of file parameters.
func (c *runCommand) submission(ctx context.Context, at service) (api.Submission, map[string]engine.File, error) {
	out := api.Submission{
		Workflow: c.Workflow, Params: map[string]string{}, Tags: c.Tag, Policy: record.Policy(c.Policy), DeadlineNS: int64(c.Deadline),
		Upload: c.Upload.String(), Rules: api.Rules(c.Rules),
	}
	workflow, err := at.Workflow(ctx, c.Workflow)
	var p *api.Problem
	if errors.As(err, &p) && p.Status == http.StatusNotFound {
		return out, nil, usage("the service at %s has no workflow %q", c.Server, c.Workflow)
	}
	if err != nil {
		return out, nil, serviceError(err)
	}
	kinds := map[string]engine.ParamKind{}
	for _, p := range workflow.Params {
		kinds[p.Name] = p.Kind
	}
	files := map[string]engine.File{}
	for name, value := range c.Set {
		if kinds[name] != engine.FileParam {
			out.Params[name] = value
			continue
		}
		if files[name], err = readFile(value); err != nil {
			return out, nil, usage("parameter %s: %w", name, err)
		}
	}
	return out, files, nil
}
