package worker_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs an engine for the length of a test.
func start(t *testing.T, cfg worker.Config, ecfg engine.Config) *engine.Engine {
	t.Helper()
	cfg.State = memory.New()
	pool, err := worker.New(cfg)
	require.NoError(t, err)
	ecfg.Executor = pool
	e, err := engine.New(ecfg)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return e
}

// build compiles what f builds.
func build(t testing.TB, f func(g *engine.Builder) engine.AnyRef) *dag.Graph {
	t.Helper()
	b := engine.NewBuilder()
	g, err := b.Compile(f(b))
	require.NoError(t, err)
	return g
}

var add = engine.Func2("add", func(_ context.Context, a, b int) (int, error) { return a + b, nil })

// tree is a binary in-tree over the numbers 0 to n-1 with a task for each leaf: 2n-1 tasks.
func tree(b *engine.Builder, n int, leaf engine.F1[int, int], inner engine.F2[int, int, int]) engine.AnyRef {
	level := make([]engine.Ref[int], n)
	for i := range level {
		level[i] = leaf.Call(engine.Const(b, i))
	}
	for len(level) > 1 {
		var up []engine.Ref[int]
		for i := 0; i+1 < len(level); i += 2 {
			up = append(up, inner.Call(level[i], level[i+1]))
		}
		if len(level)%2 == 1 {
			up = append(up, level[len(level)-1])
		}
		level = up
	}
	return level[0]
}

func TestTree(t *testing.T) {
	e := start(t, worker.Config{}, engine.Config{})
	leaf := engine.Func1("leaf", func(_ context.Context, a int) (int, error) { return a, nil })
	g := build(t, func(b *engine.Builder) engine.AnyRef { return tree(b, 1000, leaf, add) })
	for range 20 {
		r, err := e.Submit(t.Context(), "tree", g, engine.RunOptions{})
		require.NoError(t, err)
		v, err := engine.Result[int](t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, 999*1000/2, v)
		require.NoError(t, r.WaitRecorded(t.Context()))
		require.Equal(t, execution.Progress{Status: record.Succeeded, Tasks: 1999, Done: 1999}, r.Progress())
	}
}

// crowd counts how many goroutines are in it, and the most that ever were.
type crowd struct{ now, most atomic.Int64 }

func (c *crowd) enter() {
	n := c.now.Add(1)
	for m := c.most.Load(); n > m && !c.most.CompareAndSwap(m, n); m = c.most.Load() {
	}
}

func (c *crowd) leave() { c.now.Add(-1) }

// TestBlockingTasksDoNotStarveOthers: two processors and tasks that only wait. Lanes are added until most of them wait at
// the same time; the benchmark measures how long that takes.
func TestBlockingTasksDoNotStarveOthers(t *testing.T) {
	var bodies crowd
	nap := func() {
		bodies.enter()
		defer bodies.leave()
		time.Sleep(10 * time.Millisecond)
	}
	leaf := engine.Func1("leaf", func(_ context.Context, a int) (int, error) { nap(); return a, nil })
	inner := engine.Func2("inner", func(_ context.Context, a, b int) (int, error) { nap(); return a + b, nil })
	e := start(t, worker.Config{Width: 2}, engine.Config{})
	r, err := submit(t, e, engine.RunOptions{}, func(b *engine.Builder) engine.AnyRef { return tree(b, 256, leaf, inner) })
	require.NoError(t, err)
	require.Equal(t, 255*256/2, r.Value())
	require.Greater(t, bodies.most.Load(), int64(64))
}
