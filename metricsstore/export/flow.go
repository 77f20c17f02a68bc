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
	waits
	drawn   map[dag.NodeID]slice // of tasks that have ended
	last    int                  // the id of the last arrow
	leftOut bool                 // more exist than maxFlows
	room    []dag.NodeID
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
