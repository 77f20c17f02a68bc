package predict

import (
	"cmp"
	"maps"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/plan/simulate"
)

// structure is a graph with its fan-outs expanded, ready to be simulated.
type structure struct {
	simulate.Model
	numbering *dag.Numbering
	classes   []*class // of each attempt
	simulator *simulate.Simulator
}

// expand expands the fan-outs of a numbering that are not, each as wide as the next one of its scope in widths; those
// that are used up begin again. ok is false if the width of a fan-out is not known.
func expand(n *dag.Numbering, widths map[int32][]int) (ok bool, err error) {
	used := map[int32]int{}
	for id := dag.NodeID(0); int(id) < n.Nodes(); id++ {
		p := n.Locate(id)
		s := n.Graph().Scope(p.Block.Scope)
		if s.Kind(p.Local) != dag.ExpandNode {
			continue
		}
		region := s.Region(p.Local)
		known := widths[region]
		if len(known) == 0 {
			return false, nil
		}
		k := used[region]
		used[region]++
		if n.Expanded(id) != nil {
			continue
		}
		if _, err := n.Expand(id, known[k%len(known)], dag.Limits{Tasks: MaxTasks}); err != nil {
			return false, invalid("the run would have too many tasks: %v", err)
		}
	}
	return true, nil
}

// newStructure makes the structure of a numbering. Nodes that skip reports, and joins, take no time.
func newStructure(n *dag.Numbering, classes *classes, skip func(dag.NodeID) bool) (*structure, error) {
	nodes := n.Nodes()
	s := &structure{numbering: n, Model: simulate.Model{
		Children: simulate.ChildrenOf(n), First: make([]uint32, nodes+1), Class: make([]uint16, nodes),
	}}
	for id := range nodes {
		p := n.Locate(dag.NodeID(id))
		if n.Graph().Scope(p.Block.Scope).Kind(p.Local) != dag.JoinNode && !skip(dag.NodeID(id)) {
			s.Attempts = append(s.Attempts, simulate.Attempt{Order: uint32(len(s.Attempts))})
			s.classes = append(s.classes, classes.of(n.Graph(), p))
		}
		s.First[id+1] = uint32(len(s.Attempts))
	}
	var err error
	s.simulator, err = simulate.New(&s.Model)
	return s, err
}

// unskipped is for structures of which nothing has been executed yet.
func unskipped(dag.NodeID) bool { return false }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
