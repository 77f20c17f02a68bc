package shared_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/sharedtest"
)

// wide is one task and n that wait for it, in lists of hundred.
func wide(t *testing.T, lib library, n int) *dag.Graph {
	g := engine.NewBuilder()
	root := lib.next.Call(engine.Const(g, 1))
	var sums []engine.Ref[int]
	for range n / 100 {
		parts := make([]engine.Ref[int], 100)
		for i := range parts {
			parts[i] = lib.next.Call(root)
		}
		sums = append(sums, lib.sum.Call(engine.List(g, parts...)))
	}
	return compile(t, g, lib.sum.Call(engine.List(g, sums...)))
}

// The edges of a node that do not fit into one commit are sent in several.
func TestAWideNodeIsReportedInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		w.server = sharedtest.New(sharedtest.Config{}) // an audit after each commit takes too long
		for range 2 {
			w.process(nil, nil)
		}
		g := wide(t, newLibrary(time.Millisecond), 5000)
		exec := w.submit(w.processes[0], g, engine.RunOptions{})
		w.succeed(exec, g)
		require.NoError(t, checkLog(g, w.steps(exec)))
		handed := 0
		for _, s := range w.steps(exec) {
			if s.Kind == record.HandedOn {
				handed++
			}
		}
		assert.GreaterOrEqual(t, handed, 4)
		t.Logf("%+v", w.processes[0].backend.Costs())
	})
}

// If its process dies meanwhile, another one sends all edges again.
func TestAWideNodeIsReportedByAnother(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 3))
			w := newWorld(t)
			defer w.end()
			w.server = sharedtest.New(sharedtest.Config{})
			watcher := w.process(nil, idle)
			far := func(sharedtest.Call) sharedtest.Fault {
				return sharedtest.Fault{Before: 2 * time.Millisecond, After: 2 * time.Millisecond}
			}
			first := w.process(far, nil)
			g := wide(t, newLibrary(time.Millisecond), 3000)
			exec := w.submit(watcher, g, engine.RunOptions{})
			time.Sleep(time.Duration(10+rng.IntN(25)) * time.Millisecond)
			first.kill()
			w.process(nil, nil)
			w.succeed(exec, g)
			require.NoError(t, checkLog(g, w.steps(exec)), "seed %d", seed)
		})
	}
}
