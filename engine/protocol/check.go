package protocol

import (
	"fmt"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Check reports the first invariant that does not hold; the error names it, with the node. It recounts everything,
// so it costs time linear in nodes and edges, and more for joins.
func (s *State) Check() error {
	if err := s.checkBlocks(); err != nil {
		return err
	}
	tokens := map[uint64]dag.NodeID{}
	for i := range s.Nodes {
		id := dag.NodeID(i)
		for _, check := range []func(dag.NodeID) error{s.checkBits, s.checkStatus, s.checkExpansion} {
			if err := check(id); err != nil {
				return err
			}
		}
		if n := &s.Nodes[i]; n.Token != 0 {
			if other, ok := tokens[n.Token]; ok {
				return fmt.Errorf("protocol: nodes %d and %d are claimed under one token", other, id)
			}
			tokens[n.Token] = id
		}
	}
	if got := s.recount(); got != s.Counts {
		return fmt.Errorf("protocol: counts are %+v, expected %+v", s.Counts, got)
	}
	return s.checkRun()
}

// checkBlocks: blocks are numbered without gaps, each behind the expansion that made it.
func (s *State) checkBlocks() error {
	next := dag.NodeID(0)
	for i, b := range s.Blocks {
		if b.First != next || (i == 0) != (b.Expansion == dag.NoNode) || i > 0 && b.Expansion >= b.First {
			return fmt.Errorf("protocol: block %d starts at %d behind expansion %d, expected to start at %d", i, b.First, b.Expansion, next)
		}
		next += dag.NodeID(b.Instances * s.Graph.Scope(b.Scope).Len())
	}
	if int(next) != len(s.Nodes) {
		return fmt.Errorf("protocol: blocks have %d nodes, expected %d", next, len(s.Nodes))
	}
	return nil
}

// checkBits: a bit is set exactly when its parent is terminal and told on, and Missing is the number of bits not set.
func (s *State) checkBits(id dag.NodeID) error {
	n := &s.Nodes[id]
	parents := s.Parents(id)
	for i, p := range parents {
		if n.Arrived.Has(i) != s.toldOn(p) {
			return fmt.Errorf("protocol: node %d: bit of parent %d is %t, expected %t", id, p, n.Arrived.Has(i), s.toldOn(p))
		}
	}
	if missing := len(parents) - n.Arrived.Count(); int(n.Missing) != missing {
		return fmt.Errorf("protocol: node %d: %d are missing by count, %d by bits", id, n.Missing, missing)
	}
	return nil
}

// toldOn: what fails in a run that fails fast, and what is cut off when a run ends, is not told to those behind it.
func (s *State) toldOn(id dag.NodeID) bool {
	switch s.Nodes[id].Status {
	case OK, Skipped:
		return true
	case Failed:
		return s.Policy != record.FailFast
	default:
		return false
	}
}

// checkStatus: the status fits what has arrived, and only a claimed node has a claim.
func (s *State) checkStatus(id dag.NodeID) error {
	n := &s.Nodes[id]
	join := s.at(id).kind() == dag.JoinNode
	ok := false
	switch n.Status {
	case Blocked:
		ok = n.Missing > 0
	case Skipped:
		ok = n.Missing == 0 && !s.parentsOK(id)
	case OK:
		ok = n.Missing == 0 && s.parentsOK(id)
	default:
		ok = n.Missing == 0 && s.parentsOK(id) && !join
	}
	if !ok {
		return fmt.Errorf("protocol: node %d has status %d with %d missing and parents ok %t", id, n.Status, n.Missing, s.parentsOK(id))
	}
	if (n.Status == Claimed) != (n.Token != 0) || n.Status != Claimed && (n.By != Holder{} || n.Head) {
		return fmt.Errorf("protocol: node %d has status %d and the claim %d of %+v", id, n.Status, n.Token, n.By)
	}
	if n.Status == Cancelled && s.Stopping == "" {
		return fmt.Errorf("protocol: node %d is cancelled in a run that goes on", id)
	}
	return nil
}

// checkExpansion: an expansion has a block exactly when it is OK.
func (s *State) checkExpansion(id dag.NodeID) error {
	if s.at(id).kind() != dag.ExpandNode {
		return nil
	}
	if _, ok := s.blockOf(id); ok != (s.Nodes[id].Status == OK) {
		return fmt.Errorf("protocol: expansion %d has status %d and a block %t", id, s.Nodes[id].Status, ok)
	}
	return nil
}

// recount sums the nodes up. Retries cannot be recounted: attempts that failed for good count as attempts too.
func (s *State) recount() Counts {
	c := Counts{Retries: s.Counts.Retries}
	for _, b := range s.Blocks {
		tasks, edges := size(s.Graph.Scope(b.Scope))
		c.Tasks += int(b.Instances) * tasks
		c.Edges += int(b.Instances) * edges
	}
	for i := range s.Nodes {
		status := s.Nodes[i].Status
		p := s.at(dag.NodeID(i))
		if p.isSink() && !status.Terminal() {
			c.Open++
		}
		if status == Claimed {
			c.Claims++
		}
		if p.kind() != dag.TaskNode {
			continue
		}
		switch status {
		case OK:
			c.Done++
		case Failed:
			c.Failed++
		case Skipped:
			c.Skipped++
		}
	}
	return c
}

// checkRun: a run is over exactly when nothing is left to do, or when it is being stopped and no claim is held.
func (s *State) checkRun() error {
	over := s.Stopping != "" && s.Counts.Claims == 0 || s.Stopping == "" && s.Counts.Open == 0
	ok := true
	switch s.Status {
	case record.Queued:
		ok = len(s.Nodes) == 0 && s.Stopping == ""
	case record.Running, record.Paused:
		ok = !over && (s.Stopping == "" || s.Status == record.Running)
	case record.Succeeded:
		ok = over && s.Stopping == ""
		for i := range s.Nodes {
			ok = ok && s.Nodes[i].Status == OK
		}
	default:
		ok = over && s.Counts.Claims == 0 && (s.Stopping == "" || s.Stopping == s.Status)
	}
	if !ok {
		return fmt.Errorf("protocol: the run is %s, to end as %q, with %+v", s.Status, s.Stopping, s.Counts)
	}
	return nil
}
