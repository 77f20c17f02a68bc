package shared_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
)

const mib = 1 << 20

// slow is blob, a second later.
var slow = engine.Func1("slow", func(_ context.Context, n int) ([]byte, error) {
	time.Sleep(time.Second)
	return make([]byte, n), nil
})

// ruled is how one setting of the rules is to show in what workers have saved.
type ruled struct {
	name  string
	rules record.Rules
	check func(t *testing.T, saved record.Savings)
}

// playRules plays a graph on processes that know these functions, once for each setting of the rules.
func playRules(t *testing.T, cases []ruled, graph func(g *engine.Builder) engine.AnyRef, processes ...[]string) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.end()
				watcher := w.process(nil, idle)
				for _, names := range processes {
					w.process(nil, on(w, names...))
				}
				b := engine.NewBuilder()
				g := compile(t, b, graph(b))
				exec := w.submit(watcher, g, engine.RunOptions{Rules: c.rules})
				w.succeed(exec, g)
				require.NoError(t, checkLog(g, w.steps(exec)))
				saved, _ := w.saved(exec)
				t.Logf("%+v", saved)
				c.check(t, saved)
			})
		})
	}
}

// isStored checks that an output of ten MiB was stored.
func isStored(t *testing.T, s record.Savings) {
	assert.Greater(t, s.StoredBytes, int64(10*mib))
	assert.Less(t, s.NotStoredBytes, int64(10*mib))
}

// An output of 10 MiB whose consumer comes late is held, the consumer runs where it is, and no byte of it is stored.
func TestALateConsumerComesToALargeOutput(t *testing.T) {
	playRules(t, []ruled{
		{"held", record.Rules{}, func(t *testing.T, s record.Savings) {
			assert.Zero(t, s.StoredBytes)
			assert.Equal(t, int64(10*mib), s.NotStoredBytes)
			assert.Equal(t, int64(1), s.DelayedHeld)
			assert.Zero(t, s.DelayedStored)
		}},
		{"given up", record.Rules{HoldFor: 100 * time.Millisecond}, func(t *testing.T, s record.Savings) {
			isStored(t, s)
			assert.Equal(t, int64(1), s.DelayedHeld)
			assert.Equal(t, int64(1), s.DelayedStored)
		}},
		{"no delay", record.Rules{NoDelay: true}, func(t *testing.T, s record.Savings) {
			isStored(t, s)
			assert.Zero(t, s.DelayedHeld)
		}},
		{"no clustering", record.Rules{NoClustering: true}, isStored},
		{"no become", record.Rules{NoBecome: true}, isStored},
		{"store all", record.Rules{StoreAll: true}, isStored},
		{"a higher threshold", record.Rules{ClusterBytes: 20 * mib}, isStored},
	}, func(g *engine.Builder) engine.AnyRef {
		return all.Call(g, blob.Call(engine.Const(g, 10*mib)), slow.Call(engine.Const(g, 10)))
	}, []string{"blob", "all"}, []string{"slow"})
}

// measure takes its time over a value.
var measure = engine.Func2("measure", func(_ context.Context, b []byte, n int) (int, error) {
	time.Sleep(20 * time.Millisecond)
	return len(b) + n, nil
})

// All that reads an output of 10 MiB runs where it is, however many others are idle.
func TestAFanOutClustersAroundALargeOutput(t *testing.T) {
	playRules(t, []ruled{
		{"clustered", record.Rules{}, func(t *testing.T, s record.Savings) {
			assert.Less(t, s.StoredBytes, int64(mib))
			assert.Equal(t, int64(10*mib), s.NotStoredBytes)
			assert.Greater(t, s.Clustered, int64(30))
		}},
		{"no clustering", record.Rules{NoClustering: true}, func(t *testing.T, s record.Savings) {
			isStored(t, s)
			assert.Zero(t, s.Clustered)
			assert.Greater(t, s.FetchedBytes, int64(10*mib), "another process has run some of them")
		}},
		{"a higher threshold", record.Rules{ClusterBytes: 20 * mib}, isStored},
	}, func(g *engine.Builder) engine.AnyRef {
		large := slow.Call(engine.Const(g, 10*mib)) // so slow that nothing is taken on ahead
		var sizes []engine.Ref[int]
		for i := range 40 {
			sizes = append(sizes, measure.Call(large, engine.Const(g, i)))
		}
		return engine.List(g, sizes...)
	}, []string{"slow", "measure"}, []string{"measure"})
}

