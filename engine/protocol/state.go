package protocol

import (
	"encoding/binary"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
)

// NodeStatus is where a node stands. The last four are terminal.
type NodeStatus uint8

// Statuses of nodes.
const (
	Blocked   NodeStatus = iota // waits for others
	Ready                       // may be claimed
	Claimed                     // held under Node.Token
	Waiting                     // failed, ready again at Node.Due
	OK                          // joins get here by themselves
	Failed                      // for good
	Skipped                     // something it waits for is failed or skipped
	Cancelled                   // cut off because the run ends
)

// Terminal reports whether the node is never claimed again.
func (s NodeStatus) Terminal() bool { return s >= OK }

// Node is the state of one node.
type Node struct {
	Status NodeStatus
	// Arrived has a bit for each node that this one waits for, in the order of State.Parents: the authority on what
	// has arrived. Missing is the number of bits not set: a cache of it.
	Arrived Bits
	Missing int32
	Epoch   uint16
	// Attempts counts those that ended in failure, for good or not; the next has the number Attempts+1.
	Attempts uint16
	// Token is that of the claim, 0 unless the node is Claimed. By holds it. Head: it was claimed from the ready
	// nodes, not passed on by a completion.
	Token uint64
	By    Holder
	Head  bool
	// Since is the moment the node became ready, Due the one when a Waiting node may.
	Since, Due int64
	// Receipt is of the last completion that was applied with this node as its head.
	Receipt Receipt
}

// Holder is one lane of one worker.
type Holder struct{ Worker, Slot uint16 }

// Receipt remembers a completion, so that its repetition after a lost answer gets the same answer.
type Receipt struct {
	Token uint64 // 0 for none
	Sum   uint64 // of its ends
	Next  Claim
	Has   bool // Next is valid
}

// Claim is the right to run a node; see state.Claim.
type Claim struct {
	Node    dag.NodeID
	Epoch   uint16
	Attempt uint16
	Token   uint64
	Ready   int64
}

// Block is a run of node numbers: the graph itself, or all instances of an expanded fan-out.
type Block struct {
	First     dag.NodeID
	Scope     int32
	Instances uint32
	Expansion dag.NodeID // NoNode for the graph itself
}

// Counts are sums over the nodes, kept as caches.
type Counts struct {
	Tasks, Edges int // known by now
	Open         int // sinks that are not terminal: the run is over at 0
	Claims       int // nodes that are Claimed, expansions too
	Done         int // tasks that are OK
	Failed       int // tasks that are Failed
	Skipped      int // tasks that are Skipped
	Retries      int // ends that were Retrying
}

// State is all there is to know of a run, but for the values of outputs.
type State struct {
	Graph  *dag.Graph
	Policy record.Policy
	Limits dag.Limits
	// Status is Queued until Start, then Running or Paused, then final.
	Status record.Status
	// Stopping is the status the run ends with once no claim is held, empty while the run goes on.
	Stopping record.Status
	Seq      uint64 // of the last step
	Blocks   []Block
	Nodes    []Node
	Counts   Counts

	broken broken
}

// broken names guards that are taken away. Only tests of this package set it, to show that each guard is needed.
type broken uint8

const (
	noFence     broken = 1 << iota // a completion is applied whatever its token
	bareCounter                    // arrivals lower the count without bits, and repetitions are applied again
	earlyCount                     // a failed attempt that will be retried counts as an arrival
)

// New is the state of a run that has not started. Zero limits mean the defaults.
func New(g *dag.Graph, policy record.Policy, limits dag.Limits) *State {
	return &State{Graph: g, Policy: policy, Limits: limits.WithDefaults(), Status: record.Queued}
}

// Progress counts the tasks; an expansion that is claimed counts as running too.
func (s *State) Progress() execution.Progress {
	c := s.Counts
	return execution.Progress{
		Status: s.Status, Tasks: c.Tasks, Done: c.Done, Failed: c.Failed, Skipped: c.Skipped, Retries: c.Retries, Running: c.Claims,
	}
}

// GoesOn reports whether nodes may be claimed.
func (s *State) GoesOn() bool { return s.Status == record.Running && s.Stopping == "" }

// Clone is an independent copy; the graph is shared.
func (s *State) Clone() *State {
	c := *s
	c.Blocks = slices.Clone(s.Blocks)
	c.Nodes = slices.Clone(s.Nodes)
	for i := range c.Nodes {
		c.Nodes[i].Arrived = slices.Clone(c.Nodes[i].Arrived)
	}
	return &c
}

// Key is the same for two states of one graph, policy and limits exactly when they answer every sequence of
// operations alike, apart from the numbers and the Ready moments of steps and claims.
func (s *State) Key() string {
	b := make([]byte, 0, 16*len(s.Nodes))
	u := func(v uint64) { b = binary.AppendUvarint(b, v) }
	b = append(append(append(append(b, s.Status...), ' '), s.Stopping...), ' ')
	u(uint64(s.Counts.Retries))
	for _, block := range s.Blocks {
		u(uint64(block.Expansion))
		u(uint64(block.Instances))
	}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		b = append(b, byte(n.Status))
		for _, w := range n.Arrived {
			u(w)
		}
		u(uint64(n.Missing))
		u(uint64(n.Epoch))
		u(uint64(n.Attempts))
		if n.Status == Claimed {
			u(n.Token)
			u(uint64(n.By.Worker)<<17 | uint64(n.By.Slot)<<1 | bit(n.Head))
		}
		if n.Status == Waiting {
			u(uint64(n.Due))
		}
		if u(n.Receipt.Token); n.Receipt.Token != 0 {
			u(n.Receipt.Sum)
			u(bit(n.Receipt.Has))
			u(uint64(n.Receipt.Next.Node))
			u(n.Receipt.Next.Token)
		}
	}
	return string(b)
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
