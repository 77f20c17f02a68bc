package ledger

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Check returns an error that names the first violated invariant. It recounts everything, in time linear in nodes and
// bits.
func (s *State) Check() error {
	c := checker{State: s, queued: map[dag.NodeID]int{}, awaits: map[dag.NodeID]int{}}
	for _, check := range []func() error{c.queues, c.sessions, c.blocks, c.nodes, c.counts, c.run} {
		if err := check(); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
	}
	return nil
}

type checker struct {
	*State
	queued map[dag.NodeID]int // in how many queues a node is
	awaits map[dag.NodeID]int // how many nodes list it as waiting for them
}

// queues: they are sorted, and contain only nodes that belong there.
func (c *checker) queues() error {
	for i, q := range c.Queues {
		if i > 0 && c.Queues[i-1].Class >= q.Class {
			return fmt.Errorf("queue %d of class %d does not come after those of smaller classes", i, q.Class)
		}
		if bound := c.MaxConcurrent[q.Class]; bound > 0 && q.Claimed > bound {
			return fmt.Errorf("%d nodes of class %d are claimed, at most %d are allowed", q.Claimed, q.Class, bound)
		}
		for _, id := range slices.Concat(q.Ready, q.Solo) {
			c.queued[id]++
			n := &c.Nodes[id]
			solo := n.Solo > 0 && n.PendingEdges == NoPendingEdges
			ready := n.Status == Ready || n.PendingEdges == EdgesQueued
			if !ready || n.Class != q.Class || n.Reserved.Session != "" || slices.Contains(q.Solo, id) != solo {
				return fmt.Errorf("node %d is in the queue of class %d, but is %+v", id, q.Class, *n)
			}
		}
	}
	for i, id := range c.Retries {
		if n := &c.Nodes[id]; n.Status != Waiting || i > 0 && c.Nodes[c.Retries[i-1]].Due > n.Due {
			return fmt.Errorf("node %d is among the retries as number %d, but is %+v", id, i, *n)
		}
		c.queued[id]++
	}
	return nil
}

// sessions: their claims are counted, and nodes in their Ready lists are reserved for them.
func (c *checker) sessions() error {
	for i, ses := range c.Sessions {
		if ses.Worker >= c.Workers || i > 0 && c.Sessions[i-1].Worker >= ses.Worker {
			return fmt.Errorf("session %s has the number %d of %d", ses.ID, ses.Worker, c.Workers)
		}
		held := c.Held(ses.ID)
		solo := 0
		for _, h := range held {
			if h.Solo {
				solo++
			}
		}
		if len(held) != ses.Claims || solo != ses.Solo || solo > 1 || ses.Over && ses.Claims == 0 {
			return fmt.Errorf("session %+v holds %v", ses, held)
		}
		for _, id := range ses.Ready {
			c.queued[id]++
			if n := &c.Nodes[id]; n.Status != Ready || n.Reserved.Session != ses.ID {
				return fmt.Errorf("node %d is ready for session %s, but is %+v", id, ses.ID, *n)
			}
		}
		if ses.Over && len(ses.Ready)+len(ses.Owed) > 0 {
			return fmt.Errorf("session %s is over, but has nodes or edges", ses.ID)
		}
	}
	return nil
}

// blocks: they are numbered without gaps, each after the expansion that made it, and no expansion made two.
func (c *checker) blocks() error {
	seen := map[dag.NodeID]bool{}
	for i, b := range c.Blocks {
		if b.Expansion >= b.First || seen[b.Expansion] || int64(b.First) > int64(len(c.Nodes)) || b.FirstEdge > c.Edges {
			return fmt.Errorf("block %d is %+v, of %d nodes and %d edges", i, b, len(c.Nodes), c.Edges)
		}
		if i > 0 && b.First < c.Blocks[i-1].First {
			return fmt.Errorf("block %d does not come after block %d", i, i-1)
		}
		seen[b.Expansion] = true
		if c.Nodes[b.Expansion].Status != OK {
			return fmt.Errorf("expansion %d has status %d and a block", b.Expansion, c.Nodes[b.Expansion].Status)
		}
	}
	return nil
}

