package ledger

import (
	"errors"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Validate reports why an operation is malformed in every state of a run, nil if it is not. State.Apply checks the same,
// and then whether the operation fits the state: that the nodes exist, are held by the session, or are blocked. A client
// of a store validates what it sends, so that the store only has to check what needs the state.
func Validate(op Op) error {
	if why := op.validate(); why != "" {
		return errors.New("ledger: " + why)
	}
	return nil
}

func (op Open) validate() string {
	if op.Session == "" {
		return "a session has a name"
	}
	return ""
}

func (op Stop) validate() string {
	switch {
	case op.Status != record.Failed && op.Status != record.Cancelled:
		return "a run is stopped as failed or as cancelled"
	case op.Reason != 0 && op.Reason != record.CancelRequested && op.Reason != record.RunDeadline:
		return "a run is stopped on request or by its deadline"
	}
	return ""
}

func (op Leave) validate() string  { return "" }
func (op Reap) validate() string   { return "" }
func (op Pause) validate() string  { return "" }
func (op Resume) validate() string { return "" }

func (op Invalidate) validate() string {
	switch {
	case len(op.Lost) == 0:
		return "a consumer misses at least one input"
	case len(op.Lost) > MaxLost:
		return "more nodes are lost than MaxLost"
	}
	seen := map[dag.NodeID]bool{op.Consumer: true}
	for _, l := range op.Lost {
		if seen[l.Node] {
			return "the lost nodes are other than the consumer, each once"
		}
		seen[l.Node] = true
	}
	return ""
}

func (op Commit) validate() string {
	longest := max(len(op.Edges), len(op.EdgesDone), len(op.Onward), len(op.Unhold), len(op.Started), len(op.Classes))
	switch {
	case len(op.Ends) > MaxEnds:
		return "more ends than MaxEnds"
	case longest > MaxListed:
		return "more edges, nodes or classes than MaxListed"
	case op.Steps < 0 || op.Blocks < 0 || op.Keep < 0 || op.Want < 0:
		return "a number is negative"
	case endsTwice(op.Ends):
		return "a node ends twice"
	}
	back := false // a claim is returned
	for i := range op.Ends {
		e := &op.Ends[i]
		if len(op.Ends) > 1 && (e.Outcome == record.OutcomeRetrying || e.Expand != nil) {
			return "an end that is retrying or expands has to be alone"
		}
		if back && e.Outcome != record.NoOutcome {
			return "claims that are returned come last"
		}
		back = e.Outcome == record.NoOutcome
		if why := e.validate(); why != "" {
			return why
		}
	}
	for i := range op.Edges {
		switch e := &op.Edges[i]; {
		case e.Waits == 0:
			return "the child of an edge waits for a number of edges"
		case e.End < -1 || e.End >= len(op.Ends):
			return "an edge leaves one of the ends"
		case e.Hold < 0:
			return "the size of an output that is held is positive"
		}
	}
	return ""
}

func (e *End) validate() string {
	switch e.Outcome {
	case record.OutcomeOK, record.OutcomeFailed, record.OutcomeSkipped:
	case record.NoOutcome, record.OutcomeRetrying, record.OutcomeCancelled:
		if e.More {
			return "only an end that is ok, failed or skipped has more edges"
		}
	default:
		return "an attempt ends as ok, failed, skipped, retrying or cancelled, or its claim is returned"
	}
	switch {
	case e.Local && e.Outcome == record.NoOutcome:
		return "a local end has an outcome"
	case e.Expand == nil:
		return ""
	case e.Outcome != record.OutcomeOK || e.Local:
		return "only a claimed expansion that is ok expands"
	}
	for _, r := range e.Expand.Roots {
		if uint32(r.Node) >= e.Expand.Size {
			return "a root is outside of its instance"
		}
	}
	return ""
}

// endsTwice reports whether a node is in ends more than once. Most commits list them in ascending order.
func endsTwice(ends []End) bool {
	ascending := true
	for i := 1; i < len(ends) && ascending; i++ {
		ascending = ends[i].Node > ends[i-1].Node
	}
	if ascending {
		return false
	}
	seen := make(map[dag.NodeID]struct{}, len(ends))
	for i := range ends {
		seen[ends[i].Node] = struct{}{}
	}
	return len(seen) < len(ends)
}
