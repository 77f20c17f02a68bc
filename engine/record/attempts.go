package record

import "github.com/dagscope/dagscope/engine/dag"

// Attempts holds, by node, the attempts of a log that were announced and have not ended. It matches the end of an
// attempt with its announcement, because a process that did not see an attempt begin may report its loss. The zero
// value is empty.
type Attempts struct{ begun map[dag.NodeID]Begin }

// Begin is how an attempt began, as in Step.
type Begin struct {
	Epoch, Attempt, Slot           uint16
	Head                           bool
	Ready, Claimed, Started, Fetch int64
}

// Len is the number of attempts.
func (a *Attempts) Len() int { return len(a.begun) }

// Nodes yields the nodes of the attempts, in any order.
func (a *Attempts) Nodes(yield func(dag.NodeID) bool) {
	for node := range a.begun {
		if !yield(node) {
			return
		}
	}
}

// Start adds the attempt that an AttemptStarted step announces.
func (a *Attempts) Start(s *Step) {
	if a.begun == nil {
		a.begun = map[dag.NodeID]Begin{}
	}
	a.begun[s.Node] = Begin{s.Epoch, s.Attempt, s.Slot, s.Head, s.Ready, s.Claimed, s.Started, s.Fetch}
}

// End removes the attempt that an AttemptEnded or FanOutExpanded step ends, and returns its announcement if there was one.
func (a *Attempts) End(s *Step) (b Begin, ok bool) {
	b, ok = a.begun[s.Node]
	delete(a.begun, s.Node)
	return b, ok && b.Epoch == s.Epoch && b.Attempt == s.Attempt
}

// Clear removes all attempts, as at the end of a run.
func (a *Attempts) Clear() { clear(a.begun) }
