package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/dagscope/dagscope/engine"
)

// Main is the program: it parses the command line, runs the command with the given workflows, and exits. The first Ctrl-C
// or SIGTERM cancels active runs and lets them be recorded, the second ends the process at once.
func Main(workflows ...*engine.Workflow) {
	p := &program{
		second: &secondSignal{came: make(chan struct{})}, name: filepath.Base(os.Args[0]), workflows: workflows, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		colour: colourful(os.Stdout), outTerminal: isTerminal(os.Stdout), bars: isTerminal(os.Stderr),
	}
	os.Exit(p.run(p.untilSignal(context.Background()), os.Args[1:]))
}

// untilSignal returns a context that the first signal cancels. The second signal ends the process, after the linger time
// if there are children to kill. Its goroutine lives as long as the process.
func (p *program) untilSignal(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		for s := range signals {
			i := interrupted{s.(syscall.Signal)}
			if ctx.Err() != nil {
				close(p.second.came)
				time.Sleep(time.Duration(p.second.linger.Load()))
				os.Exit(i.exitCode())
			}
			cancel(i)
		}
	}()
	return ctx
}

// run executes the command of the arguments and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	p.stderr = &shared{w: p.stderr} // the store logs from its own goroutines
	err := p.execute(ctx, args)
	code := exitCode(ctx, err)
	var (
		reported reportedError
		parse    *kong.ParseError
	)
	switch {
	case err == nil, errors.As(err, &reported):
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		fmt.Fprintf(p.stderr, "%s: %v\n", p.name, context.Cause(ctx))
	case errors.As(err, &parse) && parse.Context.Selected() != nil:
		command := commandPath(parse.Context.Selected())
		fmt.Fprintf(p.stderr, "%s %s: %v; see %s %s --help\n", p.name, command, err, p.name, command)
	case errors.As(err, &parse):
		fmt.Fprintf(p.stderr, "%s: %v; commands are %s\n", p.name, err, commandNames(parse.Context.Model))
	default:
		fmt.Fprintf(p.stderr, "%s: %v\n", p.name, err)
	}
	return code
}

// commandPath is a command with the group that it is in, as it is written on the command line.
func commandPath(command *kong.Node) string {
	if group := command.Parent; group != nil && group.Type == kong.CommandNode {
		return group.Name + " " + command.Name
	}
	return command.Name
}

// commandNames lists the commands.
func commandNames(app *kong.Application) string {
	return strings.Join(place{node: app.Node}.commands(), ", ")
}

// execute parses the arguments and runs the command.
func (p *program) execute(ctx context.Context, args []string) error {
	s, parser, err := p.parser()
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if errors.Is(err, errHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return parsed.Run(s, parser.Model)
}

// parser describes the command line.
func (p *program) parser() (*session, *kong.Kong, error) {
	var line cli
	s := &session{program: p, flags: &line.commonFlags}
	parser, err := kong.New(&line,
		kong.Name(p.name),
		kong.Description("dagscope runs DAG workflows and shows why they took as long as they did."),
		kong.Writers(p.stdout, p.stderr),
		kong.NoDefaultHelp(),
		kong.Vars{"metrics": strings.Join(metricNames(), ", ")},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
	)
	if err != nil {
		return nil, nil, fmt.Errorf("describe the command line: %w", err)
	}
	return s, parser, nil
}

// cli is the command line as kong parses it.
type cli struct {
	commonFlags
	Serve      serveCommand      `cmd:"" help:"Serve the dashboard and the API, and execute runs submitted there."`
	Run        runCommand        `cmd:"" help:"Execute a workflow and record it."`
	Worker     workerCommand     `cmd:"" help:"Execute tasks of runs that other processes share over Redis."`
	Workflows  workflowsCommand  `cmd:"" help:"List the workflows with their parameters."`
	Schema     schemaCommand     `cmd:"" help:"Print the JSON Schema of pipeline files."`
	Demo       demoCommand       `cmd:"" help:"Run every workflow once and show the slowest functions."`
	Runs       runsCommand       `cmd:"" help:"List runs, newest first."`
	Tasks      tasksCommand      `cmd:"" help:"List the attempts of a run."`
	Stats      statsCommand      `cmd:"" help:"Show percentiles, mean and range of task metrics."`
	Why        whyCommand        `cmd:"" help:"Show what an ended run was long for: the reason with its bounds, and the critical path by phases and tasks."`
	Compare    compareCommand    `cmd:"" help:"Show what changed from one run to another, and what explains it."`
	WhatIf     whatIfCommand     `cmd:"" name:"whatif" help:"Simulate a run under other conditions."`
	Predict    predictCommand    `cmd:"" help:"Show how long a run of a workflow would take."`
	Logs       logsCommand       `cmd:"" help:"Show what the attempts of a run logged, and how they failed."`
	Result     resultCommand     `cmd:"" help:"Print what a run returned."`
	Cancel     cancelCommand     `cmd:"" help:"Cancel active runs."`
	Pause      pauseCommand      `cmd:"" help:"Pause runs, so that they start no more tasks."`
	Resume     resumeCommand     `cmd:"" help:"Resume paused runs."`
	Retry      retryCommand      `cmd:"" help:"Continue a failed or cancelled run, or execute the same again."`
	Import     importCommand     `cmd:"" help:"Import runs from files."`
	Export     exportCommand     `cmd:"" help:"Write a run to a file."`
	Delete     deleteCommand     `cmd:"" help:"Delete runs with everything recorded about them."`
	Prune      pruneCommand      `cmd:"" help:"Delete runs that are too old or too many."`
	Tag        tagCommand        `cmd:"" help:"Show, add or remove the tags and the note of a run."`
	Compact    compactCommand    `cmd:"" help:"Return the space of deleted runs to the file system."`
	Env        envCommand        `cmd:"" help:"List, prepare and remove environments of packages that tasks need."`
	Check      checkCommand      `cmd:"" help:"Look for damage in the records, and repair it."`
	Bench      benchCommand      `cmd:"" help:"Measure the engine on this machine next to the least a Go program needs."`
	Version    versionCommand    `cmd:"" help:"Show what this program was built from."`
	Completion completionCommand `cmd:"" help:"Print a completion script for a shell."`
	Complete   completeCommand   `cmd:"" name:"__complete" hidden:"" passthrough:"" help:"Print completions of the last word."`
}
