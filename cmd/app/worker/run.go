package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/invoke"
	"github.com/dagscope/dagscope/engine/state/redis"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
)

// began is approximately when the process started, for records.
var began = time.Now()

const (
	// softStop is how long tasks have to finish after the first signal.
	softStop = 20 * time.Second
	// orphanStop is how long a child may continue after its supervisor is gone.
	orphanStop = 30 * time.Second
)

// World is the environment of a worker.
type World struct {
	// Program is the name of the program.
	Program string
	// Command starts the program again with the same flags; --child is added for children.
	Command   []string
	Workflows []*engine.Workflow
	// Stdout gets one line once the worker is ready, and the output of children; Stderr gets the log. Both must be safe for
	// concurrent use.
	Stdout, Stderr io.Writer
	// JSON makes both of them JSON.
	JSON bool
	// Hurry, if not nil, is closed when children have to be killed.
	Hurry <-chan struct{}
}

// Run executes tasks until ctx ends. Mistakes in the options are a UsageError; if Redis cannot be reached, the error is an
// UnreachableError.
func Run(ctx context.Context, o Options, w World) error {
	p := &program{World: w, options: o, name: o.name(), log: w.logger()}
	functions, err := NewCatalogue(w.Workflows)
	if err != nil {
		return err
	}
	if p.code, err = o.runner(); err != nil {
		return err
	}
	p.functions = functions.With(p.code)
	if o.Child {
		return p.asChild(ctx)
	}
	return p.run(ctx, nil)
}

func (w World) logger() *slog.Logger {
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	if w.JSON {
		return slog.New(slog.NewJSONHandler(w.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(w.Stderr, options))
}

// program is a running worker. Run sets its fields before it starts goroutines.
type program struct {
	World
	options    Options
	name       string
	log        *slog.Logger
	functions  *Catalogue
	code       *code.Runner // nil without --accept-code
	connection *redis.Connection
	fan        *invoke.Fan     // nil if it invokes no workers
	listener   *invokeListener // nil without --listen
}

// run opens what every mode needs, and executes tasks in the mode of the options.
func (p *program) run(ctx context.Context, board shared.Board) error {
	p.log = p.log.With("worker", p.name)
	if p.options.Memory != 0 && !p.supervises() {
		if err := limitMemory(p.options.Memory); err != nil {
			return UsageError{err}
		}
	}
	var err error
	if p.fan, err = p.options.Fan(p.log); err != nil {
		return err
	}
	if p.listener, err = p.options.open(ctx); err != nil {
		return err
	}
	defer p.listener.close()
	if p.connection, err = p.options.Open(ctx); err != nil {
		return err
	}
	if !p.options.Child { // the supervisor has logged them
		for _, warning := range p.connection.Warnings {
			p.log.Warn(warning)
		}
	}
	defer p.logStopping(ctx)()
	switch {
	case p.supervises():
		err = p.supervise(ctx)
	case p.listener != nil:
		err = p.listen(ctx)
	default:
		err = p.join(ctx, board)
	}
	return errors.Join(err, p.connection.Close())
}

// logStopping logs when ctx ends, unless a supervisor does. Nothing is logged after stop has returned.
func (p *program) logStopping(ctx context.Context) (stop func()) {
	if p.options.Child {
		return func() {}
	}
	logged := make(chan struct{})
	stopped := context.AfterFunc(ctx, func() {
		defer close(logged)
		p.log.Info("stopping: active tasks may finish, other claims are released; a second signal ends the process at once", "within", softStop)
	})
	return func() {
		if !stopped() {
			<-logged
		}
	}
}

func (p *program) supervises() bool { return p.options.Children > 0 && !p.options.Child }

// asChild runs under a supervisor, and ends when the supervisor does.
func (p *program) asChild(ctx context.Context) error {
	board, gone, err := invoke.Adopt()
	if err != nil {
		return usage("--child is only for processes started by --children: %w", err)
	}
	board.Introduce(p.name)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		<-gone
		time.AfterFunc(orphanStop, invoke.Disband)
		cancel()
	}()
	err = p.run(ctx, board)
	select {
	case <-gone:
		invoke.Disband() // kills processes that tasks have started
	default:
	}
	return err
}

// join runs as one of a pool of workers.
func (p *program) join(ctx context.Context, board shared.Board) error {
	pool, err := p.pool(board, softStop)
	if err != nil {
		return err
	}
	parts := append(p.companions(), p.presence(pool))
	if p.options.Child {
		parts = append(parts, func(ctx context.Context) error { return leaks(ctx, pool) })
	} else if err := p.announce(""); err != nil {
		return err
	}
	return runWith(ctx, pool.Run, parts...)
}

// leakEvery is how often a child checks whether it has lost a lane.
const leakEvery = 250 * time.Millisecond

// leaks fails when a cancelled task does not return, so that the process ends and its resources are freed.
func leaks(ctx context.Context, pool *worker.Pool) error {
	tick := time.NewTicker(leakEvery)
	defer tick.Stop()
	for seen := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		n := pool.Snapshot().Leaked
		seen, n = n, min(n, seen) // seen twice, so that the end of the attempt has been sent
		if n > 0 {
			return fmt.Errorf("worker: %d slots are lost to tasks that do not stop; this process ends and is replaced", n)
		}
	}
}

