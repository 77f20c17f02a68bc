package statetest

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Explore visits every state that a store can reach with two lanes in small graphs, while attempts fail, are retried,
// released and abandoned, and the run is paused and stopped. In each state the store agrees with the model, and the run
// can still end; what it leaves at its end is compared as well. Stores cannot be copied, so a state is reached by
// repeating all operations on a new run: appendKey appends the same bytes for two runs of the store exactly when they will
// answer alike, apart from moments and tokens. It runs in a bubble of testing/synctest.
func Explore(t *testing.T, open func() state.Store, appendKey func([]byte, state.Run) []byte) {
	total := 0
	for _, e := range explorations() {
		t.Run(e.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				left := e.left
				if testing.Short() {
					left = e.short
				}
				x := explorer{
					t: t, store: open(), key: appendKey, seed: maphash.MakeSeed(), leads: map[uint64][]uint64{},
					job: newJob(e.graph, engine.RunOptions{Policy: e.policy}), left: left,
				}
				require.NoError(t, x.explore())
				assert.Positive(t, x.ends)
				t.Logf("%d states, of which %d ended, by %d operations", len(x.leads), x.ends, x.operations)
				total += len(x.leads)
			})
		})
	}
	t.Logf("%d states in all", total)
}

// mishaps bounds how often each of them happens on one path.
type mishaps struct{ release, abandon, fail, retry, stop, pause int8 }

// exploration is a graph with the mishaps that happen in it: short ones with testing.Short.
type exploration struct {
	name        string
	graph       *dag.Graph
	policy      record.Policy
	left, short mishaps
}

func explorations() []exploration {
	once := mishaps{release: 1, abandon: 1, fail: 1}
	list := func(g *engine.Builder, lib library, n int) engine.Ref[int] {
		return lib.sum.Call(engine.FanOut(g, engine.Const(g, make([]int, n)), lib.next.Call))
	}
	return []exploration{
		{"chain, stopped", chainOf(3), record.FailFast, mishaps{release: 1, stop: 1, pause: 1}, mishaps{stop: 1, pause: 1}},
		{"chain, retried", chainOf(3), record.Continue, mishaps{release: 1, abandon: 1, fail: 1, retry: 1}, mishaps{fail: 1, retry: 1}},
		{"fork", forkOf(2), record.Continue, mishaps{abandon: 1, fail: 1, pause: 1}, mishaps{fail: 1}},
		{"fork, stopped", forkOf(2), record.FailFast, mishaps{fail: 1, retry: 1, stop: 1}, mishaps{fail: 1, stop: 1}},
		{"gather", gather(), record.FailFast, once, mishaps{release: 1, fail: 1}},
		{"gather, skipped", gather(), record.Continue, once, mishaps{fail: 1}},
		{"bounded", bounded(), record.Continue, mishaps{fail: 1, retry: 1}, mishaps{release: 1}},
		{"region", fanOutOf(2), record.Continue, once, mishaps{fail: 1}},
		{"region, stopped", fanOutOf(2), record.FailFast, mishaps{fail: 1, stop: 1, pause: 1}, mishaps{stop: 1}},
		{"empty regions in a row", build(func(g *engine.Builder, lib library) engine.AnyRef {
			return engine.List(g, list(g, lib, 0), list(g, lib, 1))
		}), record.Continue, once, mishaps{fail: 1}},
	}
}

// gather is {0, 1} → 2, and 1 → 3, so that two nodes are sinks.
func gather() *dag.Graph {
	return build(func(g *engine.Builder, lib library) engine.AnyRef {
		a, b := lib.next.Call(engine.Const(g, 1)), lib.next.Call(engine.Const(g, 2))
		c := lib.add.Call(a, b)
		lib.next.Call(b)
		return c
	})
}

// bounded is 0 → {1, 2, 3}, of which one runs at a time.
func bounded() *dag.Graph {
	g := engine.NewBuilder()
	lib := newLibrary(1)
	a := lib.next.Call(engine.Const(g, 1))
	graph, err := g.Compile(engine.List(g, lib.add.Call(a, a), lib.add.Call(a, a), lib.add.Call(a, a)))
	if err != nil {
		panic("statetest: " + err.Error())
	}
	return graph
}

