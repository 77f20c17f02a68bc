package ledger

import (
	"time"

	"github.com/dagscope/dagscope/engine"
)

// Bounds and fixed sizes: what one operation does must not keep a store from others for long.
const (
	MaxEnds   = 256  // ends of a Commit
	MaxDue    = 64   // retries that one Commit makes ready
	MaxReap   = 100  // claims of a Reap without a Limit
	MaxClaims = 2048 // of a session: one that holds as many is granted nothing
	MaxLost   = 64   // nodes of an Invalidate
	// MaxAwaited is how many consumers one lost node tells that it was made again. Those beyond wait for LookAgain and look.
	MaxAwaited = 128
	LookAgain  = time.Second
	// SoloGenerations is how often a suspect is claimed alone before it is trusted again.
	SoloGenerations = 64
	// MinRetries is the retry budget of even the smallest run; a larger one has a retry for every five tasks.
	MinRetries = 10
)

// Op is one operation on a ledger. What is wrong with one is looked for in this order: Gone, Fenced, Repeated,
// Malformed, Exhausted, TooWide.
type Op interface {
	apply(t *transition) Reply
	moment() int64
	at(now int64) Op
}

// At is the operation at another moment: a store's time replaces that of the caller.
func At(op Op, now int64) Op { return op.at(now) }

// Moment is the Now of an operation.
func Moment(op Op) int64 { return op.moment() }

// SessionID names one worker's part in a run. It is random and never used again, so it is the fence: what comes under
// a session that is over changes nothing.
type SessionID string

// Class sorts ready nodes by what a worker needs in order to run them: the number of the function in Graph.Functions,
// or EngineClass.
type Class uint16

// EngineClass is of expansions and joins, which any worker can run.
const EngineClass Class = 1<<16 - 1

// Verdict says what became of an operation.
type Verdict uint8

// Verdicts. Only Applied changes the state.
const (
	Applied   Verdict = iota
	Repeated          // it was applied before, or there is nothing to change; of a Commit, Reply.Claims are all that the session holds
	Gone              // the run is over; Reply.Status tells how
	Fenced            // there is no such session: it was reaped, or it left
	Malformed         // a mistake of the caller; Reply.Why tells
	Exhausted         // the run's retry budget is used up: the attempt has to end as failed
	TooWide           // the fan-out exceeds the run's limits: the expansion has to end as failed
	Again             // of Invalidate: nothing is missing any more, the inputs can be fetched again
)

// Open begins a session. Now and all moments are nanoseconds since the run's start on the store's clock. The answer is
// Repeated, with the same number, where the session lives already.
type Open struct {
	Now     int64
	Session SessionID
	Lease   time.Duration
}

// Commit is the one call by which a session takes part: it ends attempts, tells those that wait, hands out claims and
// extends the lease, all or nothing. A Commit without Ends and Edges only takes, or only beats. Its parts are applied in
// the order of the fields; then retries that are due become ready, then claims are granted, then the run may end.
type Commit struct {
	Now     int64
	Session SessionID
	// Number counts the commits of the session from 1, without gaps: what is not Applied uses up none. One that was
	// applied before is answered Repeated and changes nothing, so a lost answer is harmless.
	Number uint64
	Lease  time.Duration // from Now; the session may be reaped from then on, and goes on as long as nobody does
	// Blocks is how many blocks the caller knows, the graph itself not counted; the reply has those behind.
	Blocks int
	// Ends are in an order in which parents come before children, and those with NoOutcome last. An end that is Retrying
	// or expands is alone. At most MaxEnds.
	Ends []End
	// Told lists nodes of earlier Ends with More, or claimed with Tell, whose last edges are in this commit: their claims
	// are over. One that the session does not tell of any more changes nothing.
	Told []engine.NodeID
	// Onward lists nodes that wait for nothing but ends of this session, and that it goes on with: they are claimed. A
	// node that does not wait any more, or in a run that is being stopped, is left alone: Reply.Claims tells. Never of a
	// class that is bounded.
	Onward []Grant
	// Edges are all bits that the ends set, except those into nodes that are Ends or Onward themselves: a bit that is left
	// out is never set, unless the end has More. A session may set edges of nodes that it ended before: of outputs that
	// it had to store after all, see Reply.Store. A bit that is set stays as it is, whatever the edge says.
	Edges []Edge
	// Unhold lists nodes that are not reserved for the session any more: what it held for them is stored by now. One that
	// is not reserved for it changes nothing.
	Unhold []engine.NodeID
	// Keep is how many of the nodes that this commit makes ready by Ends, Expand and Edges are claimed for the session, in
	// that order; the rest goes to the end of its queue. Want is how many nodes are claimed in all, those included, Onward
	// not. Both only of Classes, within the bounds of concurrency, and only while the run is Running and not being stopped.
	//
	// Where the session holds nothing, and a suspect waits, it gets the first one and nothing else. A session that holds a
	// suspect, or MaxClaims, gets nothing. Else it gets Keep, then nodes that are ready and reserved for it, in the order in which they
	// became so, then those that are ready for anybody: class by class, in the order of the queue.
	Keep    int
	Want    int
	Classes []Class // in the order of preference
	// Steps is how many steps Packed holds: those of Ends first, in their order, none for NoOutcome, then announcements
	// and notes.
	Steps  int
	Packed []byte
	// Started lists claimed nodes whose attempts are announced in Packed. One that the session does not hold after Ends
	// changes nothing.
	Started []engine.NodeID
}

