package protocol_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/protocol"
	"github.com/dagscope/dagscope/engine/record"
)

// found is what an exploration gives.
type found struct {
	states, ends int
	trace        []string // to the violation
	violation    error
}

// explore visits every state that can be reached, breadth first, so a violation comes with a shortest trace. Every
// move but a resumption uses something up, so there are no cycles, and a run that never gets stuck always ends.
func explore(start *world) found {
	type origin struct {
		parent int
		move   move
	}
	var f found
	queue, from := []*world{start}, []origin{{parent: -1}}
	seen := map[string]bool{start.key(): true}
	trace := func(i int, last ...string) []string {
		for ; i > 0; i = from[i].parent {
			last = append([]string{from[i].move.String()}, last...)
		}
		return last
	}
	for i := 0; i < len(queue); i++ {
		w := queue[i]
		queue[i] = nil
		if w.s.Status.Final() {
			f.ends++
			continue
		}
		moves := w.moves()
		if len(moves) == 0 {
			return found{len(queue), f.ends, trace(i), fmt.Errorf("the run is stuck")}
		}
		for _, m := range moves {
			after := w.clone()
			if err := m.do(after); err != nil {
				return found{len(queue), f.ends, trace(i, m.String()), err}
			}
			if k := after.key(); !seen[k] {
				seen[k] = true
				queue, from = append(queue, after), append(from, origin{i, m})
			}
		}
	}
	f.states = len(queue)
	return f
}

func begin(t *testing.T, build func(g *engine.Builder) engine.AnyRef, policy record.Policy, left budget, widths ...uint32) *world {
	t.Helper()
	w := &world{s: protocol.New(compile(t, build), policy, dag.Limits{}), left: left, widths: widths}
	_, err := w.apply(protocol.Start{})
	require.NoError(t, err)
	return w
}

// explorations are small enough for every test run.
var explorations = []struct {
	name   string
	build  func(g *engine.Builder) engine.AnyRef
	policy record.Policy
	left   budget
	widths []uint32
}{
	{"chain, stopped", chain, record.FailFast, budget{repeat: 1, release: 1, stop: 1, pause: 1}, nil},
	{"chain, retried", chain, record.Continue, budget{repeat: 1, release: 1, abandon: 1, fail: 1, retry: 1}, nil},
	{"diamond", diamond, record.Continue, budget{repeat: 1, release: 1, abandon: 1, fail: 1}, nil},
	{"gather", gather, record.FailFast, budget{repeat: 1, release: 1, abandon: 1, fail: 1}, nil},
	{"region", region, record.Continue, budget{repeat: 1, release: 1, abandon: 1, fail: 1}, []uint32{2}},
	{"rows", rows, record.Continue, budget{repeat: 1, release: 1, abandon: 1, fail: 1}, []uint32{0, 1}},
}

func TestExplore(t *testing.T) {
	for _, e := range explorations {
		t.Run(e.name, func(t *testing.T) {
			t0 := time.Now()
			f := explore(begin(t, e.build, e.policy, e.left, e.widths...))
			require.NoError(t, f.violation, "%v", f.trace)
			assert.Positive(t, f.ends)
			t.Logf("%d states, of which %d ended, in %s", f.states, f.ends, time.Since(t0).Round(time.Millisecond))
		})
	}
}

// TestExploreFinds takes one guard after the other away: each is needed.
func TestExploreFinds(t *testing.T) {
	tests := []struct {
		name  string
		build func(g *engine.Builder) engine.AnyRef
		drop  func(s *protocol.State)
		want  string
	}{
		{"no fence", chain, func(s *protocol.State) { s.Break(protocol.NoFence) }, "held: false"},
		{"bare counter", gather, func(s *protocol.State) { s.Break(protocol.BareCounter) }, "is claimed before"},
		{"counted before it has ended", chain, func(s *protocol.State) { s.Break(protocol.EarlyCount) }, "is claimed before"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t, c.build, record.Continue, budget{repeat: 1, release: 1, abandon: 1, fail: 1})
			c.drop(w.s)
			f := explore(w)
			require.ErrorContains(t, f.violation, c.want)
			t.Logf("found after %d states: %v: %q", f.states, f.violation, f.trace)
		})
	}
}
