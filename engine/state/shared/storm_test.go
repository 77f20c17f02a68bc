package shared_test

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/internal/testkit/sharedtest"
)

// storm is a run on two to four processes to which everything happens that users and machines do to one.
type storm struct {
	*world
	rng    *rand.Rand
	graph  *dag.Graph
	job    execution.Job
	exec   execution.Execution
	deaths int
	errors *atomic.Int32 // how many more calls fail
}

// stormRules are rules of which each storm has one.
var stormRules = []record.Rules{
	{},
	{},
	{NoBecome: true},
	{NoClustering: true, ClusterBytes: 1, InlineBytes: 1},
	{NoDelay: true, InlineBytes: 1},
	{NoInline: true},
	{NoPreload: true},
	{StoreAll: true},
	{InlineBytes: 1, ClusterBytes: 1, HoldFor: 30 * time.Millisecond},
	{InlineBytes: 1, ClusterBytes: 1},
}

// newStorm starts the processes and submits a random graph, of whose functions some are bounded, impure, or fail.
func newStorm(t *testing.T, seed uint64) *storm {
	s := &storm{rng: rand.New(rand.NewPCG(seed, 13)), errors: new(atomic.Int32)}
	lib := newLibrary(time.Duration(1+s.rng.IntN(80)) * time.Millisecond)
	s.errors.Store(int32(s.rng.IntN(4)))
	body := lib.next
	lib.next = engine.Func1("next", func(ctx context.Context, n int) (int, error) {
		if n%3 == 0 && s.errors.Add(-1) >= 0 {
			return 0, errBroken
		}
		out, err := body.Invoke(ctx, []any{n})
		if err != nil {
			return 0, err
		}
		return out.(int), nil
	}).With(dag.Options{Impure: s.rng.IntN(3) == 0, Retries: 3})
	if s.rng.IntN(3) == 0 {
		lib.add = lib.add.With(dag.Options{MaxConcurrent: 1 + s.rng.IntN(3)})
	}
	s.graph = lib.graph(t, s.rng, 10+s.rng.IntN(60))
	s.world = newWorld(t, s.graph.Functions()...)
	loss := []float64{0, 0.02, 0.2}[s.rng.IntN(3)]
	s.process(sharedtest.Random(seed<<4+15, loss, time.Millisecond), idle)
	for i := range 2 + s.rng.IntN(3) {
		s.process(sharedtest.Random(seed<<4+uint64(i), loss, time.Duration(s.rng.IntN(5))*time.Millisecond), s.hold)
	}
	s.job = jobOf(s.graph, engine.RunOptions{Rules: stormRules[s.rng.IntN(len(stormRules))]})
	var err error
	s.exec, err = s.processes[0].pool.Submit(context.Background(), s.job)
	require.NoError(t, err)
	return s
}

// hold gives some processes hardly any memory for outputs.
func (s *storm) hold(cfg *shared.Config, _ *worker.Config) {
	if s.rng.IntN(4) == 0 {
		cfg.HoldBytes = 1000
	}
}

// happen does one thing.
func (s *storm) happen() {
	p := s.victim(s.rng)
	switch s.rng.IntN(9) {
	case 0:
		if s.deaths++; s.deaths <= 2 {
			p.kill()
			s.process(nil, s.hold)
		}
	case 1: // it leaves
		p.stop()
		s.process(nil, s.hold)
	case 2: // it fences itself, or not quite
		p.backend.Cut()
		time.Sleep(time.Duration(s.rng.IntN(int(25 * time.Second))))
		p.backend.Heal()
	case 3: // the store is away
		for _, p := range s.processes {
			p.backend.Cut()
		}
		time.Sleep(time.Duration(s.rng.IntN(int(40 * time.Second))))
		for _, i := range s.rng.Perm(len(s.processes)) {
			s.processes[i].backend.Heal()
			time.Sleep(time.Duration(s.rng.IntN(int(3 * time.Second))))
		}
	case 4:
		s.exec.Pause()
		if s.rng.IntN(2) == 0 {
			s.processes[0].backend.Cut()
			time.Sleep(time.Duration(s.rng.IntN(int(20 * time.Second))))
			s.processes[0].backend.Heal()
		}
		time.Sleep(time.Duration(s.rng.IntN(int(20 * time.Second))))
		s.exec.Resume()
	default:
		s.lose(s.rng, s.job)
	}
}

// Whatever happens, a run ends as the sequential evaluation does, and no process waits for longer than it takes to find
// out about the last thing that happened.
func TestStorm(t *testing.T) {
	for seed := *firstSeed; seed < *firstSeed+40**more/seedShare && !t.Failed(); seed++ {
		synctest.Test(t, func(t *testing.T) {
			s := newStorm(t, seed)
			defer s.end()
			during(s.rng, s.exec, s.happen)
			calm := time.Now()
			s.exec.Resume()
			s.errors.Store(0)
			s.succeed(s.exec, s.graph)
			assert.Less(t, time.Since(calm), 90*time.Second)
			assert.NoError(t, checkLog(s.graph, s.steps(s.exec)))
			s.assertOver()
			if t.Failed() {
				t.Logf("the seed is %d, the rules are %+v", seed, s.job.Options.Rules)
			}
		})
	}
}

// A run that is cancelled at any time ends soon, for all who take part.
func TestCancelledStorm(t *testing.T) {
	for seed := *firstSeed; seed < *firstSeed+20**more/seedShare && !t.Failed(); seed++ {
		synctest.Test(t, func(t *testing.T) {
			s := newStorm(t, seed)
			defer s.end()
			n := s.rng.IntN(6)
			during(s.rng, s.exec, func() {
				if n--; n > 0 {
					s.happen()
				}
			})
			calm := time.Now()
			s.exec.Cancel()
			end, _ := s.await(s.exec)
			assert.Contains(t, []record.Status{record.Cancelled, record.Succeeded}, end.Status)
			assert.Less(t, time.Since(calm), 60*time.Second)
			s.assertOver()
			if t.Failed() {
				t.Logf("the seed is %d", seed)
			}
		})
	}
}

// assertOver asserts that no process continues with the run.
func (s *storm) assertOver() {
	s.t.Helper()
	time.Sleep(30 * time.Second)
	for _, p := range s.processes {
		assert.Zero(s.t, p.store.Runs(), "%s", p.name)
		assert.Zero(s.t, p.store.Held(), "%s", p.name)
	}
}
