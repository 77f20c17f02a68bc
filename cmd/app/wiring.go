package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine"
	statememory "github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
)

// engineOptions say how an engine works and records.
type engineOptions struct {
	workers    int // processors, 0 for all
	durability embedded.Durability
	upload     metricsstore.Strategy // of runs that do not name one; the zero value is the recorder's own default
	softStop   time.Duration         // how long tasks may finish once the engine is stopped, 0 for the worker's own default
}

// machinery is an engine with what it works and records by.
type machinery struct {
	engine   *engine.Engine
	pool     *worker.Pool
	recorder *metricsstore.Recorder
}

// newMachinery makes an engine that records into store.
func (s *session) newMachinery(store metricsstore.Store, o engineOptions) (*machinery, error) {
	cfg := metricsstore.Config{Store: store, Upload: o.upload}
	if o.durability == embedded.Each {
		cfg.FlushAfter = time.Microsecond // the shortest time that is not the default
	}
	recorder, err := metricsstore.NewRecorder(cfg)
	if err != nil {
		return nil, err
	}
	pool, err := worker.New(worker.Config{State: statememory.New(), Width: o.workers, SoftStop: o.softStop})
	if err != nil {
		return nil, err
	}
	e, err := engine.New(engine.Config{Executor: pool, Workflows: s.workflows, Recorder: recorder})
	if err != nil {
		return nil, err
	}
	return &machinery{e, pool, recorder}, nil
}

// start lets it work until stop is called; then every run has ended, all that was recorded is in the store, and
// nothing that was started is left.
func (m *machinery) start(ctx context.Context) (stop func() error) {
	working := beside(ctx, "engine", m.engine.Run)
	recording := beside(ctx, "recorder", m.recorder.Run)
	return func() error { return errors.Join(working.stop(), recording.stop()) }
}

// withEngine starts an engine that records into store, calls f with it, and stops it again. f has to see to it that
// runs end when its context does; the engine itself outlives it so that their ends are recorded.
func (s *session) withEngine(ctx context.Context, store metricsstore.Store, o engineOptions, f func(*engine.Engine) error) error {
	m, err := s.newMachinery(store, o)
	if err != nil {
		return err
	}
	stop := m.start(ctx)
	err = f(m.engine)
	return errors.Join(err, stop())
}

// runner is a part of the program that runs in a goroutine of its own.
type runner struct {
	name   string
	cancel context.CancelFunc
	ended  chan struct{} // closed when it has returned
	err    error         // what it returned; valid once ended is closed
}

// beside runs a part until stop is called, however ctx ends.
func beside(ctx context.Context, name string, run func(context.Context) error) *runner {
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
