package redis

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
)

// large is the largest number of nodes that a run may have.
const large = 100_000

// scattered lists half of n nodes, so that as few as possible are consecutive.
func scattered(n int) (roots []ledger.Grant) {
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range n / 2 {
		roots = append(roots, ledger.Grant{Node: dag.NodeID(2*i + rng.IntN(2)), Class: ledger.Class(rng.IntN(3))})
	}
	return roots
}

// All operations on a run of 100,000 tasks and a million edges, from its creation to its deletion.
func TestLargeRunsNeverBlock(t *testing.T) { neverBlocks(t, largeRun) }

func largeRun(w *stopwatch, b *Backend) {
	t := w.t
	w.create(b, shared.NewRun{
		ID: "large", Nodes: large, Edges: 10 * large, Tasks: large, LimitEdges: 10 * large, Sinks: 1, Roots: scattered(large),
		Graph: bytes.Repeat([]byte("graph"), 4<<20/5), MaxConcurrent: map[ledger.Class]int{2: 10},
	})
	p := w.join(b, "large", "s")
	all := []ledger.Class{0, 1, 2}
	require.Equal(t, large/2, w.snapshot(b, "large").Counts.Waiting)
	claims := p.commit("claim", ledger.Commit{Want: 256, Classes: all}, 3).Claims
	require.Len(t, claims, 256)
	c := ledger.Commit{Want: 256, Classes: all}
	for _, claim := range claims {
		c.Ends = append(c.Ends, ledger.End{Node: claim.Node, Outcome: record.OutcomeFailed, Task: true})
	}
	p.commit("end", c, 3)
	p.do("leave", ledger.Leave{Session: "s"})
	p.do("stop", ledger.Stop{Status: record.Failed})
	clean(w, b, "large", large/2)
}

// clean finishes, cleans, revises and deletes a run of which many outputs are kept.
func clean(w *stopwatch, b *Backend, run record.RunID, outputs int) {
	t := w.t
	base := b.keys.run(run)
	var frontier []dag.NodeID
	pipe := w.client.Pipeline()
	for i := range outputs {
		pipe.HSet(t.Context(), base+"out", i, "\x00value")
		frontier = append(frontier, dag.NodeID(i))
	}
	_, err := pipe.Exec(t.Context())
	require.NoError(t, err)
	w.time("finish", func() {
		_, err := b.Finish(t.Context(), run, []byte("end"))
		require.NoError(t, err)
	})
	w.time("clean", func() {
		_, err := b.Clean(t.Context(), run, frontier)
		require.NoError(t, err)
	})
	require.NotEmpty(t, w.snapshot(b, run).Nodes)
	w.time("delete", func() { require.NoError(t, b.Delete(t.Context(), run)) })
	assert.Empty(t, w.client.Keys(t.Context(), "*").Val())
}

// An expansion of 100,000 instances, and one of an instance of 50,000 roots.
func TestExpansionsNeverBlock(t *testing.T) {
	for name, x := range map[string]*ledger.Expand{
		"many instances": {Width: large / 2, Size: 2, EdgesPer: 4, TasksPer: 2, SinksPer: 2, Roots: []ledger.Grant{{Node: 0}, {Node: 1, Class: 1}}},
		"one root each":  {Width: large, Size: 1, EdgesPer: 1, TasksPer: 1, SinksPer: 1, Roots: []ledger.Grant{{Node: 0}}},
		"many roots":     {Width: 2, Size: large / 2, EdgesPer: large / 2, TasksPer: large / 2, SinksPer: large / 2, Roots: scattered(large / 2)},
	} {
		t.Run(name, func(t *testing.T) { neverBlocks(t, func(w *stopwatch, b *Backend) { expand(w, b, x) }) })
	}
}

func expand(w *stopwatch, b *Backend, x *ledger.Expand) {
	w.create(b, shared.NewRun{
		ID: "fan", Nodes: 1, Tasks: 1, Sinks: 1, Limit: dag.Limits{Tasks: 2 * large, Edges: 10 * large}, Roots: []ledger.Grant{{Node: 0}},
	})
	p := w.join(b, "fan", "s")
	classes := []ledger.Class{0, 1, 2}
	p.commit("claim", ledger.Commit{Want: 1, Classes: classes}, 1)
	p.commit("expand", ledger.Commit{
		Ends: []ledger.End{{Node: 0, Outcome: record.OutcomeOK, Sink: true, Expand: x}}, Keep: 256, Want: 256, Classes: classes,
	}, 3)
	w.snapshot(b, "fan")
	for range 5 {
		p.commit("claim more", ledger.Commit{Want: 256, Classes: classes}, 3)
	}
	p.do("stop", ledger.Stop{Status: record.Failed})
	p.do("leave", ledger.Leave{Session: "s"})
}

// Sessions that hold very many claims are reaped, leave, and repeat commits.
func TestGreedySessionsNeverBlock(t *testing.T) {
	for _, how := range []string{"leave", "reap"} {
		t.Run(how, func(t *testing.T) { neverBlocks(t, func(w *stopwatch, b *Backend) { greedy(w, b, how) }) })
	}
}

