package shared_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/internal/testkit/sharedtest"
)

// process is one process with lanes: a store over a connection of its own, and a pool.
type process struct {
	name    string
	backend *sharedtest.Backend
	store   *shared.Store
	pool    *worker.Pool
	stop    context.CancelFunc
	ended   chan struct{}
}

// world is processes that share a server.
type world struct {
	t         *testing.T
	server    *sharedtest.Server
	functions map[string]*engine.Function
	processes []*process
}

func newWorld(t *testing.T, functions ...*engine.Function) *world {
	w := &world{t: t, functions: map[string]*engine.Function{}}
	w.server = sharedtest.New(sharedtest.Config{Audit: func(err error) { t.Error(err) }})
	w.know(functions...)
	return w
}

func (w *world) know(functions ...*engine.Function) {
	for _, f := range functions {
		w.functions[f.Name()] = f
	}
}

// testLog shows what a store complains of when a test fails.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(string(p))
	return len(p), nil
}

func slogOf(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(testLog{t}, nil)) }

// process starts one; idle ones only submit and watch.
func (w *world) process(faults sharedtest.Faults, change func(*shared.Config, *worker.Config)) *process {
	w.t.Helper()
	p := &process{name: fmt.Sprintf("p%d", len(w.processes)), backend: w.server.Connect(faults), ended: make(chan struct{})}
	cfg := shared.Config{Backend: p.backend, Log: slogOf(w.t)}
	pool := worker.Config{
		Width: 2, Name: p.name, SoftStop: time.Second, Backoff: 10 * time.Millisecond,
		Find: func(_ string, function engine.Signature) *engine.Function { return w.functions[function.Name] },
	}
	if change != nil {
		change(&cfg, &pool)
	}
	var err error
	p.store, err = shared.New(cfg)
	require.NoError(w.t, err)
	pool.State = p.store
	p.pool, err = worker.New(pool)
	require.NoError(w.t, err)
	var ctx context.Context
	ctx, p.stop = context.WithCancel(context.Background())
	go func() {
		defer close(p.ended)
		_ = p.pool.Run(ctx)
	}()
	w.processes = append(w.processes, p)
	return p
}

// idle is a process without lanes.
func idle(_ *shared.Config, pool *worker.Config) { pool.Idle, pool.Find = true, nil }

// end stops all processes, and waits until their stores have no goroutine left.
func (w *world) end() {
	for _, p := range w.processes {
		p.stop()
	}
	for _, p := range w.processes {
		<-p.ended
		p.store.Close()
	}
}

// jobOf makes a job with the defaults filled in.
func jobOf(g *dag.Graph, opts engine.RunOptions) execution.Job {
	now := time.Now()
	if opts.Policy == "" {
		opts.Policy = record.FailFast
	}
	if opts.Deadline == 0 {
		opts.Deadline = 24 * time.Hour
	}
	opts.Limits, opts.Rules = opts.Limits.WithDefaults(), opts.Rules.WithDefaults()
	info := record.RunInfo{ID: record.NewRunID(now), Workflow: "test", Policy: opts.Policy, SubmittedAt: now, StartedAt: now}
	return execution.Job{Info: info, Graph: g, Options: opts}
}

// submit hands a graph to a process, which has to know its functions.
func (w *world) submit(p *process, g *dag.Graph, opts engine.RunOptions) execution.Execution {
	w.t.Helper()
	w.know(g.Functions()...)
	exec, err := p.pool.Submit(context.Background(), jobOf(g, opts))
	require.NoError(w.t, err)
	return exec
}

// await waits for the end of a run, and gives it.
func (w *world) await(exec execution.Execution) (record.RunEnd, any) {
	w.t.Helper()
	select {
	case <-exec.Done():
	case <-time.After(time.Hour):
		require.Fail(w.t, "the run does not end", "%+v", exec.Progress())
	}
	return exec.End()
}

// succeed waits for a run and compares its result with the sequential evaluation.
func (w *world) succeed(exec execution.Execution, g *dag.Graph) {
	w.t.Helper()
	end, value := w.await(exec)
	require.Equal(w.t, record.Succeeded, end.Status, "%+v", end.First)
	want, err := enginetest.Evaluate(context.Background(), g)
	require.NoError(w.t, err)
	assert.Equal(w.t, want.Result, value)
}

// steps reads the whole log of an ended run.
func (w *world) steps(exec execution.Execution) []record.Step { return stepsOf(w.t, exec) }

var next = engine.Func1("next", func(_ context.Context, n int) (int, error) { return n + 1, nil })

var add = engine.Func2("add", func(_ context.Context, a, b int) (int, error) { return a + b, nil })

func compile(t *testing.T, g *engine.Builder, result engine.AnyRef) *dag.Graph {
	t.Helper()
	graph, err := g.Compile(result)
	require.NoError(t, err)
	return graph
}

func chain(t *testing.T, n int) *dag.Graph {
	g := engine.NewBuilder()
	r := next.Call(engine.Const(g, 0))
	for range n - 1 {
		r = next.Call(r)
	}
	return compile(t, g, r)
}

// tree adds up 2^depth leaves.
func tree(t *testing.T, depth int) *dag.Graph {
	g := engine.NewBuilder()
	var grow func(depth int) engine.Ref[int]
	grow = func(depth int) engine.Ref[int] {
		if depth == 0 {
			return next.Call(engine.Const(g, 1))
		}
		return add.Call(grow(depth-1), grow(depth-1))
	}
	return compile(t, g, grow(depth))
}
