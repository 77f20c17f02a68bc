package protocol

import (
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
)

// place says where a node stands, as dag.Place does.
type place struct {
	block    Block
	scope    *dag.Scope
	instance uint32
	local    uint32
}

func (p place) node(local uint32) dag.NodeID { return p.block.node(p.scope, p.instance, local) }

func (p place) kind() dag.NodeKind { return p.scope.Kind(p.local) }

func (p place) isSink() bool { return p.scope.Flags(p.local)&dag.Sink != 0 }

func (b Block) node(s *dag.Scope, instance, local uint32) dag.NodeID {
	return b.First + dag.NodeID(instance*s.Len()+local)
}

// at finds the place of a node, which must exist.
func (s *State) at(id dag.NodeID) place {
	i := len(s.Blocks) - 1
	for s.Blocks[i].First > id {
		i--
	}
	b := s.Blocks[i]
	scope := s.Graph.Scope(b.Scope)
	rest := uint32(id - b.First)
	return place{block: b, scope: scope, instance: rest / scope.Len(), local: rest % scope.Len()}
}

// blockOf is the block that an expansion has appended.
func (s *State) blockOf(expansion dag.NodeID) (Block, bool) {
	i := slices.IndexFunc(s.Blocks, func(b Block) bool { return b.Expansion == expansion })
	if i < 0 {
		return Block{}, false
	}
	return s.Blocks[i], true
}

// Parents lists the nodes that a node waits for, in the order of its bits. A join waits for its expansion, and once
// that has expanded, for each of JoinWaits in each instance.
func (s *State) Parents(id dag.NodeID) []dag.NodeID {
	p := s.at(id)
	var out []dag.NodeID
	for _, local := range p.scope.Parents(p.local) {
		out = append(out, p.node(local))
	}
	if p.kind() != dag.JoinNode {
		return out
	}
	b, ok := s.blockOf(p.node(p.scope.JoinExpansion(p.local)))
	if !ok {
		return out
	}
	body := s.Graph.Scope(b.Scope)
	for i := range b.Instances {
		for _, local := range p.scope.JoinWaits(p.local) {
			out = append(out, b.node(body, i, local))
		}
	}
	return out
}

// edge is one bit of a node that waits.
type edge struct {
	child dag.NodeID
	bit   int
}

// edges lists the bits that the end of a node sets.
func (s *State) edges(id dag.NodeID) []edge {
	p := s.at(id)
	var out []edge
	for _, c := range p.scope.Children(p.local) {
		out = append(out, edge{p.node(c), slices.Index(p.scope.Parents(c), p.local)})
	}
	for _, j := range p.scope.Outs(p.local) {
		up := s.at(p.block.Expansion)
		waits := up.scope.JoinWaits(j)
		first := len(up.scope.Parents(j)) + int(p.instance)*len(waits)
		out = append(out, edge{up.node(j), first + slices.Index(waits, p.local)})
	}
	return out
}

// size counts the tasks and edges of one instance of a scope.
func size(s *dag.Scope) (tasks, edges int) {
	for n := range s.Len() {
		edges += len(s.Parents(n)) + len(s.Outs(n))
	}
	return int(s.Tasks()), edges
}

// room tells what speaks against expanding a fan-out to width w, nil when nothing does.
func (s *State) room(scope *dag.Scope, w int) error {
	tasks, edges := size(scope)
	if tasks = s.Counts.Tasks + w*tasks; w > s.Limits.Tasks || tasks > s.Limits.Tasks {
		return fmt.Errorf("protocol: width %d makes %d tasks, at most %d are allowed", w, tasks, s.Limits.Tasks)
	}
	if edges = s.Counts.Edges + w*edges; edges > s.Limits.Edges {
		return fmt.Errorf("protocol: width %d makes %d edges, at most %d are allowed", w, edges, s.Limits.Edges)
	}
	return nil
}
