package shared_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/sharedtest"
)

// More seeds than in every run of the tests: go test -run TestChaos -first 1000 -more 20.
var (
	firstSeed = flag.Uint64("first", 0, "the first seed")
	more      = flag.Uint64("more", 1, "how many times as many seeds")
)

// kill cuts a process off for good and ends its goroutines; what it held is found out by its silence.
func (p *process) kill() {
	p.backend.Cut()
	p.stop()
}

// Whatever happens to processes and outputs, a run ends with the result of the sequential evaluation, and its log is
// consistent.
func TestChaos(t *testing.T) {
	for _, c := range []struct {
		name   string
		seeds  uint64
		happen func(w *world, rng *rand.Rand, exec execution.Execution, job execution.Job)
		rules  record.Rules
	}{
		{name: "nothing", seeds: 10, happen: func(*world, *rand.Rand, execution.Execution, execution.Job) {}},
		{name: "processes die", seeds: 20, happen: dying},
		{name: "processes are cut off and come back", seeds: 20, happen: cutOff},
		{name: "outputs get lost", seeds: 20, happen: losing},
		{name: "all of it", seeds: 20, happen: everything},
		{name: "all of it, single ends", seeds: 10, happen: everything, rules: record.Rules{NoBecome: true}},
		{name: "all of it, large outputs", seeds: 10, happen: everything, rules: record.Rules{InlineBytes: 1, ClusterBytes: 1, HoldFor: 30 * time.Millisecond}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := *firstSeed; seed < *firstSeed+c.seeds**more/seedShare; seed++ {
				synctest.Test(t, func(t *testing.T) {
					rng := rand.New(rand.NewPCG(seed, 7))
					lib := newLibrary(40 * time.Millisecond)
					g := lib.graph(t, rng, 20+rng.IntN(60))
					w := newWorld(t, g.Functions()...)
					defer w.end()
					watcher := w.process(nil, idle)
					for i := range 3 {
						w.process(sharedtest.Random(seed<<4+uint64(i), 0.05, time.Millisecond), nil)
					}
					job := jobOf(g, engine.RunOptions{Rules: c.rules})
					exec, err := watcher.pool.Submit(context.Background(), job)
					assert.NoError(t, err)
					c.happen(w, rng, exec, job)
					w.succeed(exec, g)
					assert.NoError(t, checkLog(g, w.steps(exec)))
					if t.Failed() {
						t.Logf("the seed is %d", seed)
					}
				})
				if t.Failed() {
					return
				}
			}
		})
	}
}

// during calls do at random moments while the run is active.
func during(rng *rand.Rand, exec execution.Execution, do func()) {
	for range 12 {
		select {
		case <-exec.Done():
			return
		case <-time.After(time.Duration(rng.IntN(int(300 * time.Millisecond)))):
			do()
		}
	}
}

// victim is one of the processes with lanes.
func (w *world) victim(rng *rand.Rand) *process {
	return w.processes[1+rng.IntN(len(w.processes)-1)]
}

// lose loses the output of a task. What the run returns is spared: it cannot be recomputed once the run is over.
func (w *world) lose(rng *rand.Rand, job execution.Job) {
	task := uint32(rng.IntN(job.Graph.Tasks()))
	if job.Graph.Scope(0).Flags(task)&dag.Kept == 0 {
		w.server.LoseOutput(job.Info.ID, dag.NodeID(task))
	}
}

func dying(w *world, rng *rand.Rand, exec execution.Execution, _ execution.Job) {
	deaths := 0
	during(rng, exec, func() {
		if deaths++; deaths <= 3 {
			w.victim(rng).kill()
			w.process(nil, nil)
		}
	})
}

func cutOff(w *world, rng *rand.Rand, exec execution.Execution, _ execution.Job) {
	during(rng, exec, func() {
		p := w.victim(rng)
		p.backend.Cut()
		time.Sleep(time.Duration(rng.IntN(int(30 * time.Second))))
		p.backend.Heal()
	})
}

func losing(w *world, rng *rand.Rand, exec execution.Execution, job execution.Job) {
	during(rng, exec, func() {
		for range 5 {
			w.lose(rng, job)
		}
	})
}

func everything(w *world, rng *rand.Rand, exec execution.Execution, job execution.Job) {
	deaths := 0
	during(rng, exec, func() {
		switch p := w.victim(rng); rng.IntN(4) {
		case 0:
			if deaths++; deaths <= 2 {
				p.kill()
				w.process(nil, nil)
			}
		case 1:
			p.backend.Cut()
			time.Sleep(time.Duration(rng.IntN(int(20 * time.Second))))
			p.backend.Heal()
		default:
			w.lose(rng, job)
		}
	})
}
