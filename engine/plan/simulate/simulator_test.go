package simulate_test

import (
	"cmp"
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/plan/simulate"
)

// task is a node of a model in a test.
type task struct {
	after    []uint32
	attempts []simulate.Attempt
}

// lasting is a task with one attempt that only executes.
func lasting(ns int64, after ...uint32) task {
	return task{after, []simulate.Attempt{{Execute: ns}}}
}

// modelOf makes the model of tasks, each of a class of its own.
func modelOf(tasks ...task) *simulate.Model {
	n := len(tasks)
	m := &simulate.Model{First: make([]uint32, n+1), Class: make([]uint16, n)}
	children := make([][]uint32, n)
	for i, t := range tasks {
		m.Class[i] = uint16(i)
		m.Attempts = append(m.Attempts, t.attempts...)
		m.First[i+1] = uint32(len(m.Attempts))
		for _, p := range t.after {
			children[p] = append(children[p], uint32(i))
		}
	}
	m.Children.First = make([]uint32, n+1)
	for i, c := range children {
		m.Children.Nodes = append(m.Children.Nodes, c...)
		m.Children.First[i+1] = uint32(len(m.Children.Nodes))
	}
	for i := range m.Attempts {
		m.Attempts[i].Order = uint32(i)
	}
	return m
}

// lanes is one worker with so many lanes, and as many queues.
func lanes(n int) []simulate.Worker {
	return []simulate.Worker{{Lanes: make([]int64, n), Queues: n}}
}

func run(t require.TestingT, m *simulate.Model, c simulate.Conditions) *simulate.Outcome {
	s, err := simulate.New(m)
	require.NoError(t, err)
	out, err := s.Run(c)
	require.NoError(t, err)
	return out
}

// TestKnown has makespans that were worked out by hand.
func TestKnown(t *testing.T) {
	retried := task{attempts: []simulate.Attempt{{Execute: 5}, {Delay: 100, Execute: 10}}}
	moving := task{attempts: []simulate.Attempt{{Fetch: 40, Execute: 10, Hold: 20, Settle: 20, Stored: true}}}
	held := task{attempts: []simulate.Attempt{{Delay: 30, Execute: 5}}, after: []uint32{0}}
	fan := []task{lasting(10), lasting(10, 0), lasting(20, 0), lasting(30, 0), lasting(5, 1, 2, 3)}
	for _, c := range []struct {
		name  string
		tasks []task
		under simulate.Conditions
		want  int64
	}{
		{"a chain needs one lane", []task{lasting(10), lasting(20, 0), lasting(30, 1)}, simulate.Conditions{Workers: lanes(4)}, 60},
		{"one lane executes everything", fan, simulate.Conditions{Workers: lanes(1)}, 75},
		{"the longest chain", fan, simulate.Conditions{Workers: lanes(3)}, 45},
		{"two lanes: 10 and 30 next to 20", fan, simulate.Conditions{Workers: lanes(2), Recorded: true}, 10 + 40 + 5},
		{"without queues", fan, simulate.Conditions{Workers: lanes(1), Unlimited: true}, 45},
		{"a function twice as fast", fan, simulate.Conditions{Workers: lanes(3), Execute: []float64{1, 1, 1, 0.5, 1}}, 10 + 20 + 5},
		{"a retry with its delay", []task{retried, lasting(1, 0)}, simulate.Conditions{Workers: lanes(1)}, 116},
		{"no retries", []task{retried, lasting(1, 0)}, simulate.Conditions{Workers: lanes(1), NoRetries: true}, 11},
		{
			"no retries, so no delay between them",
			[]task{lasting(10), {attempts: retried.attempts, after: []uint32{0}}},
			simulate.Conditions{Workers: lanes(1), NoRetries: true},
			20,
		},
		{"a task that is held up", []task{lasting(10), held, lasting(1, 1)}, simulate.Conditions{Workers: lanes(1)}, 10 + 30 + 5 + 1},
		{"nothing is held up", []task{lasting(10), held, lasting(1, 1)}, simulate.Conditions{Workers: lanes(1), Unheld: true}, 16},
		{"delays of retries stay", []task{retried}, simulate.Conditions{Workers: lanes(1), Unheld: true}, 115},
		{"transfers", []task{moving}, simulate.Conditions{Workers: lanes(1)}, 70},
		{"transfers ten times as fast", []task{moving}, simulate.Conditions{Workers: lanes(1), Transfer: 0.1}, 16},
		{"a lane is free after its transfers", []task{moving, moving}, simulate.Conditions{Workers: lanes(1), Transfer: 0.1}, 32},
		{
			"an end on another lane that is not seen yet", []task{
				{attempts: []simulate.Attempt{{Execute: 10, Settle: 50}}}, lasting(20), lasting(5, 0, 1),
			}, simulate.Conditions{Workers: lanes(2)}, 65,
		},
		{"a join takes no time", []task{lasting(10), lasting(20), {after: []uint32{0, 1}}, lasting(5, 2)}, simulate.Conditions{Workers: lanes(2)}, 25},
		{"only a join", []task{{}}, simulate.Conditions{Workers: lanes(1)}, 0},
		{
			"a lane that comes later",
			[]task{lasting(10), lasting(10), lasting(10)},
			simulate.Conditions{Workers: []simulate.Worker{{Lanes: []int64{0, 15}, Queues: 1}}},
			25,
		},
		{
			"others see an end later than its lane", []task{
				{attempts: []simulate.Attempt{{Execute: 10, Settle: 5}}}, lasting(10, 0), lasting(20, 0),
			}, simulate.Conditions{Workers: lanes(2)}, 35,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, run(t, modelOf(c.tasks...), c.under).Makespan)
		})
	}
}

