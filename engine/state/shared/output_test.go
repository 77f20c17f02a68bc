package shared_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/internal/testkit/sharedtest"
)

// calls counts the calls that arrive, by method.
type calls struct {
	mu    sync.Mutex
	count map[string]int
	late  time.Duration
}

func (c *calls) faults(call sharedtest.Call) sharedtest.Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil {
		c.count = map[string]int{}
	}
	c.count[call.Method]++
	return sharedtest.Fault{Before: c.late / 2, After: c.late / 2}
}

// of is how many calls of a method have arrived.
func (c *calls) of(method string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count[method]
}

// on limits a process to functions of these names.
func on(w *world, names ...string) func(*shared.Config, *worker.Config) {
	return func(_ *shared.Config, pool *worker.Config) {
		pool.Find = func(_ string, function engine.Signature) *engine.Function {
			for _, name := range names {
				if name == function.Name {
					return w.functions[name]
				}
			}
			return nil
		}
	}
}

var (
	blob = engine.Func1("blob", func(_ context.Context, n int) ([]byte, error) { return make([]byte, n), nil })
	size = engine.Func1("size", func(_ context.Context, b []byte) (int, error) { return len(b), nil })
	pass = engine.Func1("pass", func(_ context.Context, b []byte) ([]byte, error) { return b, nil })
	all  = engine.FuncN("all", func(_ context.Context, parts [][]byte) (int, error) {
		n := 0
		for _, p := range parts {
			n += len(p)
		}
		return n, nil
	})
)

// saved adds up what the workers of a run have saved.
func (w *world) saved(exec execution.Execution) (sum record.Savings, records []record.WorkerRecord) {
	w.t.Helper()
	time.Sleep(time.Second) // the last records follow the end
	_, records = exec.TakeDetails()
	for _, r := range records {
		if r.Saved == nil {
			continue
		}
		sum.NotStoredBytes += r.Saved.NotStoredBytes
		sum.StoredBytes += r.Saved.StoredBytes
		sum.InlineBytes += r.Saved.InlineBytes
		sum.FetchedBytes += r.Saved.FetchedBytes
		sum.DelayedHeld += r.Saved.DelayedHeld
		sum.DelayedStored += r.Saved.DelayedStored
		sum.Became += r.Saved.Became
		sum.Invoked += r.Saved.Invoked
		sum.Clustered += r.Saved.Clustered
		sum.Preloaded += r.Saved.Preloaded
		sum.Invalidated += r.Saved.Invalidated
	}
	return sum, records
}

// What only tasks of one process read is never stored; what others read is, small values within the commit.
func TestOutputsAreStoredForOthersOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		c := &calls{}
		p := w.process(c.faults, nil)
		g := engine.NewBuilder()
		large := pass.Call(pass.Call(blob.Call(engine.Const(g, 1<<20))))
		graph := compile(t, g, size.Call(large))
		exec := w.submit(p, graph, engine.RunOptions{})
		w.succeed(exec, graph)
		assert.Zero(t, c.of("PutOutput"))
		saved, records := w.saved(exec)
		require.NotEmpty(t, records)
		assert.Equal(t, int64(3<<20), saved.NotStoredBytes)
		assert.Zero(t, saved.StoredBytes)
		assert.NotZero(t, saved.InlineBytes) // the result
	})
}

// A fan-in of 100 inputs, each of which another process has made, is fetched in parallel.
func TestInputsAreFetchedInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		c := &calls{late: 10 * time.Millisecond}
		watcher := w.process(nil, idle)
		w.process(nil, on(w, "blob"))
		w.process(c.faults, on(w, "all"))
		g := engine.NewBuilder()
		parts := make([]engine.Ref[[]byte], 100)
		for i := range parts {
			parts[i] = blob.Call(engine.Const(g, 20_000+i))
		}
		graph := compile(t, g, all.Call(g, parts...))
		exec := w.submit(watcher, graph, engine.RunOptions{Rules: record.Rules{NoPreload: true}})
		w.succeed(exec, graph)
		steps := w.steps(exec)
		require.NoError(t, checkLog(graph, steps))
		for _, s := range steps {
			if s.Kind == record.AttemptEnded && s.Node == 100 {
				assert.Less(t, time.Duration(s.Fetch), 100*time.Millisecond)
				assert.GreaterOrEqual(t, time.Duration(s.Fetch), 10*time.Millisecond)
			}
		}
		details, _ := exec.TakeDetails()
		var inputs []record.InputDetail
		for _, d := range details {
			if d.Node == 100 {
				inputs = d.Inputs
			}
		}
		require.Len(t, inputs, 100)
		assert.Equal(t, "store", inputs[7].Source)
		assert.Greater(t, inputs[7].Bytes, int64(20_000))
	})
}