// explored is a run on one path.
type explored struct {
	*session
	left mishaps
}

// move is one thing that can happen.
type move struct {
	what string
	do   func(e *explored) error
}

// visit is a state on the way, and how it was reached.
type visit struct {
	from *visit
	move move
	key  uint64 // of from
}

func (v *visit) path() (moves []move) {
	for ; v.from != nil; v = v.from {
		moves = append(moves, v.move)
	}
	slices.Reverse(moves)
	return moves
}

type explorer struct {
	t     *testing.T
	store state.Store
	key   func([]byte, state.Run) []byte
	seed  maphash.Seed
	job   execution.Job
	left  mishaps

	leads      map[uint64][]uint64 // from each state to others
	over       []uint64            // states in which the run has ended
	ends       int
	operations int
	stack      []*visit
	buffer     []byte
}

// explore visits all states, depth first.
func (x *explorer) explore() error {
	x.stack = []*visit{{}}
	for len(x.stack) > 0 {
		v := x.stack[len(x.stack)-1]
		x.stack = x.stack[:len(x.stack)-1]
		if err := x.follow(v); err != nil {
			return err
		}
	}
	return x.canEnd()
}

// follow repeats the way to a state on a new run, and continues with the first move of each state that is new.
func (x *explorer) follow(v *visit) error {
	s, err := newSession(x.t.Context(), x.store, x.job, rand.New(rand.NewPCG(1, 1)), 2)
	if err != nil {
		return err
	}
	defer s.run.Forget()
	e := &explored{s, x.left}
	for _, m := range v.path() {
		x.operations++
		if err := m.do(e); err != nil {
			return x.failure(v, err)
		}
	}
	for {
		if err := e.compare(); err != nil {
			return x.failure(v, err)
		}
		key := x.keyOf(e)
		if v.from != nil {
			x.leads[v.key] = append(x.leads[v.key], key)
		}
		if _, isKnown := x.leads[key]; isKnown {
			return nil
		}
		x.leads[key] = nil
		if e.model.over() {
			x.ends++
			x.over = append(x.over, key)
			return x.failure(v, e.conclude(x.t.Context()))
		}
		if err := e.model.ledger.Check(); err != nil {
			return x.failure(v, err)
		}
		moves := e.moves()
		for _, m := range moves[1:] {
			x.stack = append(x.stack, &visit{v, m, key})
		}
		v = &visit{v, moves[0], key}
		x.operations++
		if err := moves[0].do(e); err != nil {
			return x.failure(v, err)
		}
	}
}

func (x *explorer) failure(v *visit, err error) error {
	if err == nil {
		return nil
	}
	var trace []string
	for _, m := range v.path() {
		trace = append(trace, m.what)
	}
	return fmt.Errorf("%w, after %s", err, strings.Join(trace, "; "))
}

// keyOf identifies the state of a run and of the session that drives it.
func (x *explorer) keyOf(e *explored) uint64 {
	l := e.left
	b := append(x.buffer[:0], byte(l.release), byte(l.abandon), byte(l.fail), byte(l.retry), byte(l.stop), byte(l.pause))
	x.buffer = e.appendKey(x.key(b, e.run))
	return maphash.Bytes(x.seed, x.buffer)
}

// appendKey appends what is known of the lanes and the model, without moments and tokens.
func (s *session) appendKey(b []byte) []byte {
	flag := func(is bool) byte {
		if is {
			return 1
		}
		return 0
	}
	for _, c := range s.seats {
		b = append(b, flag(c.held), flag(c.late), byte(c.claim.Node))
	}
	l := s.model.ledger
	b = append(append(append(b, l.Status...), ' '), l.Stopping...)
	b = append(b, byte(l.Counts.Retries), byte(l.Counts.Open))
	for i := range l.Nodes {
		n := &l.Nodes[i]
		_, isDelayed := s.model.delayed[dag.NodeID(i)]
		b = append(b, byte(n.Status), byte(n.Attempts), byte(n.Arrived), flag(isDelayed))
	}
	return b
}