// TestBecome: the lane that ends a task continues with its first child, and others claim the rest.
func TestBecome(t *testing.T) {
	m := modelOf(lasting(10), lasting(10, 0), lasting(10, 0))
	out := run(t, m, simulate.Conditions{Workers: lanes(2)})
	assert.Equal(t, out.Spans[0].Lane, out.Spans[1].Lane)
	assert.NotEqual(t, out.Spans[0].Lane, out.Spans[2].Lane)
	assert.Equal(t, []uint32{simulate.NoNode, 0, 0}, out.After)
}

// TestSteal: of a queue, its own lane claims the newest task and another lane takes the older half.
func TestSteal(t *testing.T) {
	m := modelOf(lasting(1), lasting(9, 0), lasting(9, 0), lasting(9, 0), lasting(9, 0), lasting(9, 0))
	out := run(t, m, simulate.Conditions{Workers: lanes(2)})
	at := func(node int) [2]int64 { return [2]int64{int64(out.Spans[node].Lane), out.Spans[node].Claimed} }
	// Node 1 is become. The queue is 5 4 3 2 with 2 the newest; the other lane takes 5 and 4, and claims 4.
	assert.Equal(t, [2]int64{0, 1}, at(1))
	assert.Equal(t, [2]int64{1, 1}, at(4))
	assert.Equal(t, [2]int64{0, 10}, at(2))
	assert.Equal(t, [2]int64{1, 10}, at(5))
	assert.Equal(t, [2]int64{0, 19}, at(3))
}

func TestRefused(t *testing.T) {
	m := modelOf(lasting(1))
	s, err := simulate.New(m)
	require.NoError(t, err)
	_, err = s.Run(simulate.Conditions{})
	assert.ErrorContains(t, err, "expected 1 to 65536")
	_, err = s.Run(simulate.Conditions{Workers: []simulate.Worker{{Lanes: make([]int64, 1)}}})
	assert.ErrorContains(t, err, "0 queues, expected at least 1")
	m.Class = nil
	_, err = simulate.New(m)
	assert.ErrorContains(t, err, "expected rows for n+1")
	m = modelOf(lasting(1), lasting(1, 0))
	m.Children.Nodes[0] = 7
	_, err = simulate.New(m)
	assert.ErrorContains(t, err, "node 7 is a child, expected less than 2")
}

// drawnModel makes a random model.
func drawnModel(t *rapid.T) *simulate.Model {
	small := rapid.Int64Range(0, 50)
	var tasks []task
	for i := range rapid.IntRange(1, 60).Draw(t, "nodes") {
		var one task
		if i > 0 {
			one.after = rapid.SliceOfNDistinct(rapid.Uint32Range(0, uint32(i-1)), 0, min(i, 3), rapid.ID).Draw(t, "after")
		}
		for range rapid.IntRange(0, 3).Draw(t, "attempts") {
			hold := small.Draw(t, "hold")
			one.attempts = append(one.attempts, simulate.Attempt{
				Delay: small.Draw(t, "delay") / 40 * 10, Gap: small.Draw(t, "gap") / 10, Wait: small.Draw(t, "wait") / 10,
				Fetch: small.Draw(t, "fetch") / 10, Execute: small.Draw(t, "execute"), Hold: hold / 10, Settle: hold/10 + small.Draw(t, "settle")/10,
				Stored: rapid.Bool().Draw(t, "stored"),
			})
		}
		tasks = append(tasks, one)
	}
	return modelOf(tasks...)
}

// TestLaws: every attempt is made once, on one lane, after what its task waits for and after the attempt before.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawnModel(t)
		var workers []simulate.Worker
		for range rapid.IntRange(1, 3).Draw(t, "workers") {
			workers = append(workers, simulate.Worker{
				Lanes:  rapid.SliceOfN(rapid.Int64Range(-5, 30), 1, 4).Draw(t, "lanes"),
				Queues: rapid.IntRange(1, 4).Draw(t, "queues"),
			})
		}
		c := simulate.Conditions{
			Workers: workers, Unlimited: rapid.Bool().Draw(t, "unlimited"), Recorded: rapid.Bool().Draw(t, "recorded"),
			NoBecome: rapid.Bool().Draw(t, "no become"),
		}
		s, err := simulate.New(m)
		require.NoError(t, err)
		out, err := s.Run(c)
		require.NoError(t, err)
		spans, makespan := slices.Clone(out.Spans), out.Makespan
		lawful(t, m, spans)
		out, err = s.Run(c)
		require.NoError(t, err)
		require.Equal(t, spans, out.Spans, "equal conditions have equal results")
		require.Equal(t, makespan, out.Makespan)
	})
}

