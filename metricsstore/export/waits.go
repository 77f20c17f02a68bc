package export

import "github.com/dagscope/dagscope/engine/dag"

// waits knows which tasks wait for which, without the expansions and joins between them.
type waits struct{ numbering *dag.Numbering }

// tasks appends the tasks that a node waits for, directly or through expansions and joins.
func (f waits) tasks(dst []dag.NodeID, p dag.Place) []dag.NodeID {
	s := f.numbering.Graph().Scope(p.Block.Scope)
	if s.Kind(p.Local) == dag.JoinNode && len(s.JoinWaits(p.Local)) > 0 {
		if made := f.numbering.Expanded(p.Node(s.JoinExpansion(p.Local))); made != nil && made.Instances > 0 {
			return f.instances(dst, made, s.JoinWaits(p.Local))
		}
	}
	for _, parent := range s.Parents(p.Local) {
		above := p
		above.Local = parent
		dst = f.after(dst, above)
	}
	if p.Block.Expansion != dag.NoNode && len(s.Parents(p.Local)) == 0 {
		dst = f.tasks(dst, f.numbering.Up(p))
	}
	return dst
}

// instances appends what a join waits for in all instances of a body.
func (f waits) instances(dst []dag.NodeID, made *dag.Block, waits []uint32) []dag.NodeID {
	for instance := range made.Instances {
		for _, wait := range waits {
			dst = f.after(dst, dag.Place{Block: made, Instance: instance, Local: wait})
		}
	}
	return dst
}

// after appends a node where it is a task, else the tasks that it waits for itself.
func (f waits) after(dst []dag.NodeID, p dag.Place) []dag.NodeID {
	if f.numbering.Graph().Scope(p.Block.Scope).Kind(p.Local) == dag.TaskNode {
		return append(dst, p.ID())
	}
	return f.tasks(dst, p)
}