// canEnd reports an error if a run cannot end from some state.
func (x *explorer) canEnd() error {
	from := map[uint64][]uint64{}
	for a, list := range x.leads {
		for _, b := range list {
			from[b] = append(from[b], a)
		}
	}
	ends := map[uint64]bool{}
	for queue := x.over; len(queue) > 0; queue = queue[1:] {
		if !ends[queue[0]] {
			ends[queue[0]] = true
			queue = append(queue, from[queue[0]]...)
		}
	}
	if len(ends) != len(x.leads) {
		return fmt.Errorf("the run is stuck in %d of %d states", len(x.leads)-len(ends), len(x.leads))
	}
	return nil
}

// moves lists all that can happen. Something always can.
func (e *explored) moves() (out []move) {
	add := func(what string, do func(e *explored) error) { out = append(out, move{what, do}) }
	for i, c := range e.seats {
		switch {
		case c.late:
			add(fmt.Sprintf("lane %d completes late", i), func(e *explored) error { return e.late(e.seats[i], e.seats[i].claim.Node) })
		case c.held:
			out = append(out, e.ends(i)...)
		default:
			add(fmt.Sprintf("lane %d claims", i), func(e *explored) error { return e.claim(e.seats[i]) })
		}
	}
	if len(e.model.delayed) > 0 {
		add("retries are due", func(e *explored) error {
			time.Sleep(time.Millisecond)
			synctest.Wait()
			return nil
		})
	}
	switch l := e.left; {
	case e.model.ledger.Status == record.Paused:
		add("resume", func(e *explored) error { e.run.Resume(); e.model.apply(ledger.Resume{}); return nil })
	case l.pause > 0 && e.model.ledger.Active():
		add("pause", func(e *explored) error { e.left.pause--; e.run.Pause(); e.model.apply(ledger.Pause{}); return nil })
	}
	if e.left.stop > 0 && !e.model.ending() {
		add("cancel", func(e *explored) error {
			e.left.stop--
			e.run.Cancel()
			e.model.stop(record.Cancelled, record.CancelRequested)
			return nil
		})
	}
	return out
}

// ends lists how the claim of a lane can end.
func (e *explored) ends(i int) (out []move) {
	node := e.seats[i].claim.Node
	isTask := e.model.isTask(node)
	completes := func(outcome record.Outcome, follower, length int, spent func(*mishaps) *int8) {
		if spent != nil && *spent(&e.left) == 0 {
			return
		}
		for _, next := range []bool{false, true} {
			out = append(out, move{fmt.Sprintf("lane %d ends %d as %d, length %d, next %t", i, node, outcome, length, next), func(e *explored) error {
				if spent != nil {
					*spent(&e.left)--
				}
				e.choose = func(int) int { return follower }
				return e.complete(e.seats[i], outcome, length, next)
			}})
		}
	}
	fails := func(m *mishaps) *int8 { return &m.fail }
	retries := func(m *mishaps) *int8 { return &m.retry }
	completes(record.OutcomeOK, 0, 1, nil)
	if isTask {
		for k := range followers(e.run, e.job.Graph, node) {
			completes(record.OutcomeOK, k, 2, nil)
			completes(record.OutcomeFailed, k, 2, fails)
			completes(record.OutcomeRetrying, k, 2, retries)
		}
		completes(record.OutcomeRetrying, 0, 1, retries)
	}
	completes(record.OutcomeFailed, 0, 1, fails)
	if e.model.ledger.Stopping != "" {
		completes(record.OutcomeCancelled, 0, 1, nil)
	}
	if e.left.release > 0 {
		out = append(out, move{fmt.Sprintf("lane %d releases %d", i, node), func(e *explored) error {
			e.left.release--
			return e.release(e.seats[i])
		}})
	}
	if e.left.abandon > 0 && isTask {
		out = append(out, move{fmt.Sprintf("lane %d loses %d", i, node), func(e *explored) error {
			e.left.abandon--
			if e.model.holds(node, e.seats[i].claim.Token) {
				return e.abandon(e.seats[i], record.OutcomeRetrying)
			}
			return errors.New("a held claim is not held in the model")
		}})
	}
	return out
}
