package export

import (
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
)

// maxFlows bounds how many dependencies a trace shows: viewers take them one by one.
const maxFlows = 200_000

// slice is where the last attempt of a task is drawn.
type slice struct {
	pid, tid int
	start    time.Duration
	end      time.Duration
}

// flows draws dependencies as arrows: a flow event (phase s) within the slice of the task that was waited for, and one
// (phase f, bound to the slice that encloses it: bp e) at the beginning of the slice that waited.
type flows struct {
	numbering *dag.Numbering
	drawn     map[dag.NodeID]slice // of tasks that have ended
	last      int                  // the id of the last arrow
	leftOut   bool                 // more exist than maxFlows
	room      []dag.NodeID
}

// into writes the arrows to an attempt, and notes where it is drawn, for arrows to the attempts that wait for its
// task.
func (f *flows) into(t *trace, node dag.NodeID, at slice) {
	f.drawn[node] = at
	if f.last == maxFlows {
		f.leftOut = true
		return
	}
	f.room = f.tasks(f.room[:0], f.numbering.Locate(node))
	slices.Sort(f.room)
	for _, from := range slices.Compact(f.room) {
		made, isDrawn := f.drawn[from]
		if !isDrawn { // its end is in a part of the log that was not kept
			continue
		}
		if f.last == maxFlows {
			f.leftOut = true
			return
		}
		f.last++
		const name = "dependency"
		leaves := max(made.start, made.end-1) // within the slice, which does not include its own end
		t.event(traceEvent{Name: name, Category: name, Phase: "s", ID: f.last, TS: micros(leaves), PID: made.pid, TID: made.tid})
		t.event(traceEvent{Name: name, Category: name, Phase: "f", Bind: "e", ID: f.last, TS: micros(at.start), PID: at.pid, TID: at.tid})
	}
}

// tasks appends the tasks that a node waits for, directly or through expansions and joins.
func (f *flows) tasks(dst []dag.NodeID, p dag.Place) []dag.NodeID {
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
func (f *flows) instances(dst []dag.NodeID, made *dag.Block, waits []uint32) []dag.NodeID {
	for instance := range made.Instances {
		for _, wait := range waits {
			dst = f.after(dst, dag.Place{Block: made, Instance: instance, Local: wait})
		}
	}
	return dst
}

// after appends a node where it is a task, else the tasks that it waits for itself.
func (f *flows) after(dst []dag.NodeID, p dag.Place) []dag.NodeID {
	if f.numbering.Graph().Scope(p.Block.Scope).Kind(p.Local) == dag.TaskNode {
		return append(dst, p.ID())
	}
	return f.tasks(dst, p)
}
