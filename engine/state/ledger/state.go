package ledger

import (
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// NodeStatus is the state of a node. The last four are terminal.
type NodeStatus uint8

// Statuses of nodes.
const (
	Blocked NodeStatus = iota // waits for bits, or for lost inputs that are being computed again
	Ready                     // may be claimed
	Claimed                   // held by Node.Session
	Waiting                   // failed, ready again at Node.Due
	OK
	Failed    // permanently
	Skipped   // a node that it waits for is failed or skipped
	Cancelled // cut off because the run ends
)

// Terminal reports whether the node has ended. It runs again only if its output is lost.
func (s NodeStatus) Terminal() bool { return s >= OK }

// PendingEdges says whether a terminal node has edges that are not set yet.
type PendingEdges uint8

// States of pending edges.
const (
	NoPendingEdges PendingEdges = iota
	EdgesQueued                 // the session that claims it will set all edges again
	EdgesClaimed                // held by Node.Session
)

// Node is the state of one node. Fields that do not apply to the status have no meaning, and a store need not keep them.
type Node struct {
	Status NodeStatus
	Class  Class // set from Ready on until the node is terminal, and for a node that awaits lost inputs
	Epoch  uint16
	// Arrived is how many of its bits are set. It is a cache, since State.Bits does not say which node a bit belongs
	// to.
	Arrived uint32
	// Attempts that are over; Errors: those that failed by themselves; Losses: those that killed their worker. Solo is
	// how many of its next claims have to be alone.
	Attempts, Errors, Losses uint16
	Solo                     uint8
	Bad                      bool // a node that it waits for failed or was skipped
	Poison                   bool
	Started                  bool // if Claimed: the attempt has been announced
	PendingEdges             PendingEdges
	Session                  SessionID // if Claimed or EdgesClaimed: the session that holds it
	Since, Due               int64     // when it became ready; if Waiting, when it will be
	// Reserved is the reservation of a node that is Blocked or Ready.
	Reserved Reservation
	// Awaits is how many lost inputs it waits for. Awaited lists the nodes that wait for this one to be computed again.
	Awaits  uint32
	Awaited []dag.NodeID
}

// Reservation gives one session the exclusive right to claim a node.
type Reservation struct {
	Session SessionID // empty for none
	// Size and Parent describe the largest output that the session holds for the node.
	Size   int64
	Parent dag.NodeID
	Held   []HeldEdge // ascending by offset
}

// HeldEdge is a bit that was set while its session held the parent's output without storing it.
type HeldEdge struct {
	Offset uint32
	Parent dag.NodeID
}

// Session is one worker's part in the run.
type Session struct {
	ID     SessionID
	Worker uint16 // the session's number in the log
	Last   uint64 // number of the last commit
	Until  int64  // end of the lease
	Claims int
	Solo   int // claims of suspects
	// Over: it was reaped but holds more claims than one Reap releases. Suspect: its remaining claims are suspects.
	Over, Suspect bool
	Ready         []dag.NodeID // nodes that are ready and reserved for it, in the order in which they became ready
	Owed          []Edge       // edges to set again once their parent's output is stored, ascending by offset
}

// Queue holds the ready nodes of one class that are not reserved, in the order in which they are claimed.
type Queue struct {
	Class   Class
	Ready   []dag.NodeID
	Solo    []dag.NodeID // suspects
	Claimed int          // how many nodes of the class are claimed
}

// Counts are sums over the nodes, kept as caches.
type Counts struct {
	Tasks   int
	Edges   int // as they count towards the limits
	Open    int // sinks that are not terminal: the run is over at 0
	Claims  int
	Waiting int // nodes in Queues
	Done    int // tasks that are OK
	Failed  int // nodes that are Failed
	Skipped int // tasks that are Skipped
	Retries int // ends that were Retrying
}

// Config describes the run of a new ledger.
type Config struct {
	Nodes  uint32
	Edges  uint32 // bits
	Tasks  int
	Limits dag.Limits // zero for the defaults
	// LimitEdges is how many edges of the graph count towards Limits.
	LimitEdges int
	Sinks      int
	Policy     record.Policy
	Roots      []Grant // in the order in which they are queued
	// MaxConcurrent bounds how many nodes of a class can be claimed at a time.
	MaxConcurrent map[Class]int
}

// State is everything about a run except its graph and the values of outputs.
type State struct {
	Policy        record.Policy
	Limits        dag.Limits
	MaxConcurrent map[Class]int // never modified
	Revision      int
	// Status is Running or Paused, then final. Stopping is the status with which the run ends once no claim is held;
	// empty unless the run is being stopped.
	Status   record.Status
	Stopping record.Status
	Seq      uint64  // of the last step
	Workers  uint16  // how many sessions have been opened so far
	Blocks   []Block // in the order of the expansions, without the graph itself
	Edges    uint32  // how many bits there are
	Bits     Bits
	Nodes    []Node
	Sessions []Session    // ascending by Worker
	Queues   []Queue      // ascending by class
	Retries  []dag.NodeID // that are Waiting, by Due and number
	Counts   Counts
}

// New returns the state of a run that has just started, and the first entry of its log.
func New(c Config) (*State, *Entry) {
	s := &State{
		Policy: c.Policy, Limits: c.Limits.WithDefaults(), MaxConcurrent: c.MaxConcurrent, Status: record.Running,
		Edges: c.Edges, Bits: Bits(nil).grow(c.Edges), Nodes: make([]Node, c.Nodes),
		Counts: Counts{Tasks: c.Tasks, Edges: c.LimitEdges, Open: c.Sinks},
	}
	t := &transition{State: s}
	started := record.Step{Kind: record.RunStarted, Became: dag.NoNode}
	for _, r := range c.Roots {
		t.makeReady(r.Node, r.Class)
		started.Readied = append(started.Readied, r.Node)
	}
	t.queueMade()
	t.plain(started)
	t.endRun()
	return s, t.entry
}

// Active reports whether nodes may be claimed: the run is not paused, not being stopped and not over.
func (s *State) Active() bool { return s.Status == record.Running && s.Stopping == "" }

// Session returns a session, nil if there is none of that name.
func (s *State) Session(id SessionID) *Session {
	for i := range s.Sessions {
		if s.Sessions[i].ID == id {
			return &s.Sessions[i]
		}
	}
	return nil
}

// Held lists the claims of a session, ascending by node, in time linear in the nodes of the run.
func (s *State) Held(id SessionID) []Claim {
	var claims []Claim
	for i := range s.Nodes {
		if s.holds(id, dag.NodeID(i)) {
			claims = append(claims, s.claimOf(dag.NodeID(i)))
		}
	}
	return claims
}

// Clone is an independent copy.
func (s *State) Clone() *State {
	c := *s
	c.Blocks = slices.Clone(s.Blocks)
	c.Bits = slices.Clone(s.Bits)
	c.Nodes = slices.Clone(s.Nodes)
	for i := range c.Nodes {
		n := &c.Nodes[i]
		n.Reserved.Held = slices.Clone(n.Reserved.Held)
		n.Awaited = slices.Clone(n.Awaited)
	}
	c.Sessions = slices.Clone(s.Sessions)
	for i := range c.Sessions {
		c.Sessions[i].Ready = slices.Clone(c.Sessions[i].Ready)
		c.Sessions[i].Owed = slices.Clone(c.Sessions[i].Owed)
	}
	c.Queues = slices.Clone(s.Queues)
	for i := range c.Queues {
		c.Queues[i].Ready = slices.Clone(c.Queues[i].Ready)
		c.Queues[i].Solo = slices.Clone(c.Queues[i].Solo)
	}
	c.Retries = slices.Clone(s.Retries)
	return &c
}