// End is how one attempt ended, as far as the ledger wants to know. Retrying and NoOutcome let others have the node, so
// all of its inputs have to be stored by then. Under engine.FailFast an end that is Failed stops the run as Failed.
type End struct {
	Node  engine.NodeID
	Class Class // matters where it is Local
	// Outcome is OK, Failed, Skipped, Retrying, or Cancelled, which needs a run that is being stopped. NoOutcome gives the
	// claim back: the node is ready again, at the front of its queue, and no attempt is counted; where the session does
	// not hold it any more (what it was to tell of is made again) it changes nothing.
	Outcome engine.Outcome
	// Local: the node was not claimed, it still waits. All it waited for are ends of this session, earlier ones or
	// earlier in Ends. It needs an Outcome. Never of a class that is bounded.
	Local bool
	Task  bool          // counted among the run's tasks
	Sink  bool          // nothing waits for it
	Delay time.Duration // of Retrying, from Now
	// More: the node has ended, but not all of its edges fit into this commit. The session keeps the claim (a Local node
	// is claimed by this), which is over with Commit.Told. It counts no longer against the bound of its class. When the
	// session ends before, or gives it back by NoOutcome, whoever claims the node next is asked to tell: see Claim.Tell.
	// Only of OK, Failed and Skipped.
	More bool
	// Expand is set where an expansion ended well.
	Expand *Expand
}

// Expand appends the instances of a fan-out: Width times Size nodes and EdgesPer bits, numbered behind all others.
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

// Grant names a node to be claimed, and its class.
type Grant struct {
	Node  engine.NodeID
	Class Class
}

// Edge is one bit.
//
// A child with an edge that has Hold is reserved for its session: nobody else can claim it once it is ready, until Unhold
// or the end of the session. The largest Hold wins, the larger Parent among equals: an edge with Hold that meets the
// reservation of another session with a larger one is not set, and one that is larger takes over and clears the bits
// with Hold of the other session. What was not set, or cleared, is owed: Reply.Store tells that session, and should it
// end before it has set them, they are set then. So is never lost what the child waits for, but its output may be.
// The reservation is over with the claim. It does not matter where a child has to be skipped.
type Edge struct {
	Offset uint32        // of the bit, unique in the run
	Child  engine.NodeID // that waits
	Waits  uint32        // how many bits the child waits for
	Class  Class         // of the child
	End    int           // index in Ends of the node that the edge leaves, -1 where it ended in an earlier commit
	Bad    bool          // that node failed or was skipped, so the child will be skipped: it is ready as an EngineClass
	// Hold is the size of the parent's output where the session holds it and wants the child reserved for itself; 0 where
	// the output is stored, travels inline, or is not wanted. Parent is then the node that the edge leaves.
	Hold   int64
	Parent engine.NodeID
}

// Claim is the right to run a node.
type Claim struct {
	Node    engine.NodeID
	Class   Class // EngineClass with Skip, Poison or Tell
	Epoch   uint16
	Attempt uint16 // from 1; those that failed or will be retried, and lost ones that had started, count
	Errors  uint16 // attempts that failed by themselves
	Losses  uint16 // attempts that took their worker down alone
	Since   int64  // when it became ready, and never the same twice for one epoch: it tells claims of a node apart
	Skip    bool   // something it waits for failed or was skipped: it has to end as Skipped
	Poison  bool   // its losses have reached the limit: it has to end as Failed
	// Tell: it has ended, but its session died before all of its edges were set. All have to be set again, which changes
	// nothing where they are, and then it belongs into Told. Bad as its TellBad says. Attempt, Errors, Losses and Since
	// are 0.
	Tell    bool
	TellBad bool
	Solo    bool // it may have taken a worker down: the session holds and gets nothing else until it ends
}

// Block is the nodes that one expansion appended.
type Block struct {
	Expansion engine.NodeID
	Width     uint32
	First     engine.NodeID
	FirstEdge uint32 // offset of its first bit
}