func greedy(w *stopwatch, b *Backend, how string) {
	w.create(b, shared.NewRun{ID: "greedy", Nodes: large, Tasks: large, Sinks: large, Roots: scattered(large)})
	p := w.join(b, "greedy", "s")
	for range ledger.MaxClaims/256 + 1 {
		claims := p.commit("claim", ledger.Commit{Want: 256, Classes: []ledger.Class{0, 1, 2}}, 1).Claims
		started := ledger.Commit{Steps: len(claims), Packed: []byte("steps")}
		for _, claim := range claims {
			started.Started = append(started.Started, claim.Node)
		}
		p.commit("announce", started, 1)
	}
	require.Len(w.t, p.commit("beat", ledger.Commit{}, 3).Claims, 0)
	p.end(how)
	require.Empty(w.t, w.snapshot(b, "greedy").Sessions)
}

// end ends a session.
func (p *part) end(how string) {
	if how == "leave" {
		p.do("leave", ledger.Leave{Session: p.session})
		return
	}
	for lost := 1; lost > 0; {
		lost = len(p.do("reap", ledger.Reap{Session: p.session, Poison: 3}).Lost)
	}
}

// Two sessions hold large outputs for 10,000 children, so that all are reserved, and the owner of the smaller ones has to
// store its outputs; then both die.
func TestHoldersNeverBlock(t *testing.T) {
	for _, how := range []string{"leave", "reap"} {
		t.Run(how, func(t *testing.T) { neverBlocks(t, func(w *stopwatch, b *Backend) { hold(w, b, how) }) })
	}
}

func hold(w *stopwatch, b *Backend, how string) {
	w.create(b, shared.NewRun{
		ID: "held", Nodes: fan + 2, Edges: 2 * fan, Tasks: fan + 2, Sinks: fan, Roots: []ledger.Grant{{Node: 0}, {Node: 1}},
	})
	parts := []*part{w.join(b, "held", "a"), w.join(b, "held", "b")}
	for i, p := range parts {
		require.Len(w.t, p.commit("claim", ledger.Commit{Want: 1, Classes: []ledger.Class{0}}, 1).Claims, 1)
		end := []ledger.End{{Node: dag.NodeID(i), Outcome: record.OutcomeOK, Task: true, More: true}}
		for from := uint32(0); from < fan; from += heldAtOnce {
			c := ledger.Commit{Ends: end}
			for k := from; k < from+heldAtOnce; k++ {
				c.Edges = append(c.Edges, ledger.Edge{
					Offset: 2*k + uint32(i), Child: dag.NodeID(k + 2), Waits: 2, End: len(end) - 1, Hold: int64(10 + i), Parent: dag.NodeID(i),
				})
			}
			end = nil
			p.commit("hold", c, 1)
		}
	}
	parts[0].commit("see what is owed", ledger.Commit{}, 3)
	parts[0].end(how) // sets all edges that it owed
	parts[1].commit("take", ledger.Commit{Want: 256, Classes: []ledger.Class{0}}, 2)
	parts[1].end(how)
	s := w.snapshot(b, "held")
	require.Empty(w.t, s.Sessions)
	require.Equal(w.t, fan+2, s.Counts.Waiting)
}

// snapshot reads a ledger, and checks it.
func (w *stopwatch) snapshot(b *Backend, run record.RunID) (s *ledger.State) {
	w.t.Helper()
	w.time("snapshot", func() {
		var err error
		s, err = b.Snapshot(w.t.Context(), run)
		require.NoError(w.t, err)
	})
	require.NoError(w.t, s.Check())
	return s
}

// One lost input with very many consumers, and one consumer with very many lost inputs.
func TestLossesNeverBlock(t *testing.T) {
	neverBlocks(t, func(w *stopwatch, b *Backend) {
		const consumers = 2 * ledger.MaxAwaited
		roots := make([]ledger.Grant, consumers+ledger.MaxLost+1)
		for i := range roots {
			roots[i].Node = dag.NodeID(i)
		}
		w.create(b, shared.NewRun{ID: "lost", Nodes: uint32(len(roots)), Tasks: len(roots), Sinks: len(roots), Roots: roots})
		p := w.join(b, "lost", "s")
		classes := []ledger.Class{0}
		var ends []ledger.End
		for _, c := range p.commit("claim", ledger.Commit{Want: ledger.MaxLost, Classes: classes}, 1).Claims {
			ends = append(ends, ledger.End{Node: c.Node, Outcome: record.OutcomeOK, Task: true, Sink: true})
		}
		claims := p.commit("end", ledger.Commit{Ends: ends, Want: len(roots), Classes: classes}, 3).Claims
		require.Len(w.t, claims, consumers+1)
		for _, c := range claims[1:] {
			p.invalidate(c, 1)
		}
		p.invalidate(claims[0], ledger.MaxLost)
		s := w.snapshot(b, "lost")
		assert.Len(w.t, s.Nodes[0].Awaited, ledger.MaxAwaited)
		assert.Len(w.t, s.Retries, consumers+1-ledger.MaxAwaited)
		again := p.commit("claim what is lost", ledger.Commit{Want: ledger.MaxLost, Classes: classes}, 3).Claims
		require.Len(w.t, again, ledger.MaxLost)
		p.commit("make it again", ledger.Commit{Ends: ends}, 3)
		s = w.snapshot(b, "lost")
		assert.Equal(w.t, ledger.MaxAwaited, s.Counts.Waiting)
	})
}

// invalidate reports that the outputs of the first n nodes are lost, which a claim needs.
func (p *part) invalidate(c ledger.Claim, n int) {
	op := ledger.Invalidate{Session: p.session, Consumer: c.Node, Epoch: c.Epoch, Since: c.Since}
	for i := range n {
		op.Lost = append(op.Lost, ledger.Life{Node: dag.NodeID(i), Task: true, Sink: true})
	}
	p.do("invalidate", op)
}