func (c *checker) nodes() error {
	for i := range c.Nodes {
		for _, id := range c.Nodes[i].Awaited {
			c.awaits[id]++
		}
	}
	for i := range c.Nodes {
		for _, check := range []func(dag.NodeID, *Node) error{c.status, c.reservation} {
			if err := check(dag.NodeID(i), &c.Nodes[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// status: a node is in as many queues, held by as many sessions and waits for as many others as its status says.
func (c *checker) status(id dag.NodeID, n *Node) error {
	want := 0
	if n.Status == Ready || n.Status == Waiting || n.PendingEdges == EdgesQueued {
		want = 1
	}
	ok := c.queued[id] == want && c.awaits[id] == int(n.Awaits)
	held := n.Status == Claimed || n.PendingEdges == EdgesClaimed
	ok = ok && held == (n.Session != "") && (!held || c.Session(n.Session) != nil)
	ok = ok && (n.Awaits == 0 || n.Status == Blocked) && (n.PendingEdges == NoPendingEdges || n.Status.Terminal())
	ok = ok && (len(n.Awaited) == 0 || !n.Status.Terminal())
	ok = ok && (n.Status != Cancelled || c.Stopping != "")
	if !ok {
		return fmt.Errorf("node %d is in %d queues, named by %d others, and is %+v", id, c.queued[id], c.awaits[id], *n)
	}
	return nil
}

// reservation: it belongs to a live session, and the held outputs count as arrived.
func (c *checker) reservation(id dag.NodeID, n *Node) error {
	r := &n.Reserved
	if r.Session == "" && len(r.Held) == 0 {
		return nil
	}
	ses := c.Session(r.Session)
	ok := ses != nil && !ses.Over && (n.Status == Blocked || n.Status == Ready) && r.Size > 0 && len(r.Held) <= int(n.Arrived)
	for i, h := range r.Held {
		ok = ok && c.Bits.Has(h.Offset) && (i == 0 || r.Held[i-1].Offset < h.Offset)
	}
	if !ok {
		return fmt.Errorf("node %d is reserved, and is %+v", id, *n)
	}
	return nil
}

// counts: the caches are right. Open and Retries cannot be recounted, nor bits of nodes that do not wait for them.
func (c *checker) counts() error {
	got := Counts{Tasks: c.Counts.Tasks, Edges: c.Counts.Edges, Open: c.Counts.Open, Done: c.Counts.Done, Skipped: c.Counts.Skipped, Retries: c.Counts.Retries}
	claimed := map[Class]int{}
	arrived, set := 0, 0
	for i := range c.Nodes {
		n := &c.Nodes[i]
		if n.Status == Claimed || n.PendingEdges == EdgesClaimed {
			got.Claims++
		}
		if n.Status == Claimed {
			claimed[n.Class]++
		}
		if n.Status == Failed {
			got.Failed++
		}
		if n.Status == Blocked && n.Awaits == 0 {
			arrived += int(n.Arrived)
		}
	}
	for _, w := range c.Bits {
		set += bits.OnesCount64(w)
	}
	for _, q := range c.Queues {
		got.Waiting += len(q.Ready) + len(q.Solo)
		if q.Claimed != claimed[q.Class] {
			return fmt.Errorf("%d nodes of class %d are claimed, expected %d", q.Claimed, q.Class, claimed[q.Class])
		}
	}
	if got != c.Counts || arrived > set {
		return fmt.Errorf("counts are %+v, expected %+v; %d bits are set, %d have arrived", c.Counts, got, set, arrived)
	}
	return nil
}

// run: it is over exactly when nothing is left to do, or when it is being stopped and no claim is held.
func (c *checker) run() error {
	over := c.Stopping != "" && c.Counts.Claims == 0 || c.Stopping == "" && c.Counts.Open == 0
	ok := c.Counts.Open >= 0
	switch c.Status {
	case record.Running, record.Paused:
		ok = ok && !over && (c.Stopping == "" || c.Status == record.Running)
	case record.Succeeded:
		ok = ok && over && c.Stopping == "" && c.Counts.Failed == 0
	default:
		ok = ok && over && c.Status.Final() && (c.Stopping == "" || c.Stopping == c.Status)
	}
	if !ok {
		return fmt.Errorf("the run is %s, to end as %q, with %+v", c.Status, c.Stopping, c.Counts)
	}
	return nil
}
