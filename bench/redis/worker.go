package main

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime/pprof"
	"time"

	"github.com/dagscope/dagscope/bench/internal/process"
	"github.com/dagscope/dagscope/cmd/app/bench"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/redis"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
)

// order is what a worker process is asked; only the first is read.
type order struct {
	URL string
	// Functions names what the worker can run: the shapes', or one side of the ping-pong.
	Functions string
	// Width is how many lanes it has.
	Width int
	// Profile is a file for a profile of its processor time, empty for none.
	Profile string
}

// counters are what a process has used since it began.
type counters struct {
	Commands   uint64
	RoundTrips uint64
	CPU        time.Duration
}

func (c counters) plus(o counters) counters {
	return counters{c.Commands + o.Commands, c.RoundTrips + o.RoundTrips, c.CPU + o.CPU}
}

func (c counters) minus(o counters) counters {
	return counters{c.Commands - o.Commands, c.RoundTrips - o.RoundTrips, c.CPU - o.CPU}
}

// work is a worker process: the first order opens it, and each one is answered with its counters, until in ends.
func work(ctx context.Context, in io.Reader, out io.Writer) error {
	var s *site
	stop := func() error { return nil }
	err := process.Answer(in, out, func(o order) (c counters, err error) {
		if s == nil {
			if stop, err = o.profile(); err != nil {
				return c, err
			}
			if s, err = newSite(ctx, o.URL, worker.Config{Width: o.Width, Find: finder(o.Functions), SoftStop: time.Second}); err != nil {
				return c, err
			}
		}
		return s.counters(), nil
	})
	if s != nil {
		err = errors.Join(err, s.close())
	}
	return errors.Join(err, stop())
}

// profile begins to write a profile where one is asked for.
func (o order) profile() (stop func() error, err error) {
	if o.Profile == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(o.Profile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// finder gives the functions of that name.
func finder(name string) func(workflow string, function engine.Signature) *engine.Function {
	functions := bench.Functions()
	switch name {
	case pingSide:
		functions = engine.Functions(ping)
	case pongSide:
		functions = engine.Functions(pong)
	}
	return func(_ string, wanted engine.Signature) *engine.Function {
		for _, f := range functions {
			if f.Name() == wanted.Name {
				return f
			}
		}
		return nil
	}
}

// site is a pool over Redis that runs: a worker, or an idle one that only submits.
type site struct {
	conn    *redis.Connection
	backend *redis.Backend
	pool    *worker.Pool
	stop    context.CancelFunc
	ended   chan error
}

func newSite(ctx context.Context, url string, cfg worker.Config) (*site, error) {
	conn, err := redis.Dial(ctx, redis.DialConfig{URL: url})
	if err != nil {
		return nil, err
	}
	s := &site{conn: conn, backend: redis.New(conn), ended: make(chan error, 1)}
	store, err := shared.New(shared.Config{Backend: s.backend})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	cfg.State = store
	if s.pool, err = worker.New(cfg); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	ctx, s.stop = context.WithCancel(ctx)
	go func() { s.ended <- s.pool.Run(ctx) }()
	return s, nil
}

func (s *site) close() error {
	s.stop()
	return errors.Join(<-s.ended, s.conn.Close())
}

func (s *site) counters() counters {
	costs := s.backend.Costs()
	return counters{Commands: costs.Commands, RoundTrips: costs.RoundTrips, CPU: bench.ProcessorTime()}
}