func lawful(t *rapid.T, m *simulate.Model, spans []simulate.Span) {
	over, begun := make([]int64, m.Nodes()), make([]int64, m.Nodes())
	for n := range over { // parents have smaller numbers
		over[n] = begun[n]
		for i := m.First[n]; i < m.First[n+1]; i++ {
			span, a := spans[i], m.Attempts[i]
			require.NotEqual(t, int32(simulate.NoLane), span.Lane, "attempt %d of node %d was not made", i, n)
			require.GreaterOrEqual(t, span.Claimed, span.Ready)
			require.Equal(t, a.Wait+a.Fetch, span.Started-span.Claimed)
			require.Equal(t, a.Execute, span.Ended-span.Started)
			require.Equal(t, a.Settle, span.Over-span.Ended)
			if i > m.First[n] {
				require.GreaterOrEqual(t, span.Claimed, over[n]+a.Delay)
			}
			over[n] = span.Over
			if i == m.First[n] {
				require.GreaterOrEqual(t, span.Claimed, begun[n], "node %d begins before what it waits for", n)
			}
		}
		for _, c := range m.Children.Of(uint32(n)) {
			// The lane of the last parent can continue before others see its end.
			seen := over[n]
			if last := m.First[n+1]; last > m.First[n] {
				seen = spans[last-1].Ended + m.Attempts[last-1].Hold
			}
			begun[c] = max(begun[c], seen)
		}
	}
	order := make([]int, len(spans))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(spans[a].Lane, spans[b].Lane), cmp.Compare(spans[a].Claimed, spans[b].Claimed), cmp.Compare(spans[a].Ended, spans[b].Ended))
	})
	for k := 1; k < len(order); k++ {
		a, b := order[k-1], order[k]
		if spans[a].Lane == spans[b].Lane {
			require.LessOrEqual(t, spans[a].Ended+m.Attempts[a].Hold, spans[b].Claimed, "attempts %d and %d share a lane", a, b)
		}
	}
}

// TestGrahamsBound: tasks that wait for nothing, in order, are a greedy schedule, whose makespan Graham
// bounds: Bounds on multiprocessing timing anomalies (1969).
func TestGrahamsBound(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		var tasks []task
		var work, longest int64
		for range 1 + r.IntN(100) {
			ns := r.Int64N(1000)
			work, longest = work+ns, max(longest, ns)
			tasks = append(tasks, lasting(ns))
		}
		n := 1 + r.IntN(8)
		makespan := run(t, modelOf(tasks...), simulate.Conditions{Workers: lanes(n)}).Makespan
		require.GreaterOrEqual(t, makespan, max(longest, (work+int64(n)-1)/int64(n)), "seed %d", seed)
		require.LessOrEqual(t, makespan, (work-longest)/int64(n)+longest+1, "seed %d", seed)
	}
}

// large is a random layered graph, as wide as the lanes can use.
func large(nodes int) *simulate.Model {
	r := rand.New(rand.NewPCG(7, 7))
	tasks := make([]task, nodes)
	for i := range tasks {
		tasks[i] = lasting(1000 + r.Int64N(1_000_000))
		if i >= 1000 {
			for range 2 {
				tasks[i].after = append(tasks[i].after, uint32(i-1000+r.IntN(900)))
			}
		}
	}
	return modelOf(tasks...)
}

// TestAllocations: a simulator that is used again allocates nothing for a task.
func TestAllocations(t *testing.T) {
	s, err := simulate.New(large(20_000))
	require.NoError(t, err)
	workers := lanes(64)
	allocs := testing.AllocsPerRun(3, func() {
		_, err := s.Run(simulate.Conditions{Workers: workers})
		require.NoError(t, err)
	})
	assert.Less(t, allocs, 200.0)
}

// moments is a heap of times, the least that a discrete-event simulation needs.
type moments []int64

func (m moments) Len() int           { return len(m) }
func (m moments) Less(i, j int) bool { return m[i] < m[j] }
func (m moments) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *moments) Push(x any)        { *m = append(*m, x.(int64)) }
func (m *moments) Pop() any {
	old := *m
	x := old[len(old)-1]
	*m = old[:len(old)-1]
	return x
}

// BenchmarkSimulate has as its floor a heap sort of as many moments by container/heap.
func BenchmarkSimulate(b *testing.B) {
	const nodes = 100_000
	m := large(nodes)
	for _, n := range []int{8, 64, 1024} {
		b.Run(fmt.Sprintf("lanes=%d", n), func(b *testing.B) {
			s, err := simulate.New(m)
			require.NoError(b, err)
			for b.Loop() {
				_, err := s.Run(simulate.Conditions{Workers: lanes(n)})
				require.NoError(b, err)
			}
		})
	}
	b.Run("heap sort", func(b *testing.B) {
		for b.Loop() {
			h := make(moments, 0, nodes)
			for i := range m.Attempts {
				heap.Push(&h, m.Attempts[i].Execute)
			}
			for h.Len() > 0 {
				heap.Pop(&h)
			}
		}
	})
}
