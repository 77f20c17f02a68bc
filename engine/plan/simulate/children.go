package simulate

import "github.com/dagscope/dagscope/engine/dag"

// ChildrenOf lists for each node of a run the nodes that wait for it, with fan-outs expanded as far as they are.
func ChildrenOf(n *dag.Numbering) Rows {
	nodes := n.Nodes()
	rows := Rows{First: make([]uint32, nodes+1)}
	for id := range nodes {
		rows.Nodes = appendChildren(rows.Nodes, n, dag.NodeID(id))
		rows.First[id+1] = uint32(len(rows.Nodes))
	}
	return rows
}

func appendChildren(dst []uint32, n *dag.Numbering, id dag.NodeID) []uint32 {
	p := n.Locate(id)
	s := n.Graph().Scope(p.Block.Scope)
	for _, c := range s.Children(p.Local) {
		dst = append(dst, uint32(p.Node(c)))
	}
	if p.Block.Expansion != dag.NoNode {
		up := n.Up(p)
		for _, j := range s.Outs(p.Local) {
			dst = append(dst, uint32(up.Node(j)))
		}
	}
	if body := n.Expanded(id); body != nil && s.Kind(p.Local) == dag.ExpandNode {
		for i := range body.Instances {
			for _, root := range n.Graph().Scope(body.Scope).Roots() {
				dst = append(dst, uint32(dag.Place{Block: body, Instance: i, Local: root}.ID()))
			}
		}
	}
	return dst
}