// With two large outputs for one consumer the larger stays, the other is stored.
func TestTheLargerOutputStays(t *testing.T) {
	other := engine.Func1("other", func(_ context.Context, n int) ([]byte, error) {
		time.Sleep(300 * time.Millisecond)
		return make([]byte, n), nil
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		watcher := w.process(nil, idle)
		w.process(nil, on(w, "blob", "all"))
		w.process(nil, on(w, "other", "all"))
		g := engine.NewBuilder()
		graph := compile(t, g, all.Call(g, blob.Call(engine.Const(g, 5<<20)), other.Call(engine.Const(g, 9<<20))))
		exec := w.submit(watcher, graph, engine.RunOptions{Rules: record.Rules{HoldFor: time.Minute}})
		begun := time.Now()
		w.succeed(exec, graph)
		assert.Less(t, time.Since(begun), 5*time.Second)
		saved, _ := w.saved(exec)
		assert.InDelta(t, 5<<20, saved.StoredBytes, 1000)
		assert.InDelta(t, 5<<20, saved.FetchedBytes, 1000)
	})
}

// What a process holds stays within its bound: the largest is stored, and read from there again.
func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		c := &calls{}
		p := w.process(c.faults, func(cfg *shared.Config, _ *worker.Config) { cfg.HoldBytes = 3 << 20 })
		g := engine.NewBuilder()
		parts := make([]engine.Ref[[]byte], 12)
		for i := range parts {
			parts[i] = pass.Call(blob.Call(engine.Const(g, 1<<20)))
		}
		graph := compile(t, g, all.Call(g, parts...))
		exec := w.submit(p, graph, engine.RunOptions{})
		w.succeed(exec, graph)
		assert.NotZero(t, c.of("PutOutput"))
	})
}

// opaque says that it is large and cannot be encoded.
type opaque struct{ size int64 }

func (o opaque) AppendShape(dst []int) []int          { return dst }
func (o opaque) RawBytes() int64                      { return o.size }
func (o opaque) AppendRaw(dst []byte) ([]byte, error) { return dst, errBroken }
func (o *opaque) DecodeRaw([]int, []byte) error       { return errBroken }

// An output that others need and that cannot be encoded fails its task, wherever and whenever that is found out.
func TestAnOutputThatCannotBeEncodedFailsItsTask(t *testing.T) {
	makes := engine.Func1("makes", func(_ context.Context, n int) (opaque, error) { return opaque{int64(n)}, nil })
	reads := engine.Func2("reads", func(_ context.Context, _ opaque, n int) (int, error) { return n, nil })
	waits := engine.Func1("waits", func(_ context.Context, n int) (int, error) {
		time.Sleep(time.Second)
		return n, nil
	})
	for _, c := range []struct {
		name string
		size int
		own  bool // no other process reads it
	}{
		{"small", 10, false}, {"large", 1 << 20, false}, {"not needed", 10, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.end()
				watcher := w.process(nil, idle)
				if c.own {
					w.process(nil, nil)
				} else {
					w.process(nil, on(w, "makes"))
					w.process(nil, on(w, "reads", "waits"))
				}
				g := engine.NewBuilder()
				other := waits.Call(engine.Const(g, 1))
				if c.own {
					other = engine.Const(g, 1)
				}
				graph := compile(t, g, reads.Call(makes.Call(engine.Const(g, c.size)), other))
				end, value := w.await(w.submit(watcher, graph, engine.RunOptions{}))
				if c.own {
					assert.Equal(t, record.Succeeded, end.Status)
					assert.Equal(t, 1, value)
					return
				}
				assert.Equal(t, record.Failed, end.Status)
				require.NotNil(t, end.First)
				assert.Equal(t, record.StoreError, end.First.Kind)
				assert.Equal(t, "makes", end.First.Task)
				assert.Contains(t, end.First.Message, "it is broken")
			})
		})
	}
}
