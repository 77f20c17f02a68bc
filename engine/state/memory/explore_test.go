package memory

import (
	"encoding/binary"
	"testing"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/internal/testkit/statetest"
)

// TestExplore: in every order of events in small graphs, the store agrees with the model.
func TestExplore(t *testing.T) {
	statetest.Explore(t, func() state.Store { return New() }, func(b []byte, r state.Run) []byte { return appendKey(b, r.(*run)) })
}

// appendKey appends everything that the further course of a run depends on, apart from moments, tokens and values.
func appendKey(b []byte, r *run) []byte {
	add := func(numbers ...int64) {
		for _, n := range numbers {
			b = binary.AppendVarint(b, n)
		}
	}
	list := func(nodes []dag.NodeID) {
		add(int64(len(nodes)))
		for _, id := range nodes {
			add(int64(id))
		}
	}
	flag := func(is bool) int64 {
		if is {
			return 1
		}
		return 0
	}
	add(int64(r.phase.Load()), r.sinks.Load(), r.retries.Load(), r.failed.Load(), r.skipped.Load(), flag(r.first != nil))
	for i := range r.queues {
		r.queues[i].mu.Lock()
		list(r.queues[i].nodes)
		r.queues[i].mu.Unlock()
	}
	for _, g := range r.gates {
		if g != nil {
			add(int64(g.free))
			list(g.waiting)
		}
	}
	for _, block := range append([]*block{r.static}, *r.dynamic.Load()...) {
		for i := range block.nodes {
			n := &block.nodes[i]
			add(int64(n.waits), int64(n.readers), int64(n.attempt), flag(n.barren.Load()), flag(n.out != nil))
		}
	}
	for _, l := range *r.lanes.Load() {
		if l.busy() {
			add(int64(l.slot), int64(l.claim.Node), flag(l.head))
		}
	}
	return b
}
