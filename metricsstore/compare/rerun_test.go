package compare_test

import (
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// rerun is a log replayed with other times: the same attempts in the same order on the same lanes, each claimed as soon as
// it is ready and its lane is free, and after the same gap.
type rerun struct {
	// execute changes how long a body of a function takes, delay how long a ready task waits although its lane is free.
	execute func(function string, ns int64) int64
	delay   func(function string) int64

	walker    record.Walker
	ready     map[dag.NodeID]int64
	free, was map[[2]uint16]int64 // when lanes were free, now and in the log
	end       int64
}

func (r *rerun) of(g *dag.Graph, steps []record.Step) []record.Step {
	r.walker, r.ready = record.NewWalker(g), map[dag.NodeID]int64{}
	r.free, r.was, r.end = map[[2]uint16]int64{}, map[[2]uint16]int64{}, 0
	var out []record.Step
	for _, s := range steps {
		if s.Kind == record.AttemptStarted {
			continue
		}
		s.Seq, s.Announced = uint64(len(out)+1), false
		if _, err := r.walker.Next(&s); err != nil {
			panic(err) // the log is a legal one
		}
		switch s.Kind {
		case record.AttemptEnded, record.FanOutExpanded:
			r.replay(&s)
		case record.RunFinished, record.WorkerStopped:
			s.Ended = r.end
		}
		out = append(out, s)
	}
	return out
}

func (r *rerun) replay(s *record.Step) {
	lane := [2]uint16{s.Worker, s.Slot}
	gap := s.Claimed - max(s.Ready, r.was[lane])
	r.was[lane] = s.Updated
	at := s.Claimed
	name := ""
	if f, isTask := r.walker.Function(s.Node); isTask {
		name = r.walker.Numbering().Graph().Functions()[f].Name()
	}
	s.Ready = r.ready[s.Node]
	s.Claimed = max(s.Ready, r.free[lane]) + max(0, gap) + r.delay(name)
	started := s.Claimed + s.Started - at
	ended := started + r.execute(name, s.Ended-s.Started)
	s.Updated = ended + s.Updated - s.Ended
	s.Started, s.Ended = started, ended
	r.free[lane], r.end = s.Updated, max(r.end, s.Updated)
	if s.Outcome == record.OutcomeRetrying {
		r.ready[s.Node] = s.Ended + int64(s.Delay)
		return
	}
	r.release(s.Node, s.Updated)
}

// release tells what waits for a node, through joins, when it was over.
func (r *rerun) release(node dag.NodeID, at int64) {
	n := r.walker.Numbering()
	p := n.Locate(node)
	scope := n.Graph().Scope(p.Block.Scope)
	var after []dag.NodeID
	for _, c := range scope.Children(p.Local) {
		after = append(after, p.Node(c))
	}
	for _, join := range scope.Outs(p.Local) {
		after = append(after, n.Up(p).Node(join))
	}
	if b := n.Expanded(node); b != nil {
		for i := range b.Instances {
			for _, root := range n.Graph().Scope(b.Scope).Roots() {
				after = append(after, dag.Place{Block: b, Instance: i, Local: root}.ID())
			}
		}
	}
	slices.Sort(after)
	for _, c := range slices.Compact(after) {
		if r.ready[c] >= at {
			continue
		}
		r.ready[c] = at
		at := n.Locate(c)
		if n.Graph().Scope(at.Block.Scope).Kind(at.Local) == dag.JoinNode {
			r.release(c, r.ready[c])
		}
	}
}
