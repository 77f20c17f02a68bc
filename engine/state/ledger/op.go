package ledger

import (
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Bounds and fixed sizes: an operation must not block a store for long.
const (
	MaxEnds   = 256       // ends of a Commit
	MaxListed = 1<<16 - 1 // elements of each other list of a Commit
	MaxDue    = 64        // retries that one Commit makes ready
	MaxReap   = 100       // claims released by a Reap without a Limit
	MaxClaims = 2048      // of a session: one that holds this many is granted nothing more
	MaxLost   = 64        // nodes of one Invalidate
	// MaxAwaited is how many consumers become ready when a lost node has been computed again. Further consumers check
	// again after LookAgain.
	MaxAwaited = 128
	LookAgain  = time.Second
	// SoloGenerations is how often a suspect has to be claimed alone before it is trusted again.
	SoloGenerations = 64
	// MinRetries is the retry budget of even the smallest run; a larger one has a retry for every five tasks.
	MinRetries = 10
)

// Op is one operation on a ledger. The reasons for refusing it are checked in this order: Gone, Fenced, Repeated,
// Malformed, Exhausted, TooWide.
type Op interface {
	apply(t *transition) Reply
	moment() int64
	validate() string
}

// SessionID names the session of one worker in a run. It is random and never used again, so it is the fence: an
// operation of a session that has ended changes nothing.
type SessionID string

// Class sorts ready nodes by what a worker needs in order to run them: the number of the function in Graph.Functions,
// or EngineClass.
type Class uint16

// EngineClass is the class of expansions and joins, which any worker can run.
const EngineClass Class = 1<<16 - 1

// Verdict is the result of an operation.
type Verdict uint8

// Verdicts. Only Applied changes the state.
const (
	Applied   Verdict = iota
	Repeated          // it was applied before, or there is nothing to change; for a Commit, Reply.Claims are then all claims of the session
	Gone              // the run is over; see Reply.Status
	Fenced            // no such session exists: it was reaped, or it left
	Malformed         // a mistake of the caller; see Reply.Why
	Exhausted         // the run's retry budget is used up: the attempt has to end as failed
	TooWide           // the fan-out exceeds the run's limits: the expansion has to end as failed
	Again             // only for Invalidate: nothing is missing any more, so fetch the inputs again
)

// Open begins a session. Now and all other moments are nanoseconds since the start of the run on the store's clock. If
// the session is already open, the reply is Repeated and has its number.
type Open struct {
	Now     int64
	Session SessionID
	Lease   time.Duration
}

// Commit is the only call by which a session takes part in a run. It ends attempts, sets the edges that leave them,
// grants claims and extends the lease, all or nothing. A Commit without Ends and Edges only claims, or is only a
// heartbeat. Its parts are applied in the order of the fields; then retries that are due become ready, then claims are
// granted, then the run may end.
type Commit struct {
	Now     int64
	Session SessionID
	// Number counts the commits of the session from 1, without gaps: a commit that is not Applied uses no number. A
	// commit that was applied before gets the reply Repeated and changes nothing, so losing a reply is harmless.
	Number uint64
	Lease  time.Duration // from Now; afterwards the session may be reaped, but it is valid until it is
	// Blocks is how many blocks the caller knows, not counting the graph itself; the reply has the blocks after those.
	Blocks int
	// Ends are in an order in which parents come before children; those with NoOutcome come last. An end that is
	// Retrying or that expands has to be the only one. At most MaxEnds.
	Ends []End
	// EdgesDone lists nodes whose last edges are in this commit, which ends their claims: nodes of earlier Ends with
	// More, or nodes claimed with EdgesOnly. A node is ignored if setting its edges is no longer up to this session.
	EdgesDone []dag.NodeID
	// Onward lists nodes that the session becomes: they wait only for ends of this session, and are claimed. A node
	// that no longer waits, or whose run is being stopped, is not claimed and is not in Reply.Claims. The class of an
	// Onward node must have no bound.
	Onward []Grant
	// Edges are all bits that the ends set, except those of edges into nodes that are themselves in Ends or Onward. A
	// bit that is left out is never set, unless the end has More. A session may also set edges of nodes that it ended
	// earlier, if it had to store their outputs after all (see Reply.Store). A bit that is already set stays as it is,
	// even if the edge differs.
	Edges []Edge
	// Unhold lists nodes that need not be reserved for the session any more, because the outputs that it held for them
	// are now stored. A node that is not reserved for the session is ignored.
	Unhold []dag.NodeID
	// Keep is how many of the nodes that this commit makes ready by Ends, Expand and Edges are claimed for the session,
	// in that order; the others go to the end of their queues. Want is how many nodes are claimed in all, including
	// Keep but not Onward. Both apply only to Classes, within the bounds of concurrency, and only while the run is
	// Running and not being stopped.
	//
	// A session that holds nothing gets the first suspect that waits, if any, and nothing else. A session that holds a
	// suspect, or MaxClaims nodes, gets nothing. Any other session gets Keep, then nodes that are ready and reserved
	// for it, in the order in which they became ready, then nodes that are ready for all sessions: class by class, in
	// the order of the queue.
	Keep    int
	Want    int
	Classes []Class // in the order of preference
	// Steps is how many steps Packed holds: those of Ends first, in their order, none for NoOutcome, then announcements
	// and notes.
	Steps  int
	Packed []byte
	// Started lists claimed nodes whose attempts are announced in Packed. A node that the session does not hold once
	// Ends are applied is ignored.
	Started []dag.NodeID
}

// End is how one attempt ended, as far as the ledger needs to know. After Retrying and NoOutcome another session may
// claim the node, so all of its inputs have to be stored first. Under record.FailFast an end that is Failed stops the
// run as Failed.
type End struct {
	Node  dag.NodeID
	Class Class // only used if Local
	// Outcome is OK, Failed, Skipped, Retrying, or Cancelled, which needs a run that is being stopped. NoOutcome
	// returns the claim: the node is ready again, at the front of its queue, and no attempt is counted. It is ignored
	// if the session no longer holds the node (because a node whose edges it had to set is being computed again).
	Outcome record.Outcome
	// Local: the node was not claimed, it is still Blocked. It waits only for ends of this session, in earlier commits
	// or earlier in Ends. It needs an Outcome. Its class must have no bound.
	Local bool
	Task  bool          // counted among the run's tasks
	Sink  bool          // nothing waits for it
	Delay time.Duration // if Retrying, from Now
	// More: the node has ended, but not all of its edges fit into this commit. The session keeps the claim (a Local
	// node becomes claimed) until Commit.EdgesDone, but it no longer counts against the bound of its class. If the
	// session ends before that, or returns the claim by NoOutcome, the next session that claims the node has to set its
	// edges: see Claim.EdgesOnly. Only with OK, Failed and Skipped.
	More bool
	// Expand is set if an expansion ended with OK.
	Expand *Expand
}

// Expand appends the instances of a fan-out: Width times Size nodes and EdgesPer bits, numbered after all others.
type Expand struct {
	Width    uint32
	Size     uint32
	EdgesPer uint32
	TasksPer uint32
	// LimitEdges is how many edges of an instance count towards the run's limits.
	LimitEdges uint32
	SinksPer   uint32
	Roots      []Grant // Node of each is the number within an instance
}

// Grant names a node to claim, and its class.
type Grant struct {
	Node  dag.NodeID
	Class Class
}

// Edge is one bit.
//
// If an edge has Hold, its child is reserved for the session: no other session can claim it once it is ready, until
// Unhold or the end of the session. The largest Hold wins; among equal ones, the larger Parent. An edge with Hold is
// not set if another session has a larger reservation. If the new one is larger, it replaces the reservation and clears
// the bits that the other session set with Hold. The losing session owes the edges that were not set or were cleared:
// Reply.Store lists the nodes that they leave, and if that session ends before it has set these edges, they are set at
// that moment. So a child never waits forever, but an output that it reads may be lost. The reservation ends with the
// claim. Hold is ignored if the child will be skipped.
type Edge struct {
	Offset uint32     // of the bit, unique in the run
	Child  dag.NodeID // the node that waits
	Waits  uint32     // how many bits the child waits for
	Class  Class      // of the child
	End    int        // index in Ends of the node that the edge leaves, -1 if it ended in an earlier commit
	Bad    bool       // the node that the edge leaves failed or was skipped, so the child will be skipped: it becomes ready in EngineClass
	// Hold is the size of the parent's output if the session holds it and wants to reserve the child; 0 if the output
	// is stored, is sent inline, or is not needed. With Hold, Parent is the node that the edge leaves.
	Hold   int64
	Parent dag.NodeID
}

// Claim is the right to run a node.
type Claim struct {
	Node    dag.NodeID
	Class   Class // EngineClass if Skip, Poison or EdgesOnly is set
	Epoch   uint16
	Attempt uint16 // from 1; counts attempts that failed or will be retried, and lost ones that had started
	Errors  uint16 // attempts that failed by themselves
	Losses  uint16 // attempts that killed their worker and were the only suspects
	Since   int64  // when it became ready; different for each claim of a node in one epoch, so it distinguishes them
	Skip    bool   // a node that it waits for failed or was skipped: it has to end as Skipped
	Poison  bool   // its losses have reached the limit: it has to end as Failed
	// EdgesOnly: the node has ended, but its session ended before all of its edges were set. The new session has to set
	// all of them, with Bad as EdgesBad says, and then list the node in EdgesDone. Setting a bit again changes nothing.
	// Attempt, Errors, Losses and Since are 0.
	EdgesOnly bool
	EdgesBad  bool
	Solo      bool // it may have killed a worker: until it ends, the session holds nothing else and gets nothing else
}

// Block is the range of nodes that one expansion appended.
type Block struct {
	Expansion dag.NodeID
	Width     uint32
	First     dag.NodeID
	FirstEdge uint32 // offset of its first bit
}

// Reply is the answer to an operation. Every reply has Verdict, Now, Status and Stopping.
type Reply struct {
	Verdict Verdict
	Why     string // if Malformed
	Now     int64
	// Status is that of the run. Stopping is the status with which it will end; empty unless it is being stopped.
	Status   record.Status
	Stopping record.Status
	Worker   uint16 // after Open: the session's number in the run's log, from 0
	// Claims of an applied Commit are the claims that it granted, Onward first, in the order of granting. After a
	// repeated Commit they are all claims of the session, ascending by node.
	Claims []Claim
	Blocks []Block // after a Commit, applied or repeated: the blocks after the first Commit.Blocks
	// Store lists, after a Commit, applied or repeated, nodes whose outputs the session holds but now has to store,
	// because another session holds a larger output for the same child. Once an output is stored, the node's edges have
	// to be set again, without Hold. Each node is listed once, in ascending order, until its edges are set.
	Store []dag.NodeID
	// Readied says, ascending by class, how many nodes the queues of each class gained, including queues of reserved
	// nodes: wake idle workers for them. A node whose reservation ended counts as gained.
	Readied []Readied
	// Waiting, after a Commit, applied or repeated, is how many nodes are ready and not reserved, even if a bound of
	// concurrency or a pause prevents claiming them. NextDue is when the next retry is due, 0 if none is.
	Waiting int
	NextDue int64
	// Suspects, after a Commit, applied or repeated, is how many of the Waiting nodes are suspects: only a session that
	// holds nothing can claim them.
	Suspects int
	// Epochs, after an Invalidate with the verdict Again, are the present epochs of its Lost nodes: if the output of a
	// node is missing once more, it was lost in that epoch.
	Epochs []uint16
	// Lost lists the claims that a Reap released.
	Lost []Lost
}

// Readied counts ready nodes of one class.
type Readied struct {
	Class Class
	Nodes int
}

// Lost is a claim that a dead session held.
type Lost struct {
	Session SessionID
	Worker  uint16
	Claim   Claim // as it was; Losses includes this one if it was charged
	Started bool  // its attempt ended as lost, with a step in the log
	Charged bool
}

// Reap ends the sessions whose lease has expired (it ended at Now or earlier), in the order of their numbers. If
// Session is set, it ends only that session, whose process is known to be dead. Their claimed nodes become ready again,
// at the front of their queues: first those in Running, then the others, each group ascending by node.
//
// Suspects are the claims in Running or, if it has none, all claims of the session, but never nodes of EngineClass. The
// next SoloGenerations claims of each suspect are Solo. A claim is charged with the loss if it is the only suspect.
// There is one exception: if no node in Running is claimed, the process was executing a task that one of the claims
// became, and only running them alone will show which. The attempt of a suspect in Running, or of a charged claim, ends
// as lost even if it was not announced.
type Reap struct {
	Now     int64
	Session SessionID    // empty for all sessions whose lease has expired
	Running []dag.NodeID // with Session: what was being executed, if a supervisor knows
	Limit   int          // how many claims to release at most, 0 for MaxReap; a session that holds more is over, too, but has to be reaped again
	Poison  int          // losses that make a node poison, 0 for never
}

// Invalidate returns a claim (the consumer) whose inputs are lost, and has the inputs computed again. Every node of
// Lost that is OK in the given epoch becomes ready in its next epoch, as if it had never been tried. The consumer waits
// until all nodes of Lost have ended; then it is ready, or will be skipped if one of them failed or was skipped. It
// keeps its epoch and attempts. If MaxAwaited other nodes already wait for one of them, the consumer is Waiting
// instead, and ready again LookAgain after Now. Joins in between and all bits stay as they are: another node that
// misses an output notices it when it reads.
//
// Inputs of the consumer that are only in the memory of this session must be stored first, because the next session
// that claims it needs them. A node that is computed again (its epoch is above 0) must be stored or inline before the
// Commit that ends it: its edges never have Hold, and no node that waits for it is Local or Onward. If all of Lost is
// OK in later epochs, nothing changes and the reply is Again. If the session does not hold the claim, because it was
// returned before, the reply is Repeated.
type Invalidate struct {
	Now      int64
	Session  SessionID
	Consumer dag.NodeID
	Epoch    uint16 // of the claim on the consumer
	Since    int64  // of the claim on the consumer
	Lost     []Life // tasks, each once, at most MaxLost: further missing ones will be found later
}

// Life is one node in one epoch.
type Life struct {
	Node  dag.NodeID
	Class Class
	Epoch uint16
	Task  bool
	Sink  bool
}

// Leave ends a session. Its remaining claims are returned as with NoOutcome, ascending by node.
type Leave struct {
	Now     int64
	Session SessionID
}

// Stop ends the run early with Status, Failed or Cancelled, as soon as no claim is held. Only the first Stop counts
// (others are Repeated). It also ends a pause. Reason is the kind of the step that records it, CancelRequested or
// RunDeadline, or 0 for no step.
type Stop struct {
	Now    int64
	Status record.Status
	Reason record.StepKind
}

// Pause prevents claims until Resume. Claims that are held continue, and Onward nodes are still claimed. The reply is
// Repeated if the run is paused or being stopped.
type Pause struct{ Now int64 }

// Resume undoes Pause. The reply is Repeated if the run is not paused.
type Resume struct{ Now int64 }
