package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/dagscope/dagscope/bench/internal/process"
	"github.com/dagscope/dagscope/cmd/app/bench"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	statememory "github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/embedded"
	"github.com/dagscope/dagscope/web/live"
)

// settle is how long after a run its viewers may still be served.
const settle = 300 * time.Millisecond

// server is an engine that records into an embedded store, and a hub on it: what a service is by default.
type server struct {
	store  *embedded.Store
	engine *engine.Engine
	hub    *live.Hub
	work   *worked

	run  *engine.Run
	gate chan struct{} // closed to let the run begin
}

// serve answers commands until in ends.
func serve(ctx context.Context, in io.Reader, out io.Writer) error {
	dir, err := os.MkdirTemp("", "dagscope-bench-live")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	store, err := embedded.Open(ctx, embedded.Config{Dir: dir})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, store.Close())
	}
	s := &server{store: store, work: calibrate()}
	ctx, cancel := context.WithCancel(ctx)
	parts, err := s.compose(ctx, listener)
	if err == nil {
		err = process.Answer(in, out, func(c command) (answer, error) {
			if c.Do == "address" {
				return answer{Address: listener.Addr().String()}, nil
			}
			return s.obey(ctx, c)
		})
	}
	cancel()
	parts.Wait()
	return errors.Join(err, store.Close())
}

// compose starts all parts; they end with ctx.
func (s *server) compose(ctx context.Context, listener net.Listener) (*sync.WaitGroup, error) {
	parts := &sync.WaitGroup{}
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{Store: s.store})
	if err != nil {
		return parts, err
	}
	pool, err := worker.New(worker.Config{State: statememory.New()})
	if err != nil {
		return parts, err
	}
	if s.engine, err = engine.New(engine.Config{Executor: pool, Recorder: recorder, Remember: time.Nanosecond}); err != nil {
		return parts, err
	}
	queries, err := metricsstore.NewQueries(s.store)
	if err != nil {
		return parts, err
	}
	if s.hub, err = live.New(live.Config{Queries: queries, Store: s.store, Runs: s}); err != nil {
		return parts, err
	}
	web := &http.Server{Handler: http.HandlerFunc(s.hub.ServeWebSocket)}
	parts.Go(func() { _ = s.engine.Run(ctx) })
	parts.Go(func() { _ = recorder.Run(ctx) })
	parts.Go(func() { _ = s.hub.Run(ctx) })
	parts.Go(func() { _ = web.Serve(listener) })
	context.AfterFunc(ctx, func() { _ = web.Close() })
	return parts, nil
}

// Summary implements live.Runs.
func (s *server) Summary(ctx context.Context, run record.RunID) (json.RawMessage, error) {
	r, err := s.store.Run(ctx, run)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"run": run, "status": r.Status, "last_seq": r.LastSeq})
}

// Changed implements live.Runs.
func (s *server) Changed(ctx context.Context) ([]json.RawMessage, error) {
	runs, err := s.store.Runs(ctx, metricsstore.Position{}, 20)
	var out []json.RawMessage
	for i := range runs {
		one, err := s.Summary(ctx, runs[i].Info.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, err
}

func (s *server) obey(ctx context.Context, c command) (answer, error) {
	switch c.Do {
	case "begin":
		return s.begin(ctx, c.Shape)
	case "go":
		return s.let(ctx)
	case "memory":
		return s.memory()
	}
	return answer{}, fmt.Errorf("%q is no command", c.Do)
}

// begin submits a run whose first task waits for let.
func (s *server) begin(ctx context.Context, shape shape) (answer, error) {
	s.gate = make(chan struct{})
	g, err := shape.graph(s.gate, s.work)
	if err != nil {
		return answer{}, err
	}
	if s.run, err = s.engine.Submit(ctx, shape.Kind, g, engine.RunOptions{Upload: "periodic=2s"}); err != nil {
		return answer{}, err
	}
	return answer{Run: string(s.run.ID()), Started: s.run.Info().StartedAt.UnixNano()}, nil
}

// let lets the run begin, and measures until it is recorded and its viewers have it.
func (s *server) let(ctx context.Context) (answer, error) {
	runtime.GC()
	before, began, cpu := s.hub.Stats(), time.Now(), bench.ProcessorTime()
	close(s.gate)
	if err := s.run.WaitRecorded(ctx); err != nil {
		return answer{}, err
	}
	wall := time.Since(began)
	select {
	case <-time.After(settle):
	case <-ctx.Done():
	}
	after := s.hub.Stats()
	return answer{
		CPU: int64(bench.ProcessorTime() - cpu), Wall: int64(wall), Frames: after.Frames - before.Frames, Encoded: after.Encoded - before.Encoded,
	}, nil
}

func (s *server) memory() (answer, error) {
	runtime.GC()
	runtime.GC() // what finalizers release goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	used, err := process.MemoryOf(os.Getpid())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // the system does not say
	}
	return answer{Heap: int64(m.HeapAlloc), Stack: int64(m.StackInuse), RSS: used.Resident, Clients: s.hub.Stats().Clients}, err
}
