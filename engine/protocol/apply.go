package protocol

import (
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Apply carries out one operation and gives the reply and the steps that it adds to the log.
func (s *State) Apply(op Op) (Reply, []record.Step) {
	t := &transition{State: s}
	reply := op.apply(t)
	return reply, t.steps
}

// transition is one operation being applied.
type transition struct {
	*State
	steps   []record.Step
	readied []dag.NodeID // since the last take
}

func (t *transition) log(s record.Step) {
	t.Seq++
	s.Seq = t.Seq
	t.steps = append(t.steps, s)
}

// takeReadied gives what has become ready since it was last asked.
func (t *transition) takeReadied() []dag.NodeID {
	r := t.readied
	t.readied = nil
	return r
}

func (op Start) apply(t *transition) Reply {
	if t.Status != record.Queued {
		return refuse("the run has started before")
	}
	t.Status = record.Running
	t.enter(Block{Instances: 1, Expansion: dag.NoNode}, op.Now)
	t.log(record.Step{Kind: record.RunStarted, Became: dag.NoNode, Readied: t.takeReadied()})
	t.endRun(op.Now)
	return Reply{}
}

// enter appends a block. What waits for nothing in it is ready.
func (t *transition) enter(b Block, now int64) {
	s := t.Graph.Scope(b.Scope)
	tasks, edges := size(s)
	b.First = dag.NodeID(len(t.Nodes))
	t.Blocks = append(t.Blocks, b)
	t.Counts.Tasks += int(b.Instances) * tasks
	t.Counts.Edges += int(b.Instances) * edges
	t.Counts.Open += int(b.Instances * s.Sinks())
	for range b.Instances {
		for local := range s.Len() {
			waits := len(s.Parents(local))
			id := dag.NodeID(len(t.Nodes))
			t.Nodes = append(t.Nodes, Node{Missing: int32(waits), Arrived: Bits(nil).grow(waits)})
			if waits == 0 {
				t.makeReady(id, now)
			}
		}
	}
}

func (t *transition) makeReady(id dag.NodeID, now int64) {
	n := &t.Nodes[id]
	n.Status, n.Since = Ready, now
	t.readied = append(t.readied, id)
}

// expand appends the instances of a fan-out and gives its joins a bit for each result they wait for.
func (t *transition) expand(id dag.NodeID, width uint32, now int64) {
	p := t.at(id)
	for _, j := range p.scope.RegionJoins(p.local) {
		more := int(width) * len(p.scope.JoinWaits(j))
		n := &t.Nodes[p.node(j)]
		n.Missing += int32(more)
		n.Arrived = n.Arrived.grow(len(p.scope.Parents(j)) + more)
	}
	t.enter(Block{Scope: p.scope.Region(p.local), Instances: width, Expansion: id}, now)
}

// terminate gives a node its terminal status.
func (t *transition) terminate(id dag.NodeID, status NodeStatus) {
	p := t.at(id)
	t.Nodes[id].Status = status
	if p.isSink() {
		t.Counts.Open--
	}
	if p.kind() != dag.TaskNode {
		return
	}
	switch status {
	case OK:
		t.Counts.Done++
	case Failed:
		t.Counts.Failed++
	case Skipped:
		t.Counts.Skipped++
	}
}

// propagate tells those that wait for a terminal node. A join that has all it waits for ends by itself, and what
// waits for something that failed or was skipped is skipped, once nothing of it is missing; both are told on in
// turn. It gives the tasks that were skipped.
func (t *transition) propagate(id dag.NodeID, now int64) (skipped []dag.NodeID) {
	for queue := []dag.NodeID{id}; len(queue) > 0; queue = queue[1:] {
		for _, e := range t.edges(queue[0]) {
			if !t.arrive(e) {
				continue
			}
			p := t.at(e.child)
			switch {
			case !t.parentsOK(e.child):
				t.terminate(e.child, Skipped)
				queue = append(queue, e.child)
				if p.kind() == dag.TaskNode {
					skipped = append(skipped, e.child)
				}
			case p.kind() == dag.JoinNode:
				t.terminate(e.child, OK)
				queue = append(queue, e.child)
			default:
				t.makeReady(e.child, now)
			}
		}
	}
	return skipped
}

// arrive sets a bit and reports whether it was the last one missing.
func (t *transition) arrive(e edge) bool {
	n := &t.Nodes[e.child]
	if n.Arrived.Has(e.bit) && t.broken&bareCounter == 0 {
		return false
	}
	n.Arrived.set(e.bit)
	n.Missing--
	return n.Missing == 0 && n.Status == Blocked
}

func (s *State) parentsOK(id dag.NodeID) bool {
	return !slices.ContainsFunc(s.Parents(id), func(p dag.NodeID) bool {
		return s.Nodes[p].Status == Failed || s.Nodes[p].Status == Skipped
	})
}

// endRun ends the run if it is over.
func (t *transition) endRun(now int64) {
	switch {
	case t.Status == record.Queued || t.Status.Final():
		return
	case t.Stopping != "" && t.Counts.Claims == 0:
		t.Status = t.Stopping
	case t.Stopping == "" && t.Counts.Open == 0:
		t.Status = record.Succeeded
		if slices.ContainsFunc(t.Nodes, func(n Node) bool { return n.Status == Failed }) {
			t.Status = record.Failed
		}
	default:
		return
	}
	t.log(record.Step{Kind: record.RunFinished, Outcome: t.Status.Outcome(), Ended: now, Became: dag.NoNode})
}
