package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/pipeline"
	"github.com/dagscope/dagscope/engine/record"
	statememory "github.com/dagscope/dagscope/engine/state/memory"
	stateshared "github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
	"github.com/dagscope/dagscope/web/otlp/exporter"
)

// programBegan is approximately when the process started.
var programBegan = time.Now()

// workersFlags select how many tasks this process executes.
type workersFlags struct {
	Workers *int `placeholder:"N" help:"How many processors the tasks may use (default all). With --redis, 0 leaves all tasks to other processes, which is the default of the command run."`
}

// check refuses invalid values.
func (f workersFlags) check() error {
	if f.Workers != nil && *f.Workers < 0 {
		return fmt.Errorf("--workers is %d, expected at least 1, or 0 for all processors, with --redis for none", *f.Workers)
	}
	return nil
}

// width is how many processors tasks may use, 0 for all.
func (f workersFlags) width() int {
	if f.Workers == nil {
		return 0
	}
	return *f.Workers
}

// engineOptions configure an engine.
type engineOptions struct {
	workers    int // processors, 0 for all
	durability embedded.Durability
	upload     metricsstore.Strategy     // of runs without a strategy; the zero value is the default of the recorder
	softStop   time.Duration             // how long tasks have to finish once the engine is stopped, 0 for the default of the worker
	key        string                    // lets other processes control this one
	url        string                    // of the service, empty if this process is none
	unrecorded func(record.RunID, error) // is called with what is missing from records, nil if reports include it
	collector  exporter.Config           // where runs are sent to, with an empty Endpoint for nowhere

	// If other processes share the runs:

	idle    bool           // this process executes no tasks
	accepts bool           // it executes code that other processes submit
	serves  bool           // this process also executes, follows and records their runs
	invite  fleet.Invoking // how more workers are invoked
}

// machinery is an engine with its executor and its recorder. Its fields are set before start.
type machinery struct {
	engine   *engine.Engine
	pool     *worker.Pool
	recorder *metricsstore.Recorder
	parts    map[string]func(context.Context) error // other parts that run as long as the engine, by name
	shared   *stateshared.Store                     // nil if runs are not shared
}

// newMachinery makes an engine that records into the store of h.
func (s *session) newMachinery(h *home, o engineOptions) (*machinery, error) {
	cfg := metricsstore.Config{Store: h.store, Upload: o.upload}
	if o.durability == embedded.Each {
		cfg.FlushAfter = time.Microsecond // the shortest time that is not the default
	}
	recorder, err := metricsstore.NewRecorder(cfg)
	if err != nil {
		return nil, err
	}
	m := &machinery{recorder: recorder, parts: map[string]func(context.Context) error{}}
	if s.code != nil {
		m.parts["runner of code"] = s.code.Run
	}
	if h.redis == nil {
		pool := worker.Config{State: statememory.New(), Width: o.workers, SoftStop: o.softStop}
		if s.code != nil {
			pool.Prepare = s.code.Prepare
		}
		m.pool, err = worker.New(pool)
	} else {
		err = m.share(s, h, o)
	}
	if err != nil {
		return nil, err
	}
	records, err := m.sendRuns(h, o.collector)
	if err != nil {
		return nil, err
	}
	m.engine, err = engine.New(engine.Config{
		Executor: m.pool, Workflows: s.workflows, Recorder: records, Shared: h.redis != nil, Adopt: h.redis != nil && o.serves,
		Unrecorded: o.unrecorded,
	})
	if err != nil {
		return nil, err
	}
	if h.redis == nil {
		m.parts["control server"] = (&controlServer{
			engine: m.engine, pool: m.pool, data: s.flags.Data, key: cmp.Or(o.key, rand.Text()), url: o.url, log: h.log,
		}).Run
	}
	return m, m.offerFolders(s.folders)
}

// offerFolders has the engine offer the pipelines of folders, unless they are nil, and follow their changes.
func (m *machinery) offerFolders(folders *pipeline.Folders) error {
	if folders == nil {
		return nil
	}
	m.parts["pipelines"] = func(ctx context.Context) error { return folders.Run(ctx, m.engine.Offer) }
	return m.engine.Offer(folders.Workflows())
}

// share makes the pool one that executes shared runs.
func (m *machinery) share(s *session, h *home, o engineOptions) error {
	for _, warning := range h.redis.Warnings {
		h.log.Warn(warning)
	}
	cfg := stateshared.Config{Backend: h.backend, Log: h.log}
	if o.invite.Invoke != "" {
		fan, err := o.invite.Fan(h.log)
		if err != nil {
			return err
		}
		cfg.Invoke, m.parts["invitations"] = fan.Readied, fan.Run
	}
	state, err := stateshared.New(cfg)
	if err != nil {
		return err
	}
	m.shared = state
	functions, err := fleet.NewCatalogue(s.workflows)
	if err != nil {
		return err
	}
	pool := worker.Config{State: state, Idle: o.idle, SoftStop: o.softStop, Startup: time.Since(programBegan)}
	if !o.idle {
		pool.Width = o.workers
	}
	if s.code != nil {
		pool.Prepare = s.code.Prepare
	}
	if o.accepts {
		functions = functions.With(s.code)
	}
	if o.serves {
		pool.Find = functions.Find
	}
	if m.pool, err = worker.New(pool); err != nil {
		return err
	}
	if !o.idle {
		presence := fleet.Presence{Client: h.redis.Client, Prefix: h.redis.Prefix, Describe: func() fleet.Present {
			return fleet.PresentOf(m.pool, functions)
		}}
		m.parts["presence"] = presence.Run
	}
	return nil
}

// start starts all parts. stop ends them and waits; then every run has ended or is left to other processes, everything that
// was recorded is in the store, and all goroutines have returned.
func (m *machinery) start(ctx context.Context) (stop func() error) {
	working := inBackground(ctx, "engine", m.engine.Run)
	others := []*runner{inBackground(ctx, "recorder", m.recorder.Run)}
	for name, run := range m.parts {
		others = append(others, inBackground(ctx, name, run))
	}
	return func() error {
		errs := []error{working.stop()}
		for _, p := range others {
			errs = append(errs, p.stop())
		}
		if m.shared != nil { // before the connections to Redis are closed
			m.shared.Close()
		}
		return errors.Join(errs...)
	}
}

// withEngine starts an engine that records into the store of h, calls f with it, and stops it. f has to make sure that runs
// end when ctx does; the engine itself outlives ctx, so that their ends are recorded.
func (s *session) withEngine(ctx context.Context, h *home, o engineOptions, f func(*engine.Engine) error) error {
	m, err := s.newMachinery(h, o)
	if err != nil {
		return err
	}
	stop := m.start(ctx)
	if h.redis != nil {
		watching := inBackground(ctx, "outages", s.outage(h).Run)
		defer func() { _ = watching.stop() }() // it cannot fail
	}
	err = f(m.engine)
	return errors.Join(err, stop())
}

// runner is a part of the program in its own goroutine, which owns err until it closes ended.
type runner struct {
	name   string
	cancel context.CancelFunc
	ended  chan struct{} // closed when the part has returned
	err    error         // what it returned
}

// inBackground runs a part until stop is called, even after ctx has ended.
func inBackground(ctx context.Context, name string, run func(context.Context) error) *runner {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &runner{name: name, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		p.err = run(ctx)
	}()
	return p
}

// stop ends a part, waits for it and returns its error.
func (p *runner) stop() error {
	p.cancel()
	<-p.ended
	if p.err != nil {
		return fmt.Errorf("%s: %w", p.name, p.err)
	}
	return nil
}