// store makes the store of shared runs for this process.
func (p *program) store(board shared.Board) (*shared.Store, error) {
	cfg := shared.Config{Backend: redis.New(p.connection), Board: board, Log: p.log, Lease: p.options.Lease}
	if p.fan != nil {
		cfg.Invoke = p.fan.Readied
	}
	return shared.New(cfg)
}

// pool makes a pool that executes tasks of shared runs, and gives them soft to finish.
func (p *program) pool(board shared.Board, soft time.Duration) (*worker.Pool, error) {
	store, err := p.store(board)
	if err != nil {
		return nil, err
	}
	width, slots := p.options.lanes()
	cfg := worker.Config{
		State: store, Width: width, Memory: int64(p.options.Memory), Processes: p.options.Children, MaxSlots: slots, SoftStop: soft, Name: p.name,
		Startup: time.Since(began), Find: p.functions.Find,
	}
	if p.code != nil {
		cfg.Prepare = p.code.Prepare
	}
	return worker.New(cfg)
}

// companions are the parts that run in every mode: one that invokes other workers, with --invoke, one that executes code,
// with --accept-code, and one that logs when Redis does not answer, unless a supervisor does.
func (p *program) companions() []func(context.Context) error {
	var parts []func(context.Context) error
	if p.fan != nil {
		parts = append(parts, p.fan.Run)
	}
	if p.code != nil {
		parts = append(parts, p.code.Run)
	}
	if !p.options.Child {
		parts = append(parts, LogOutage(p.connection.Client, p.log).Run)
	}
	return parts
}

// presence is the part that announces this process.
func (p *program) presence(pool *worker.Pool) func(context.Context) error {
	return Presence{Client: p.connection.Client, Prefix: p.connection.Prefix, Describe: func() Present {
		return PresentOf(pool, p.functions)
	}}.Run
}

// announce prints one line when the worker is ready.
func (p *program) announce(url string) error {
	if p.JSON {
		line := map[string]any{"worker": p.name, "redis": p.options.Redis.String()}
		if url != "" {
			line["url"] = url
		}
		return json.NewEncoder(p.Stdout).Encode(line)
	}
	line := fmt.Sprintf("%s: %s works for %s", p.Program, p.name, p.options.Redis)
	if url != "" {
		line += " when invoked at " + url
	}
	_, err := fmt.Fprintln(p.Stdout, line)
	return err
}

// runWith runs a part together with others, which it stops after the part has returned. If one of these fails, all end.
func runWith(ctx context.Context, part func(context.Context) error, others ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	around, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var running sync.WaitGroup
	errs := make([]error, len(others)+1)
	for i, run := range others {
		running.Go(func() {
			if errs[i] = run(around); errs[i] != nil {
				cancel()
			}
		})
	}
	errs[len(others)] = part(ctx)
	stop()
	running.Wait()
	return errors.Join(errs...)
}
