package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
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
}

// withEngine starts an engine that records into store, calls f with it, and stops it again: when withEngine returns,
// every run has ended, all that was recorded is in the store, and nothing it started is left. f has to see to it that
// runs end when its context does; the engine itself outlives it so that their ends are recorded.
func (s *session) withEngine(ctx context.Context, store metricsstore.Store, o engineOptions, f func(*engine.Engine) error) error {
	cfg := metricsstore.Config{Store: store}
	if o.durability == embedded.Each {
		cfg.FlushAfter = time.Microsecond // the shortest time that is not the default
	}
	recorder, err := metricsstore.NewRecorder(cfg)
	if err != nil {
		return err
	}
	pool, err := worker.New(worker.Config{State: statememory.New(), Width: o.workers})
	if err != nil {
		return err
	}
	e, err := engine.New(engine.Config{Executor: pool, Workflows: s.workflows, Recorder: recorder})
	if err != nil {
		return err
	}
	stopEngine := beside(ctx, "engine", e.Run)
	stopRecorder := beside(ctx, "recorder", recorder.Run)
	err = f(e)
	return errors.Join(err, stopEngine(), stopRecorder())
}

// beside runs a part in a goroutine until stop is called; stop waits for it and returns its error.
func beside(ctx context.Context, name string, run func(context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var part sync.WaitGroup
	var err error
	part.Go(func() { err = run(ctx) })
	return func() error {
		cancel()
		part.Wait()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
}
