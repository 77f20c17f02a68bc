package statetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// complete ends a strand under the claim on its head. With next, the claim passes under nextToken to a node that the last
// end made ready, to prefer if that is one of them. The error says why the ledger does not accept it.
func (m *model) complete(strand []state.End, token uint64, next bool, prefer dag.NodeID, nextToken uint64) (state.Reply, error) {
	if !m.holds(strand[0].Node, token) {
		return state.Reply{Stale: true}, nil
	}
	h := m.held[strand[0].Node]
	var made []dag.NodeID
	at := 0
	for i := range strand {
		follower := dag.NoNode
		if i+1 < len(strand) {
			follower = strand[i+1].Node
		}
		at = len(m.log)
		var err error
		if made, err = m.end(&strand[i], follower); err != nil {
			return state.Reply{}, err
		}
	}
	made = slices.DeleteFunc(slices.Clone(made), func(id dag.NodeID) bool { return !m.claimable(id) })
	if !next || len(made) == 0 {
		return state.Reply{}, nil
	}
	became := made[0]
	if slices.Contains(made, prefer) {
		became = prefer
	}
	c, _ := m.take(became, nextToken, int(h.slot), false)
	m.log[at].Became = became
	return state.Reply{Next: c, HasNext: true}, nil
}

// abandon ends the attempt of a claimed node from outside of its lane.
func (m *model) abandon(e *state.End, token uint64) error {
	r, err := m.complete([]state.End{*e}, token, false, dag.NoNode, 0)
	if err == nil && r.Stale {
		err = fmt.Errorf("node %d is not claimed under token %d", e.Node, token)
	}
	return err
}

// end ends the attempt of a claimed node, logs it, and gives what it made ready. The session becomes follower. An end that
// exceeds the retry budget or the limits counts as failed, as the ledger asks.
func (m *model) end(e *state.End, follower dag.NodeID) ([]dag.NodeID, error) {
	if n := m.node(e.Node); e.Epoch != n.Epoch || e.Attempt != n.Attempts+1 {
		return nil, fmt.Errorf("attempt %d of node %d ends, expected attempt %d", e.Attempt, e.Node, n.Attempts+1)
	}
	kind := record.AttemptEnded
	if e.Outcome == record.OutcomeOK && !m.isTask(e.Node) {
		kind = record.FanOutExpanded
	}
	step := m.stepOf(e, kind)
	for outcome := e.Outcome; ; outcome = record.OutcomeFailed {
		step.Outcome = outcome
		made, v, err := m.endAs(e, step, follower)
		switch {
		case err != nil:
			return nil, err
		case v == ledger.Applied:
			return made, nil
		case v != ledger.Exhausted && v != ledger.TooWide || outcome == record.OutcomeFailed:
			return nil, fmt.Errorf("node %d ends as %d: the verdict of the ledger is %d", e.Node, outcome, v)
		}
	}
}

// endAs ends a claimed node with one outcome, if the ledger accepts it.
func (m *model) endAs(e *state.End, step record.Step, follower dag.NodeID) ([]dag.NodeID, ledger.Verdict, error) {
	end := m.layout.End(e.Node)
	end.Outcome = step.Outcome
	var c cascade
	switch step.Outcome {
	case record.OutcomeOK:
		if step.Kind == record.FanOutExpanded {
			elements, _ := e.Output.([]any)
			step.Width = uint32(len(elements))
			end.Expand = m.layout.Expand(e.Node, step.Width)
		}
		c = m.cascade(e.Node, step.Width, false, follower)
	case record.OutcomeFailed:
		if m.ledger.Policy == record.Continue {
			c = m.cascade(e.Node, 0, true, dag.NoNode)
		}
	case record.OutcomeRetrying:
		step.Delay = time.Duration(e.Delay)
	}
	end.More = len(c.ends) > 0
	op := ledger.Commit{Ends: []ledger.End{end}, Edges: c.edges}
	h, at := m.held[e.Node], len(m.log)
	made, v := m.commitEnd(op, step, follower)
	if v != ledger.Applied {
		return nil, v, nil
	}
	delete(m.held, e.Node)
	if follower != dag.NoNode {
		if m.node(follower).Status != ledger.Claimed {
			return nil, v, fmt.Errorf("node %d cannot follow node %d in a strand", follower, e.Node)
		}
		m.held[follower] = holding{slot: h.slot}
	}
	made = append(made, m.endLocal(c, e.Node, step.Updated)...)
	for _, id := range made {
		m.since[id] = step.Updated
	}
	if follower != dag.NoNode {
		m.since[follower] = step.Updated
		m.log[at].Became = follower
		made = append(made, follower)
	}
	if step.Outcome == record.OutcomeRetrying {
		m.delayed[e.Node], m.since[e.Node] = e.Ended+e.Delay, e.Ended+e.Delay
	}
	m.log[at].Readied = made
	return made, v, nil
}

