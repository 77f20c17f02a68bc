package ledger

import (
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Bounds and fixed sizes: what one operation does must not keep a store from others for long.
const (
	MaxEnds   = 256       // ends of a Commit
	MaxListed = 1<<16 - 1 // elements of each other list of a Commit
	MaxDue    = 64        // retries that one Commit makes ready
	MaxReap   = 100       // claims of a Reap without a Limit
	MaxClaims = 2048      // of a session: one that holds as many is granted nothing
	MaxLost   = 64        // nodes of an Invalidate
	// MaxAwaited is how many consumers one lost node makes ready when it has been computed again. Those beyond it check
	// after LookAgain.
	MaxAwaited = 128
	LookAgain  = time.Second
	// SoloGenerations is how often a suspect has to be claimed alone before it is trusted again.
	SoloGenerations = 64
	// MinRetries is the retry budget of even the smallest run; a larger one has a retry for every five tasks.
	MinRetries = 10
)

// Op is one operation on a ledger. The reasons not to apply it are checked in this order: Gone, Fenced, Repeated,
// Malformed, Exhausted, TooWide.
type Op interface {
	apply(t *transition) Reply
	moment() int64
	validate() string
}

// SessionID names the part of one worker in a run. It is random and never used again, so it is the fence: an operation
// of a session that is over changes nothing.
type SessionID string

// Class sorts ready nodes by what a worker needs to run them: the number of the function in Graph.Functions, or
// EngineClass.
type Class uint16

// EngineClass is of expansions and joins, which any worker can run.
const EngineClass Class = 1<<16 - 1

// Verdict is the result of an operation.
type Verdict uint8

// Verdicts. Only Applied changes the state.
const (
	Applied   Verdict = iota
	Repeated          // it was applied before, or has nothing to change; of a Commit, Reply.Claims are all that the session holds
	Gone              // the run is over; see Reply.Status
	Fenced            // no such session exists: it was reaped, or it left
	Malformed         // a mistake of the caller; see Reply.Why
	Exhausted         // the run's retry budget is used up: the attempt has to end as failed
	TooWide           // the fan-out exceeds the run's limits: the expansion has to end as failed
	Again             // of Invalidate: nothing is missing any more, so fetch the inputs again
)

// Open begins a session. Now and all other moments are nanoseconds since the start of the run on the store's clock. If
// the session is already open, the reply is Repeated and has its number.
type Open struct {
	Now     int64
	Session SessionID
	Lease   time.Duration
}

// Commit is the one call by which a session takes part in a run: it ends attempts, sets the edges that leave them, hands
// out claims and extends the lease, all or nothing. A Commit without Ends and Edges only claims, or is only a heartbeat.
// Its parts are applied in the order of the fields; then retries that are due become ready, then claims are granted, then
// the run may end.
type Commit struct {
	Now     int64
	Session SessionID
	// Number counts the commits of the session from 1, without gaps: a commit that is not Applied uses up no number. One
	// that was applied before gets the reply Repeated and changes nothing, so a lost reply is harmless.
	Number uint64
	Lease  time.Duration // from Now; afterwards the session may be reaped, and lives until it is
	// Blocks is how many blocks the caller knows, not counting the graph itself; the reply has the blocks after those.
	Blocks int
	// Ends are in an order in which parents come before children, with those of NoOutcome last. An end that is Retrying or
	// that expands has to be the only one. At most MaxEnds.
	Ends []End
	// EdgesDone lists nodes, of earlier Ends with More or claimed with EdgesOnly, whose last edges are in this commit: it
	// ends their claims. A node whose edges are not the session's to set any more is ignored.
	EdgesDone []dag.NodeID
	// Onward lists nodes that wait for nothing but ends of this session and that it becomes: they are claimed. A node that
	// does not wait any more, or whose run is being stopped, is not claimed, and not in Reply.Claims. Never of a class that
	// is bounded.
	Onward []Grant
	// Edges are all bits that the ends set, except those into nodes that are themselves Ends or Onward: a bit that is left
	// out is never set, unless the end has More. A session may also set edges of nodes that it ended earlier, whose outputs
	// it had to store after all (see Reply.Store). A bit that is already set stays as it is, whatever the edge says.
	Edges []Edge
	// Unhold lists nodes that need not be reserved for the session any more, because the outputs which it held for them
	// are stored. A node that is not reserved for it is ignored.
	Unhold []dag.NodeID
	// Keep is how many of the nodes that this commit makes ready by Ends, Expand and Edges are claimed for the session, in
	// that order; the others are queued, last. Want is how many nodes are claimed in all, including Keep but not Onward.
	// Both only of Classes, within the bounds of concurrency, and only while the run is Running and not being stopped.
	//
	// A session that holds nothing gets the first suspect that waits, if any, and nothing else. A session that holds a
	// suspect, or MaxClaims, gets nothing. Any other gets Keep, then nodes that are ready and reserved for it, in the order
	// in which they became ready, then those that are ready for all: class by class, in the order of the queue.
	Keep    int
	Want    int
	Classes []Class // in the order of preference
	// Steps is how many steps Packed holds: those of Ends first, in their order, none for NoOutcome, then announcements
	// and notes.
	Steps  int
	Packed []byte
	// Started lists claimed nodes whose attempts are announced in Packed. A node that the session does not hold after Ends
	// is ignored.
	Started []dag.NodeID
}

// End is how one attempt ended, as far as the ledger needs to know. After Retrying and NoOutcome others may claim the
// node, so all of its inputs have to be stored before. Under record.FailFast an end that is Failed stops the run as Failed.
type End struct {
	Node  dag.NodeID
	Class Class // matters where it is Local
	// Outcome is OK, Failed, Skipped, Retrying, or Cancelled, which needs a run that is being stopped. NoOutcome returns
	// the claim: the node is ready again, at the front of its queue, and no attempt is counted; it is ignored where the
	// session does not hold the node any more (because a node whose edges it had to set is computed again).
	Outcome record.Outcome
	// Local: the node was not claimed, it is still Blocked. All that it waits for are ends of this session, of earlier
	// commits or earlier in Ends. It needs an Outcome. Never of a class that is bounded.
	Local bool
	Task  bool          // counted among the run's tasks
	Sink  bool          // nothing waits for it
	Delay time.Duration // of Retrying, from Now
	// More: the node has ended, but not all of its edges fit into this commit. The session keeps the claim (a Local node
	// is claimed by this) until Commit.EdgesDone; it no longer counts against the bound of its class. If the session ends
	// before, or returns the claim by NoOutcome, the session that claims the node next has to set its edges: see
	// Claim.EdgesOnly. Only of OK, Failed and Skipped.
	More bool
	// Expand is set where an expansion is OK.
	Expand *Expand
}

// Expand appends the instances of a fan-out: Width times Size nodes and EdgesPer bits, numbered after all others.
type Expand struct {
	Width    uint32
	Size     uint32
	EdgesPer uint32
	TasksPer uint32
	// LimitEdges are the edges of an instance as the run's limits count them.
	LimitEdges uint32
	SinksPer   uint32
	Roots      []Grant // their Node is the number within an instance
}

// Grant names a node to claim, and its class.
type Grant struct {
	Node  dag.NodeID
	Class Class
}

// Edge is one bit.
//
// A child with an edge that has Hold is reserved for its session: no other session can claim it once it is ready, until
// Unhold or the end of the session. The largest Hold wins, the larger Parent among equals: an edge with Hold that meets
// a larger reservation of another session is not set; a larger one replaces the reservation and clears the bits with
// Hold of the other session. The losing session owes the edges that were not set, or were cleared: Reply.Store names
// them, and if that session ends before it has set them, they are set then. So a child never waits in vain, but an
// output that it reads may be lost. The reservation ends with the claim. Hold is ignored for a child that will be skipped.
type Edge struct {
	Offset uint32     // of the bit, unique in the run
	Child  dag.NodeID // that waits
	Waits  uint32     // how many bits the child waits for
	Class  Class      // of the child
	End    int        // index in Ends of the node that the edge leaves, -1 where it ended in an earlier commit
	Bad    bool       // that node failed or was skipped, so the child will be skipped: it is ready as of EngineClass
	// Hold is the size of the parent's output if the session holds it and wants the child reserved for itself; 0 if the
	// output is stored, travels inline, or is not needed. With Hold, Parent is the node that the edge leaves.
	Hold   int64
	Parent dag.NodeID
}

// Claim is the right to run a node.
type Claim struct {
	Node    dag.NodeID
	Class   Class // EngineClass with Skip, Poison or EdgesOnly
	Epoch   uint16
	Attempt uint16 // from 1; those that failed or will be retried, and lost ones that had started, count
	Errors  uint16 // attempts that failed by themselves
	Losses  uint16 // attempts that killed their worker, and were the only ones to blame
	Since   int64  // when it became ready; never the same twice in one epoch, so it distinguishes the claims of a node
	Skip    bool   // something it waits for failed or was skipped: it has to end as Skipped
	Poison  bool   // its losses have reached the limit: it has to end as Failed
	// EdgesOnly: the node has ended, but its session died before all of its edges were set. The holder has to set all of
	// them again, with Bad as EdgesBad says, and then to list the node in EdgesDone. Setting those that are set changes
	// nothing. Attempt, Errors, Losses and Since are 0.
	EdgesOnly bool
	EdgesBad  bool
	Solo      bool // it may have killed a worker: the session holds and gets nothing else until it ends
}

// Block is the nodes that one expansion appended.
type Block struct {
	Expansion dag.NodeID
	Width     uint32
	First     dag.NodeID
	FirstEdge uint32 // offset of its first bit
}

// Reply is the answer to an operation. Every reply has Verdict, Now, Status and Stopping.
type Reply struct {
	Verdict Verdict
	Why     string // of Malformed
	Now     int64
	// Status of the run; Stopping is the status with which it will end, empty unless it is being stopped.
	Status   record.Status
	Stopping record.Status
	Worker   uint16 // of Open: the session's number in the run's log, from 0
	// Claims, of an applied Commit, are those that it granted, Onward first, in the order of granting; of a repeated one,
	// all that the session holds, ascending by node.
	Claims []Claim
	Blocks []Block // of a Commit, applied or repeated: those after the first Commit.Blocks
	// Store, of a Commit, applied or repeated, lists nodes whose outputs the session holds and now has to store, because
	// another session holds a larger one for the same child; once they are stored, their edges have to be set again,
	// without Hold. Each is listed, once and ascending, until its edges are set.
	Store []dag.NodeID
	// Readied lists, ascending by class, how many nodes the queues of a class gained, those of reserved nodes included:
	// idle workers should be woken for them. A node whose reservation ended counts as gained.
	Readied []Readied
	// Waiting, of a Commit, applied or repeated, is how many nodes are ready and not reserved, even if a bound of
	// concurrency or a pause keeps them from being claimed; NextDue is when the next retry is due, 0 for none.
	Waiting int
	NextDue int64
	// Suspects, of a Commit, applied or repeated, is how many of the Waiting nodes are suspects: only a session that holds
	// nothing can claim them.
	Suspects int
	// Epochs, of an Invalidate with the verdict Again, are the present epochs of its Lost nodes: if a node's output is
	// missing once more, that epoch is lost.
	Epochs []uint16
	// Lost lists the claims that a Reap released.
	Lost []Lost
}

// Readied counts nodes of a class.
type Readied struct {
	Class Class
	Nodes int
}

// Lost is a claim that a dead session held.
type Lost struct {
	Session SessionID
	Worker  uint16
	Claim   Claim // as it was; Losses after the charge
	Started bool  // its attempt ended as lost, with a step in the log
	Charged bool
}

// Reap ends sessions whose lease has expired (its end is Now or earlier), in the order of their numbers, or, where
// Session is set, that one, whose process is known to be dead. Their claims are ready again, at the front of their queues:
// first those in Running, then the others, each ascending by node.
//
// Suspects are the claims in Running or, if it has none, all claims of the session; nodes of EngineClass never are. The
// next SoloGenerations claims of each suspect are Solo. A claim is charged with the loss if it is the only suspect, unless
// Running has only nodes that are not claimed: then the process ran a task that one of the claims became, and only running
// alone will show which. The attempt of a suspect in Running, or of a charged one, ends as lost even if it was not announced.
type Reap struct {
	Now     int64
	Session SessionID    // empty for all whose lease has expired
	Running []dag.NodeID // with Session, if a supervisor knows what was being executed
	Limit   int          // most claims to release, 0 for MaxReap; a session that holds more is over, too: reap it again
	Poison  int          // losses that make a node poison, 0 for never
}

// Invalidate returns a claim whose inputs are lost and has them computed again. Every node of Lost that is OK in the
// given epoch becomes ready in its next epoch, as if it had never been tried. The consumer waits until all nodes of Lost
// have ended; then it is ready, to be skipped if one of them failed or was skipped. It keeps its epoch and attempts. If
// one of them is already awaited by MaxAwaited others, the consumer is Waiting instead, and ready again LookAgain after
// Now. Joins between them stay as they are, and so do all bits: another node that misses an output notices by itself.
//
// Inputs of the consumer that only this session's memory has must be stored before: the next session to claim it needs
// them. A node that is computed again (its epoch is above 0) must be stored or inline before the Commit that ends it: its
// edges never have Hold, and no node that waits for it is Local or Onward. The reply is Again, and nothing changes, if all
// of Lost is OK in later epochs, and Repeated if the session does not hold that claim, because it was returned before.
type Invalidate struct {
	Now      int64
	Session  SessionID
	Consumer dag.NodeID
	Epoch    uint16 // of the claim on the consumer
	Since    int64  // of the claim on the consumer
	Lost     []Life // tasks, each once, at most MaxLost: further missing ones will be noticed later
}

// Life is one node in one epoch.
type Life struct {
	Node  dag.NodeID
	Class Class
	Epoch uint16
	Task  bool
	Sink  bool
}

// Leave ends a session. Its remaining claims are returned as by NoOutcome, ascending by node.
type Leave struct {
	Now     int64
	Session SessionID
}

// Stop ends the run early with Status, Failed or Cancelled, as soon as no claim is held. Only the first one counts
// (others are Repeated), and it ends a pause. Reason is the kind of the step that records it, CancelRequested or
// RunDeadline, or 0 for no step.
type Stop struct {
	Now    int64
	Status record.Status
	Reason record.StepKind
}

// Pause keeps nodes from being claimed until Resume. Claims that are held continue, and Onward nodes are still claimed.
// Repeated if the run is paused or being stopped.
type Pause struct{ Now int64 }

// Resume undoes Pause. Repeated if the run is not paused.
type Resume struct{ Now int64 }
