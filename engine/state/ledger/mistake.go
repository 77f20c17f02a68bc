package ledger

import (
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// mistake describes what is wrong with a commit, "" for nothing.
func (s *State) mistake(op *Commit, ses *Session) string {
	switch {
	case op.Number != ses.Last+1:
		return "the number is not that of the next commit"
	case len(op.Ends) > MaxEnds:
		return "more ends than MaxEnds"
	case op.Steps < 0 || op.Blocks < 0 || op.Keep < 0 || op.Want < 0:
		return "a number is negative"
	}
	if why := s.mistakeInEnds(op, ses); why != "" {
		return why
	}
	for _, g := range op.Onward {
		if !s.contains(g.Node) || s.MaxConcurrent[g.Class] > 0 {
			return "a node to become has to exist, and its class to be unbounded"
		}
	}
	for _, list := range [][]dag.NodeID{op.EdgesDone, op.Unhold, op.Started} {
		for _, id := range list {
			if !s.contains(id) {
				return "a node does not exist"
			}
		}
	}
	return s.mistakeInEdges(op)
}

func (s *State) mistakeInEnds(op *Commit, ses *Session) string {
	ended := make(map[dag.NodeID]bool, len(op.Ends))
	back := false // a claim was given back
	for i := range op.Ends {
		e := &op.Ends[i]
		if !s.contains(e.Node) || ended[e.Node] {
			return "a node ends that does not exist, or ends twice"
		}
		ended[e.Node] = true
		if len(op.Ends) > 1 && (e.Outcome == record.OutcomeRetrying || e.Expand != nil) {
			return "an end that is retrying or expands has to be alone"
		}
		if back && e.Outcome != record.NoOutcome {
			return "claims that are given back come last"
		}
		back = e.Outcome == record.NoOutcome
		if why := s.mistakeInEnd(e, ses); why != "" {
			return why
		}
	}
	return ""
}

func (s *State) mistakeInEnd(e *End, ses *Session) string {
	n := &s.Nodes[e.Node]
	switch e.Outcome {
	case record.OutcomeOK, record.OutcomeFailed, record.OutcomeSkipped:
	case record.NoOutcome, record.OutcomeRetrying, record.OutcomeCancelled:
		if e.More {
			return "only an end that is ok, failed or skipped has more edges"
		}
	default:
		return "an attempt ends as ok, failed, skipped, retrying or cancelled, or is given back"
	}
	switch {
	case e.Local && (e.Outcome == record.NoOutcome || n.Status != Blocked || n.Awaits > 0 || s.MaxConcurrent[e.Class] > 0):
		return "a local end has an outcome, its node still waits, and its class is unbounded"
	case e.Expand != nil && (e.Outcome != record.OutcomeOK || e.Local):
		return "only a claimed expansion that is ok expands"
	case e.Outcome == record.NoOutcome: // it may be gone
	case !e.Local && !s.holds(ses.ID, e.Node):
		return "the node is not claimed by the session"
	case !e.Local && n.PendingEdges == EdgesClaimed:
		return "the node has ended before"
	case e.Outcome == record.OutcomeCancelled && s.Stopping == "":
		return "an attempt is cancelled only when its run is ending"
	}
	return s.mistakeInRoots(e.Expand)
}

func (s *State) mistakeInRoots(x *Expand) string {
	if x == nil {
		return ""
	}
	for _, r := range x.Roots {
		if uint32(r.Node) >= x.Size {
			return "a root is outside of its instance"
		}
	}
	return ""
}

func (s *State) mistakeInEdges(op *Commit) string {
	for i := range op.Edges {
		e := &op.Edges[i]
		switch {
		case e.Offset >= s.Edges || !s.contains(e.Child) || e.Waits == 0:
			return "an edge is outside of the graph"
		case e.End < -1 || e.End >= len(op.Ends):
			return "an edge leaves no end"
		case e.Hold < 0 || e.Hold > 0 && !s.contains(e.Parent):
			return "an edge with an output that is held has no parent"
		}
	}
	return ""
}
