package ledger

import (
	"slices"

	"github.com/dagscope/dagscope/engine/record"
)

// mistake describes what is wrong with a commit, in every state or in this one; "" for nothing.
func (s *State) mistake(op *Commit, ses *Session) string {
	if op.Number != ses.Last+1 {
		return "the number is not that of the next commit"
	}
	if why := op.validate(); why != "" {
		return why
	}
	for i := range op.Ends {
		if why := s.mistakeInEnd(&op.Ends[i], ses); why != "" {
			return why
		}
	}
	for _, g := range op.Onward {
		if !s.contains(g.Node) || s.MaxConcurrent[g.Class] > 0 {
			return "a node to become has to exist, and its class to be unbounded"
		}
	}
	for _, id := range slices.Concat(op.EdgesDone, op.Unhold, op.Started) {
		if !s.contains(id) {
			return "a node does not exist"
		}
	}
	for i := range op.Edges {
		e := &op.Edges[i]
		if e.Offset >= s.Edges || !s.contains(e.Child) || e.Hold > 0 && !s.contains(e.Parent) {
			return "an edge is outside of the graph"
		}
	}
	return ""
}

func (s *State) mistakeInEnd(e *End, ses *Session) string {
	if !s.contains(e.Node) {
		return "a node does not exist"
	}
	n := &s.Nodes[e.Node]
	switch {
	case e.Local && (n.Status != Blocked || n.Awaits > 0 || s.MaxConcurrent[e.Class] > 0):
		return "the node of a local end still waits, and its class is unbounded"
	case e.Outcome == record.NoOutcome: // the session may no longer hold it
	case !e.Local && !s.holds(ses.ID, e.Node):
		return "the node is not claimed by the session"
	case !e.Local && n.PendingEdges == EdgesClaimed:
		return "the node has ended before"
	case e.Outcome == record.OutcomeCancelled && s.Stopping == "":
		return "an attempt is cancelled only when its run is being stopped"
	}
	return ""
}

// mistake describes what is wrong with an invalidation, in every state or in this one; "" for nothing.
func (op *Invalidate) mistake(s *State) string {
	if why := op.validate(); why != "" {
		return why
	}
	if !s.contains(op.Consumer) || slices.ContainsFunc(op.Lost, func(l Life) bool { return !s.contains(l.Node) }) {
		return "a node does not exist"
	}
	return ""
}
