package protocol

import (
	"encoding/binary"
	"hash/fnv"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Bounds of one operation.
const (
	MaxTake   = 64 // nodes of a Take
	MaxStrand = 64 // ends of a Complete
)

// Op is one operation on a run. Moments are nanoseconds since the run's start; Now is that of the operation.
type Op interface {
	apply(t *transition) Reply
}

// Verdict says what became of an operation.
type Verdict uint8

// Verdicts. Only what is accepted changes the state.
const (
	Accepted Verdict = iota
	Stale            // the claim is not held under this token
	Refused          // malformed, or not possible in this state; Reply.Why tells
)

// Reply is the answer to an operation.
type Reply struct {
	Verdict Verdict
	Claims  []Claim // of Take: what was granted; of Complete: the claim that passed on, if any
	Why     string  // of Refused
}

func refuse(why string) Reply { return Reply{Verdict: Refused, Why: why} }

// Start makes the roots ready.
type Start struct{ Now int64 }

// Take claims nodes, each under its token. Those that are not claimable are left out of the reply. Tokens must not be
// 0 and never repeat within a run.
type Take struct {
	By     Holder
	Grants []Grant // at most MaxTake
}

// Grant asks for one node.
type Grant struct {
	Node  dag.NodeID
	Token uint64
}

// Complete ends a strand under the claim on its head: the head and, behind it, nodes that waited for nothing but the
// end before and whose function does not bound how many run at a time. All ends but the last are OK and of tasks. With
// Next, the claim passes under NextToken to a node that the strand made ready, if one is claimable: to Prefer where
// that is one of them.
//
// The very same completion again gets the same answer and changes nothing, as long as the head was not claimed anew.
type Complete struct {
	Now       int64
	Token     uint64
	Ends      []End // at most MaxStrand
	Next      bool
	NextToken uint64
	Prefer    dag.NodeID // NoNode for any
}

// End is how one attempt ended. What the log takes over as it is has the names of record.Step's fields.
type End struct {
	Node    dag.NodeID
	Epoch   uint16
	Attempt uint16
	// Outcome is OK, Failed, Retrying or, in a run that is ending, Cancelled. Retrying becomes Failed when the retry
	// budget is used up, OK becomes Failed when an expansion exceeds the limits.
	Outcome   record.Outcome
	Width     uint32        // of an expansion that is OK
	Delay     time.Duration // of Retrying: ready again at Ended+Delay
	Announced bool

	Claimed, Started, Ended, Updated, Fetch int64
	OutputBytes                             int64
}

// Release gives a claim back. The node is ready again and no attempt is counted.
type Release struct {
	Now   int64
	Token uint64
	Node  dag.NodeID
}

// Abandon ends the attempt of a claim's node from beside: whoever held the claim finds it stale.
type Abandon struct {
	Now   int64
	Token uint64
	End   End
}

// Due makes a waiting node ready, not before its moment.
type Due struct {
	Now  int64
	Node dag.NodeID
}

// Stop ends the run early with Status, which is Failed or Cancelled. Only the first one counts, and it ends a pause.
// Reason is the step that tells of it, CancelRequested or RunDeadline, or 0 for none.
type Stop struct {
	Now    int64
	Status record.Status
	Reason record.StepKind
}

// Pause stops claims until Resume. What is claimed goes on.
type Pause struct{ Now int64 }

// Resume undoes Pause.
type Resume struct{ Now int64 }

// Note logs a step that changes nothing: WorkerStarted, WorkerStopped or SlotLeaked, until the run is over.
type Note struct{ Step record.Step }

// Announce logs that the attempt of a held claim has been running for a while.
type Announce struct {
	Token uint64
	End   End
}

// sum identifies the ends of a completion.
func (op Complete) sum() uint64 {
	h := fnv.New64a()
	for _, e := range op.Ends {
		var b [17]byte
		binary.LittleEndian.PutUint32(b[0:], uint32(e.Node))
		binary.LittleEndian.PutUint16(b[4:], e.Epoch)
		binary.LittleEndian.PutUint16(b[6:], e.Attempt)
		binary.LittleEndian.PutUint32(b[8:], e.Width)
		b[12] = byte(e.Outcome)
		_, _ = h.Write(b[:]) // never fails: hash.Hash
	}
	return h.Sum64()
}