// Reply is the answer to an operation. Whatever the verdict, it has Now, Status and Stopping.
type Reply struct {
	Verdict Verdict
	Why     string // of Malformed
	Now     int64
	// Status of the run; Stopping is the status it will end with, empty while it goes on.
	Status   engine.Status
	Stopping engine.Status
	Worker   uint16 // of Open: the session's number in the run's log, from 0
	// Claims of an applied Commit are those that it granted, in that order, Onward first; of a repeated one all that the
	// session holds, ascending by node.
	Claims []Claim
	Blocks []Block // of a Commit, applied or repeated: those behind Commit.Blocks
	// Store, of a Commit, applied or repeated, lists nodes whose outputs the session holds and now has to store, because
	// another session holds a larger one for the same child; once stored, their edges have to be set again, without Hold.
	// It lists them until they are, ascending, each once.
	Store []engine.NodeID
	// Readied tells, ascending by class, by how much the queues of a class grew (those of reserved nodes too, and what
	// moves from there to the others), where they did: somebody idle should hear of it.
	Readied []Readied
	// Waiting, of a Commit, applied or repeated, is how many nodes are ready and not reserved, even if bounds of
	// concurrency or a pause keep them; NextDue is when the next retry is due, 0 for none.
	Waiting int
	NextDue int64
	// Suspects, of a Commit, applied or repeated, is how many of those Waiting are suspects, which only sessions get that
	// hold nothing.
	Suspects int
	// Epochs, of an Invalidate that is answered Again, are those that the nodes of its Lost are in: whoever finds nothing
	// again has lost that.
	Epochs []uint16
	// Lost lists what a Reap took from dead sessions.
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
	Started bool  // its attempt is over as lost: a step tells of it
	Charged bool
}

// Reap ends sessions whose lease has run out (its end is not behind Now), in the order of their numbers, or, where
// Session is set, that one, whose process is known to be dead. Their claims are ready again, at the front: one after the
// other, those in Running first, then ascending by node.
//
// Suspects are the claims in Running, or, where none of them is, all that the session holds; nodes of EngineClass are none.
// They are from now on run Solo, for SoloGenerations claims of each. A claim is charged with the loss where it is the
// only suspect, unless Running has only others: then something ran behind a claim, and Solo will tell what. An attempt of
// a suspect in Running, or of one that is charged, is over as lost though nobody announced it.
type Reap struct {
	Now     int64
	Session SessionID       // empty for all whose lease has run out
	Running []engine.NodeID // with Session, where a supervisor knows what was being executed
	Limit   int             // claims at most, 0 for MaxReap; a session that holds more is over too, and finished by the next Reap
	Poison  int             // losses at which a node is poison, 0 for never
}

// Invalidate gives back a claim whose inputs are lost and has them made again. Every node of Lost that is OK in that
// epoch becomes ready with the next epoch, as if it had never been tried. The consumer waits until no node of Lost is
// under way; then it is ready, to be skipped where one of them failed or was skipped. It keeps its epoch and attempts.
// Where one of them is awaited by MaxAwaited others it is Waiting instead, is ready again LookAgain from Now, and looks.
// Joins between them stay as they are, and so do all bits: whoever else misses an output finds out by itself.
//
// The inputs of the consumer that the session has in its memory only have to be stored before: whoever claims it next
// needs them. What is made again (an epoch above 0) is stored or inline before the Commit that ends it: never with Hold, and
// nothing behind it is Local or Onward. The answer is Again, and nothing changes, where all of Lost is OK, in later
// epochs; and Repeated where the session does not hold that claim: it was given back before.
type Invalidate struct {
	Now      int64
	Session  SessionID
	Consumer engine.NodeID
	Epoch    uint16 // of the claim on the consumer
	Since    int64  // of the claim on the consumer
	Lost     []Life // tasks, each once, at most MaxLost: what else is missing will be found later
}

// Life is one node in one epoch.
type Life struct {
	Node  engine.NodeID
	Class Class
	Epoch uint16
	Task  bool
	Sink  bool
}

// Leave ends a session. What it still holds is given back as by NoOutcome, ascending by node.
type Leave struct {
	Now     int64
	Session SessionID
}

// Stop ends the run early with Status, Failed or Cancelled, as soon as no claim is held. Only the first one counts
// (others are Repeated), and it ends a pause. Reason is the step that tells of it, CancelRequested or RunDeadline, or 0
// for none.
type Stop struct {
	Now    int64
	Status engine.Status
	Reason engine.StepKind
}

// Pause stops claims until Resume. What is claimed goes on, and Onward nodes are still claimed. Repeated where the run
// is paused or being stopped.
type Pause struct{ Now int64 }

// Resume undoes Pause. Repeated where the run is not paused.
type Resume struct{ Now int64 }
