package protocol

import (
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

func (op Take) apply(t *transition) Reply {
	if len(op.Grants) > MaxTake {
		return refuse("more grants than MaxTake")
	}
	var reply Reply
	for _, g := range op.Grants {
		if g.Token != 0 && t.Claimable(g.Node) {
			reply.Claims = append(reply.Claims, t.claim(g, op.By, true))
		}
	}
	return reply
}

func (s *State) contains(id dag.NodeID) bool { return int64(id) < int64(len(s.Nodes)) }

// Claimable reports whether a node can be claimed now: it is ready, the run goes on, and fewer tasks of its function
// are claimed than the function's MaxConcurrent.
func (s *State) Claimable(id dag.NodeID) bool {
	return s.GoesOn() && s.contains(id) && s.Nodes[id].Status == Ready && s.hasRoom(s.function(id))
}

// function is the one that a task calls, nil for other nodes.
func (s *State) function(id dag.NodeID) *engine.Function {
	p := s.at(id)
	if p.kind() != dag.TaskNode {
		return nil
	}
	return s.Graph.Functions()[p.scope.Function(p.local)]
}

func (s *State) hasRoom(f *engine.Function) bool {
	if f == nil || f.Options().MaxConcurrent <= 0 {
		return true
	}
	running := 0
	for i := range s.Nodes {
		if s.Nodes[i].Status == Claimed && s.function(dag.NodeID(i)) == f {
			running++
		}
	}
	return running < f.Options().MaxConcurrent
}

func (t *transition) claim(g Grant, by Holder, head bool) Claim {
	n := &t.Nodes[g.Node]
	n.Status, n.Token, n.By, n.Head = Claimed, g.Token, by, head
	n.Receipt = Receipt{}
	t.Counts.Claims++
	return Claim{Node: g.Node, Epoch: n.Epoch, Attempt: n.Attempts + 1, Token: g.Token, Ready: n.Since}
}

// unclaim takes the claim from a node and leaves it Ready. A node of a strand behind the head is so already.
func (t *transition) unclaim(id dag.NodeID) {
	n := &t.Nodes[id]
	n.By, n.Head = Holder{}, false
	if n.Status != Claimed {
		return
	}
	n.Status, n.Token = Ready, 0
	t.Counts.Claims--
}

func (s *State) isTask(id dag.NodeID) bool { return s.at(id).kind() == dag.TaskNode }

// holds is the fence: it reports whether a node is claimed under this token.
func (s *State) holds(id dag.NodeID, token uint64) bool {
	if !s.contains(id) {
		return false
	}
	n := &s.Nodes[id]
	switch {
	case s.broken&noFence != 0:
		return n.Missing == 0
	case s.broken&bareCounter != 0 && token == n.Receipt.Token && token != 0:
		return true
	default:
		return n.Status == Claimed && n.Token == token
	}
}

func (op Release) apply(t *transition) Reply {
	if !t.holds(op.Node, op.Token) {
		return Reply{Verdict: Stale}
	}
	t.unclaim(op.Node)
	t.endRun(op.Now)
	return Reply{}
}

func (op Due) apply(t *transition) Reply {
	if !t.contains(op.Node) || t.Nodes[op.Node].Status != Waiting || t.Status.Final() {
		return refuse("the node does not wait for a retry")
	}
	n := &t.Nodes[op.Node]
	if op.Now < n.Due {
		return refuse("the node is not due yet")
	}
	n.Status, n.Since, n.Due = Ready, n.Due, 0
	return Reply{}
}

func (op Stop) apply(t *transition) Reply {
	if op.Status != record.Failed && op.Status != record.Cancelled {
		return refuse("a run is stopped as failed or as cancelled")
	}
	if t.Stopping != "" || t.Status == record.Queued || t.Status.Final() {
		return refuse("the run is ending, over or not started")
	}
	if op.Reason != 0 {
		t.log(record.Step{Kind: op.Reason, Became: dag.NoNode})
	}
	t.stop(op.Status)
	t.endRun(op.Now)
	return Reply{}
}

func (t *transition) stop(status record.Status) {
	if t.Stopping == "" {
		t.Stopping, t.Status = status, record.Running
	}
}

func (op Pause) apply(t *transition) Reply {
	if !t.GoesOn() {
		return refuse("the run does not go on")
	}
	t.Status = record.Paused
	t.log(record.Step{Kind: record.RunPaused, Became: dag.NoNode})
	return Reply{}
}

func (op Resume) apply(t *transition) Reply {
	if t.Status != record.Paused {
		return refuse("the run is not paused")
	}
	t.Status = record.Running
	t.log(record.Step{Kind: record.RunResumed, Became: dag.NoNode})
	return Reply{}
}

func (op Note) apply(t *transition) Reply {
	switch op.Step.Kind {
	case record.WorkerStarted, record.WorkerStopped, record.SlotLeaked:
	default:
		return refuse("a note tells of workers and slots only")
	}
	if t.Status == record.Queued || t.Status.Final() {
		return refuse("the run has not started or is over")
	}
	t.log(op.Step)
	return Reply{}
}

func (op Announce) apply(t *transition) Reply {
	if !t.holds(op.End.Node, op.Token) {
		return Reply{Verdict: Stale}
	}
	t.log(t.stepOf(op.End, record.AttemptStarted))
	return Reply{}
}
