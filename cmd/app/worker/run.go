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
	"github.com/dagscope/dagscope/engine/invoke"
	"github.com/dagscope/dagscope/engine/state/redis"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
)

// began is about when the process did, for what records say of its start.
var began = time.Now()

const (
	// softStop is how long tasks may finish after the first signal.
	softStop = 20 * time.Second
	// orphanStop is how long a process may go on whose supervisor is gone.
	orphanStop = 30 * time.Second
)

// World is the program around a worker.
type World struct {
	// Program is its name.
	Program string
	// Command starts it once more, with the same flags; --child is added for those of --children.
	Command   []string
	Workflows []*engine.Workflow
	// Stdout gets one line once the worker works, and what children print there; Stderr the log. Safe for concurrent use.
	Stdout, Stderr io.Writer
	// JSON makes both of them JSON.
	JSON bool
	// Hurry, where it is not nil, is closed when children are not to be waited for any longer.
	Hurry <-chan struct{}
}

// Run works until ctx ends. The error is a UsageError or an UnreachableError where it is one.
func Run(ctx context.Context, o Options, w World) error {
	p := &program{World: w, options: o, name: o.name(), log: w.logger()}
	functions, err := NewCatalogue(w.Workflows)
	if err != nil {
		return err
	}
	p.functions = functions
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

// program is a worker under way.
type program struct {
	World
	options    Options
	name       string
	log        *slog.Logger
	functions  *Catalogue
	connection *redis.Connection
	fan        *invoke.Fan // nil where nobody is invoked
	gate       *gate       // nil where nobody can invoke this worker
}

// run opens what every way to work needs, and works.
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
	if p.gate, err = p.options.open(ctx); err != nil {
		return err
	}
	defer p.gate.close()
	if p.connection, err = p.options.Open(ctx); err != nil {
		return err
	}
	if !p.options.Child { // the supervisor has told
		for _, warning := range p.connection.Warnings {
			p.log.Warn(warning)
		}
	}
	defer p.tellStopping(ctx)()
	switch {
	case p.supervises():
		err = p.supervise(ctx)
	case p.gate != nil:
		err = p.listen(ctx)
	default:
		err = p.join(ctx, board)
	}
	return errors.Join(err, p.connection.Close())
}

// tellStopping has the log told when ctx ends, unless a supervisor tells. Nothing is told once what it returns was called.
func (p *program) tellStopping(ctx context.Context) (stop func()) {
	if p.options.Child {
		return func() {}
	}
	told := make(chan struct{})
	stopped := context.AfterFunc(ctx, func() {
		defer close(told)
		p.log.Info("stopping: what runs may finish, the rest is given back; a second signal ends the process at once", "within", softStop)
	})
	return func() {
		if !stopped() {
			<-told
		}
	}
}

func (p *program) supervises() bool { return p.options.Children > 0 && !p.options.Child }

// asChild works under a supervisor, and ends when that does.
func (p *program) asChild(ctx context.Context) error {
	board, gone, err := invoke.Adopt()
	if err != nil {
		return usage("--child is for processes of --children alone: %w", err)
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
		invoke.Disband() // nobody else would end what tasks have started
	default:
	}
	return err
}

// join works as one of a pool of workers.
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
	return beside(ctx, pool.Run, parts...)
}

// leakEvery is how often a child looks whether it has lost a slot.
const leakEvery = 250 * time.Millisecond

// leaks fails when a task goes on that was told to stop: whatever it takes, another process gives back.
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
		seen, n = n, min(n, seen) // seen twice, so that the end of the attempt is on its way
		if n > 0 {
			return fmt.Errorf("worker: %d slots are lost to tasks that do not stop; this process ends, and another one takes its place", n)
		}
	}
}

// store is this process's part in shared runs.
func (p *program) store(board shared.Board) (*shared.Store, error) {
	cfg := shared.Config{Backend: redis.New(p.connection), Board: board, Log: p.log, Lease: p.options.Lease}
	if p.fan != nil {
		cfg.Invoke = p.fan.Readied
	}
	return shared.New(cfg)
}

// pool executes tasks of shared runs, and lets them finish for soft.
func (p *program) pool(board shared.Board, soft time.Duration) (*worker.Pool, error) {
	store, err := p.store(board)
	if err != nil {
		return nil, err
	}
	width, slots := p.options.lanes()
	return worker.New(worker.Config{
		State: store, Width: width, MaxSlots: slots, SoftStop: soft, Name: p.name,
		Startup: time.Since(began), Find: p.functions.Find,
	})
}

// companions are the parts of every way to work: one that asks for other workers, where that is wanted, and one that
// tells when Redis does not answer, unless a supervisor does.
func (p *program) companions() []func(context.Context) error {
	var parts []func(context.Context) error
	if p.fan != nil {
		parts = append(parts, p.fan.Run)
	}
	if !p.options.Child {
		parts = append(parts, LogOutage(p.connection.Client, p.log).Run)
	}
	return parts
}

// presence is the part that tells others that this process is there.
func (p *program) presence(pool *worker.Pool) func(context.Context) error {
	return Presence{Client: p.connection.Client, Prefix: p.connection.Prefix, Describe: func() Present {
		return PresentOf(pool, p.functions)
	}}.Run
}

// announce prints that the worker works: one line.
func (p *program) announce(url string) error {
	if p.JSON {
		said := map[string]any{"worker": p.name, "redis": p.options.Redis.String()}
		if url != "" {
			said["url"] = url
		}
		return json.NewEncoder(p.Stdout).Encode(said)
	}
	line := fmt.Sprintf("%s: %s works for %s", p.Program, p.name, p.options.Redis)
	if url != "" {
		line += " when invoked at " + url
	}
	_, err := fmt.Fprintln(p.Stdout, line)
	return err
}

// beside runs a part with others around it, which end after it. Where one of these fails, all end.
func beside(ctx context.Context, part func(context.Context) error, others ...func(context.Context) error) error {
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