// commitEnd commits one end. A strand continues even if the run is being stopped meanwhile, when the ledger would not let a
// session become another node: so Stopping is lifted for that commit.
func (m *model) commitEnd(op ledger.Commit, step record.Step, follower dag.NodeID) ([]dag.NodeID, ledger.Verdict) {
	stopping := m.ledger.Stopping
	if follower != dag.NoNode {
		op.Onward = []ledger.Grant{{Node: follower, Class: m.layout.Class(follower)}}
		m.ledger.Stopping = ""
		defer func() { m.ledger.Stopping = stopping }()
	}
	r, made := m.commit(op, step)
	return made, r.Verdict
}

// localEnds is how many local ends one commit has at most; ledger.MaxEnds is the bound.
const localEnds = 200

// endLocal ends the joins and skipped nodes of a cascade, whose cause still keeps its claim.
func (m *model) endLocal(c cascade, cause dag.NodeID, now int64) (made []dag.NodeID) {
	for first := 0; first < len(c.ends); first += localEnds {
		last := min(first+localEnds, len(c.ends))
		op := ledger.Commit{Ends: c.ends[first:last]}
		var steps []record.Step
		for i, e := range op.Ends {
			for _, edge := range c.after[e.Node] {
				edge.End = i
				op.Edges = append(op.Edges, edge)
			}
			if e.Outcome == record.OutcomeSkipped && e.Task {
				steps = append(steps, record.Step{
					Kind: record.TaskSkipped, Outcome: e.Outcome, Node: e.Node, Ended: now, Updated: now, Became: dag.NoNode,
				})
			}
		}
		if last == len(c.ends) {
			op.EdgesDone = []dag.NodeID{cause}
		}
		_, ready := m.commit(op, steps...)
		made = append(made, ready...)
	}
	return made
}

// cascade is what the end of a node causes in others.
type cascade struct {
	edges []ledger.Edge                // that leave the node
	ends  []ledger.End                 // of complete joins and of nodes that are skipped, parents first
	after map[dag.NodeID][]ledger.Edge // that leave those
}

// cascade finds which joins and skipped nodes a node ends, if it is OK or bad, by the counts of the ledger. The edge to
// follower is left out, and so is the last edge into a node that ends.
func (m *model) cascade(id dag.NodeID, width uint32, bad bool, follower dag.NodeID) cascade {
	c := cascade{after: map[dag.NodeID][]ledger.Edge{}}
	arrived, spoilt := map[dag.NodeID]uint32{}, map[dag.NodeID]bool{}
	type source struct {
		id  dag.NodeID
		bad bool
	}
	for queue := []source{{id, bad}}; len(queue) > 0; queue = queue[1:] {
		from := queue[0]
		if from.id != id {
			width = 0
		}
		for _, edge := range m.layout.Edges(from.id, width) {
			if edge.Child == follower {
				continue
			}
			n := m.node(edge.Child)
			arrived[edge.Child]++
			spoilt[edge.Child] = spoilt[edge.Child] || n.Bad || from.bad
			join := m.layout.Kind(edge.Child) == dag.JoinNode
			if n.Arrived+arrived[edge.Child] == edge.Waits && (join || spoilt[edge.Child]) {
				e := m.layout.End(edge.Child)
				e.Local, e.Class = true, ledger.EngineClass
				if spoilt[edge.Child] {
					e.Outcome = record.OutcomeSkipped
				}
				c.ends = append(c.ends, e)
				queue = append(queue, source{edge.Child, spoilt[edge.Child]})
				continue
			}
			edge.Bad = from.bad
			if from.id == id {
				edge.End = 0
				c.edges = append(c.edges, edge)
			} else {
				c.after[from.id] = append(c.after[from.id], edge)
			}
		}
	}
	return c
}