// A worker becomes what it has made ready, unless a rule forbids that.
func TestBecome(t *testing.T) {
	playRules(t, []ruled{
		{"become", record.Rules{}, func(t *testing.T, s record.Savings) { assert.Equal(t, int64(49), s.Became) }},
		{"no become", record.Rules{NoBecome: true}, func(t *testing.T, s record.Savings) { assert.Zero(t, s.Became) }},
	}, func(g *engine.Builder) engine.AnyRef {
		r := engine.Const(g, 0)
		for range 50 {
			r = next.Call(r)
		}
		return r
	}, []string{"next"}, []string{"next"})
}

// Small outputs travel within the commit, larger ones are put under a key before.
func TestInline(t *testing.T) {
	inline := func(t *testing.T, s record.Savings) {
		assert.Zero(t, s.StoredBytes)
		assert.Greater(t, s.InlineBytes, int64(10_000))
	}
	put := func(t *testing.T, s record.Savings) {
		assert.Greater(t, s.StoredBytes, int64(10_000))
		assert.Less(t, s.InlineBytes, int64(1000))
	}
	playRules(t, []ruled{
		{"inline", record.Rules{}, inline},
		{"a lower threshold", record.Rules{InlineBytes: 1000}, put},
		{"no inline", record.Rules{NoInline: true}, put},
	}, func(g *engine.Builder) engine.AnyRef { return size.Call(blob.Call(engine.Const(g, 10_000))) }, []string{"blob"}, []string{"size"})
}

// Inputs are fetched while their tasks wait for a lane.
func TestPreload(t *testing.T) {
	waited := map[bool]time.Duration{}
	for _, off := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.end()
			watcher := w.process(nil, idle)
			w.process(nil, on(w, "blob"))
			far := &calls{late: 10 * time.Millisecond}
			w.process(far.faults, func(cfg *shared.Config, pool *worker.Config) {
				on(w, "measure", "sum")(cfg, pool)
				pool.Width, pool.MaxSlots = 1, 1
			})
			g := engine.NewBuilder()
			sum := engine.Func1("sum", func(_ context.Context, v []int) (int, error) { return len(v), nil })
			var sizes []engine.Ref[int]
			for i := range 20 {
				sizes = append(sizes, measure.Call(blob.Call(engine.Const(g, 20_000+i)), engine.Const(g, i)))
			}
			graph := compile(t, g, sum.Call(engine.List(g, sizes...)))
			exec := w.submit(watcher, graph, engine.RunOptions{Rules: record.Rules{NoPreload: off}})
			w.succeed(exec, graph)
			for _, s := range w.steps(exec) {
				waited[off] += time.Duration(s.Fetch)
			}
			saved, _ := w.saved(exec)
			if off {
				assert.Zero(t, saved.Preloaded)
			} else {
				assert.Greater(t, saved.Preloaded, int64(10))
			}
		})
	}
	assert.Less(t, 2*waited[false], waited[true], "lanes wait less")
}

// An invoker is given the number of unclaimed nodes of each function, and how many workers may be invoked at a time.
func TestInvokersGetUnclaimedNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		var nodes atomic.Int32
		watcher := w.process(nil, idle)
		w.process(nil, func(cfg *shared.Config, pool *worker.Config) {
			on(w, "blob")(cfg, pool)
			cfg.Invoke = func(_ record.RunID, readied map[string]int, invokers int) {
				assert.Equal(t, 7, invokers)
				nodes.Add(int32(readied["size"]))
			}
		})
		w.process(nil, on(w, "size"))
		g := engine.NewBuilder()
		small := blob.Call(engine.Const(g, 10))
		var sizes []engine.Ref[int]
		for range 12 {
			sizes = append(sizes, size.Call(small))
		}
		graph := compile(t, g, engine.List(g, sizes...))
		w.succeed(w.submit(watcher, graph, engine.RunOptions{Rules: record.Rules{Invokers: 7}}), graph)
		assert.EqualValues(t, 12, nodes.Load())
	})
}
