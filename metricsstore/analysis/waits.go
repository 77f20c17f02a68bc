package analysis

import (
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
)

// waits says which nodes of any kind wait for which, with all fan-outs expanded, in compressed rows. What follows on a
// fan-out without instances waits for the fan-out itself.
type waits struct {
	isTask       []bool
	before       rows
	seen         []uint32 // by node, the last search that has seen it
	searches     uint32
	open, beyond []dag.NodeID
}

// rows are lists of nodes, one for each node: those of node n are nodes[first[n]:first[n+1]].
type rows struct {
	first []uint32
	nodes []dag.NodeID
}

func (r *rows) of(n dag.NodeID) []dag.NodeID { return r.nodes[r.first[n]:r.first[n+1]] }

func newWaits(n *dag.Numbering) waits {
	w := waits{isTask: make([]bool, n.Nodes()), seen: make([]uint32, n.Nodes())}
	w.before.first = append(make([]uint32, 0, n.Nodes()+1), 0)
	for _, b := range n.Blocks() {
		s := n.Graph().Scope(b.Scope)
		for instance := range b.Instances {
			for local := range b.Size {
				p := dag.Place{Block: b, Instance: instance, Local: local}
				w.isTask[p.ID()] = s.Kind(local) == dag.TaskNode
				w.before.nodes = appendBefore(w.before.nodes, n, s, p)
				w.before.first = append(w.before.first, uint32(len(w.before.nodes)))
			}
		}
	}
	return w
}

// appendBefore appends what a node waits for. A join waits for the instances of its fan-out, if they have anything to
// wait for.
func appendBefore(dst []dag.NodeID, n *dag.Numbering, s *dag.Scope, p dag.Place) []dag.NodeID {
	before := s.Parents(p.Local)
	if len(before) == 0 {
		if p.Block.Expansion != dag.NoNode {
			dst = append(dst, p.Block.Expansion)
		}
		return dst
	}
	fanOut := dag.NoNode
	if s.Kind(p.Local) == dag.JoinNode {
		expansion := p.Node(s.JoinExpansion(p.Local))
		if b, joined := n.Expanded(expansion), s.JoinWaits(p.Local); b != nil && b.Instances > 0 && len(joined) > 0 {
			fanOut = expansion
			for instance := range b.Instances {
				for _, local := range joined {
					dst = append(dst, dag.Place{Block: b, Instance: instance, Local: local}.ID())
				}
			}
		}
	}
	for _, local := range before {
		if id := p.Node(local); id != fanOut {
			dst = append(dst, id)
		}
	}
	return dst
}

// reversed has the same pairs the other way round, each list ascending.
func (r *rows) reversed() rows {
	nodes := len(r.first) - 1
	out := rows{first: make([]uint32, nodes+1), nodes: make([]dag.NodeID, len(r.nodes))}
	for _, to := range r.nodes {
		out.first[to+1]++
	}
	for i := range nodes {
		out.first[i+1] += out.first[i]
	}
	next := slices.Clone(out.first)
	for n := range dag.NodeID(nodes) {
		for _, to := range r.of(n) {
			out.nodes[next[to]] = n
			next[to]++
		}
	}
	return out
}

// parents lists the tasks that a node waits for, through joins and fan-outs, each once, ascending. The list is valid until
// the next call.
func (w *waits) parents(node dag.NodeID) []dag.NodeID {
	w.searches++
	w.beyond = w.beyond[:0]
	w.open = append(w.open[:0], w.before.of(node)...)
	for len(w.open) > 0 {
		at := w.open[len(w.open)-1]
		w.open = w.open[:len(w.open)-1]
		switch {
		case w.seen[at] == w.searches:
			continue
		case w.isTask[at]:
			w.beyond = append(w.beyond, at)
		default:
			w.open = append(w.open, w.before.of(at)...)
		}
		w.seen[at] = w.searches
	}
	slices.Sort(w.beyond)
	return w.beyond
}

// order lists all nodes, each after those that it waits for. It is the order of the page, which decides between chains
// of equal length.
func (w *waits) order() []dag.NodeID {
	nodes := dag.NodeID(len(w.isTask))
	order := make([]dag.NodeID, 0, nodes)
	placed := make([]bool, nodes)
	var stack []dag.NodeID
	for start := range nodes {
		for stack = append(stack[:0], start); len(stack) > 0; {
			node, depth := stack[len(stack)-1], len(stack)
			if placed[node] {
				stack = stack[:depth-1]
				continue
			}
			for _, before := range w.before.of(node) {
				if !placed[before] {
					stack = append(stack, before)
				}
			}
			if len(stack) > depth {
				continue
			}
			order = append(order, node)
			placed[node] = true
			stack = stack[:depth-1]
		}
	}
	return order
}
