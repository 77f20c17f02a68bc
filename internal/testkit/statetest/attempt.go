package statetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// overlay is a run's values, and those of a strand that is not completed yet.
type overlay struct {
	dag.Values
	own map[dag.NodeID]any
}

// Output implements dag.Values.
func (o overlay) Output(id dag.NodeID) any {
	if v, ok := o.own[id]; ok {
		return v
	}
	return o.Values.Output(id)
}

// execute evaluates a task or an expansion whose inputs exist.
func execute(run state.Run, g *dag.Graph, id dag.NodeID, values dag.Values) (any, error) {
	n := run.Numbering()
	p := n.Locate(id)
	if g.Scope(p.Block.Scope).Kind(p.Local) == dag.ExpandNode {
		return g.Elements(p, n, values), nil
	}
	return n.Function(p).Invoke(context.Background(), g.Args(nil, p, n, values))
}

// followers lists the nodes that wait for nothing but the given task and can follow it in a strand.
func followers(run state.Run, g *dag.Graph, id dag.NodeID) []dag.NodeID {
	p := run.Numbering().Locate(id)
	scope := g.Scope(p.Block.Scope)
	var out []dag.NodeID
	for _, c := range scope.Children(p.Local) {
		bounded := scope.Kind(c) == dag.TaskNode && g.Functions()[scope.Function(c)].Options().MaxConcurrent > 0
		if scope.Kind(c) != dag.JoinNode && !bounded && slices.Equal(scope.Parents(c), []uint32{p.Local}) {
			out = append(out, p.Node(c))
		}
	}
	return out
}

// strand executes the seat's node and up to length-1 more after it, of which the last has the given outcome.
func (s *session) strand(c *seat, outcome record.Outcome, length int) ([]state.End, error) {
	values := overlay{s.run, map[dag.NodeID]any{}}
	var ends []state.End
	for id, attempt := c.claim.Node, c.claim.Attempt; ; attempt = 1 {
		e := s.end(id, attempt, record.OutcomeOK)
		var err error
		if e.Output, err = execute(s.run, s.job.Graph, id, values); err != nil {
			return nil, fmt.Errorf("node %d: %w", id, err)
		}
		if s.run.Numbering().IsTask(id) {
			e.OutputBytes = int64(id) // any number: the log keeps it
		}
		values.own[id] = e.Output
		ends = append(ends, e)
		next := followers(s.run, s.job.Graph, id)
		if len(ends) >= length || len(next) == 0 || !s.run.Numbering().IsTask(id) {
			break
		}
		id = next[s.choose(len(next))]
	}
	last := &ends[len(ends)-1]
	if outcome != record.OutcomeOK {
		*last = s.end(last.Node, last.Attempt, outcome)
	}
	return ends, nil
}

// end is a made-up end of an attempt, without an output.
func (s *session) end(id dag.NodeID, attempt uint16, outcome record.Outcome) state.End {
	now := s.run.Now()
	e := state.End{
		Node: id, Attempt: attempt, Outcome: outcome, Claimed: now, Started: now, Ended: now, Fetch: int64(s.rng.IntN(3)),
	}
	switch outcome {
	case record.OutcomeRetrying:
		e.Delay = int64(s.rng.IntN(30_000))
		e.Error = &record.ErrorRecord{Kind: record.UserError, Node: id, Message: "again", Attempt: int(attempt)}
	case record.OutcomeFailed:
		e.Error = &record.ErrorRecord{Kind: record.UserError, Node: id, Message: "failed", Attempt: int(attempt)}
		e.Log = []byte("log")
	case record.OutcomeCancelled:
		e.Error = &record.ErrorRecord{Kind: record.CancelledError, Node: id, Message: "cancelled", Attempt: int(attempt)}
	}
	return e
}
