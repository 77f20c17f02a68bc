package shared_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/internal/testkit/sharedtest"
)

// A process that is alone costs the store a fraction of a command for each task.
func TestAProcessAloneCostsLittle(t *testing.T) {
	for _, c := range []struct {
		name  string
		graph func(t *testing.T) *dag.Graph
		tasks int
	}{
		{"chain", func(t *testing.T) *dag.Graph { return chain(t, 10_000) }, 10_000},
		{"tree", func(t *testing.T) *dag.Graph { return tree(t, 13) }, 16_383},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.end()
				w.server = sharedtest.New(sharedtest.Config{}) // an audit after each commit takes too long
				p := w.process(nil, nil)
				g := c.graph(t)
				require.Equal(t, c.tasks, g.Tasks())
				w.succeed(w.submit(p, g, engine.RunOptions{}), g)
				costs := p.backend.Costs()
				assert.Less(t, float64(costs.Commands)/float64(c.tasks), 0.05, "%+v", costs)
				t.Logf("%+v", costs)
			})
		})
	}
}

// Random graphs on several processes give what the sequential evaluation gives, whatever the rules.
func TestProcessesAgree(t *testing.T) {
	rules := map[string]record.Rules{
		"all": {}, "no become": {NoBecome: true}, "no inline": {NoInline: true}, "store all": {StoreAll: true},
		"no preload": {NoPreload: true}, "tiny thresholds": {InlineBytes: 1, ClusterBytes: 1, HoldFor: 50 * time.Millisecond},
	}
	for name, rules := range rules {
		for processes := 1; processes <= 3; processes++ {
			t.Run(fmt.Sprintf("%s, %d", name, processes), func(t *testing.T) {
				for seed := *firstSeed; seed < *firstSeed+8**more; seed++ {
					synctest.Test(t, func(t *testing.T) { agree(t, seed, processes, rules, nil) })
				}
			})
		}
	}
}

// So they do when calls and answers are lost and late.
func TestProcessesAgreeDespiteFaults(t *testing.T) {
	for seed := *firstSeed; seed < *firstSeed+40**more/seedShare; seed++ {
		synctest.Test(t, func(t *testing.T) {
			agree(t, seed, 3, record.Rules{}, func(i int) sharedtest.Faults {
				return sharedtest.Random(seed<<8+uint64(i), 0.1, 3*time.Millisecond)
			})
		})
	}
}

func agree(t *testing.T, seed uint64, processes int, rules record.Rules, faults func(int) sharedtest.Faults) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("the seed is %d", seed)
		}
	}()
	rng := rand.New(rand.NewPCG(seed, 1))
	g := enginetest.RandomGraph(rng, 5+rng.IntN(60))
	w := newWorld(t, g.Functions()...)
	defer w.end()
	for i := range processes {
		var f sharedtest.Faults
		if faults != nil {
			f = faults(i)
		}
		w.process(f, nil)
	}
	exec := w.submit(w.processes[0], g, engine.RunOptions{Rules: rules})
	w.succeed(exec, g)
	assert.NoError(t, checkLog(g, w.steps(exec)))
	for _, s := range w.steps(exec) {
		assert.Zero(t, s.Epoch, "nothing was lost, so nothing is made again: %+v", s)
	}
}
