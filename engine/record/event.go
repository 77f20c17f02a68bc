package record

import (
	"fmt"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/internal/wire"
)

// EventKind names what happened.
type EventKind string

// Kinds of events that steps decode to, see FORMAT-events.md. Later versions may add some.
const (
	RunSubmittedEvent       EventKind = "run.submitted"
	RunStartedEvent         EventKind = "run.started"
	RunFinishedEvent        EventKind = "run.finished"
	RunRetriedEvent         EventKind = "run.retried"
	RunPausedEvent          EventKind = "run.paused"
	RunResumedEvent         EventKind = "run.resumed"
	RunDeadlineEvent        EventKind = "run.deadline"
	RunCancelRequestedEvent EventKind = "run.cancel_requested"
	WorkerStartedEvent      EventKind = "worker.started"
	WorkerStoppedEvent      EventKind = "worker.stopped"
	SlotLeakedEvent         EventKind = "slot.leaked"
	TaskReadyEvent          EventKind = "task.ready"
	TaskClaimedEvent        EventKind = "task.claimed"
	TaskStartedEvent        EventKind = "task.started"
	TaskFinishedEvent       EventKind = "task.finished"
	TaskFailedEvent         EventKind = "task.failed"
	TaskRetryingEvent       EventKind = "task.retrying"
	TaskCancelledEvent      EventKind = "task.cancelled"
	TaskLostEvent           EventKind = "task.lost"
	TaskSkippedEvent        EventKind = "task.skipped"
	TaskCachedEvent         EventKind = "task.cached"
	TaskBecameEvent         EventKind = "task.became"
	TaskInvokedEvent        EventKind = "task.invoked"
	OutputHeldEvent         EventKind = "output.held"
	OutputStoredEvent       EventKind = "output.stored"
	OutputDroppedEvent      EventKind = "output.dropped"
	FanOutExpandedEvent     EventKind = "fanout.expanded"
	FanOutFailedEvent       EventKind = "fanout.failed"
)

// Event is one thing that happened in a run, decoded from a step. An embedded part is nil if the kind does not have it;
// in JSON all fields are on one level.
type Event struct {
	Run      RunID `json:"run"`
	Revision int   `json:"revision"`
	// Seq numbers the events of a run from 1 without gaps, causes before effects.
	Seq  uint64    `json:"seq"`
	Kind EventKind `json:"kind"`
	// Time is on the store's clock. Events are ordered by Seq; times may contradict that order.
	Time time.Time `json:"time"`
	// At is Time as nanoseconds since the run's start, negative for run.submitted.
	At int64 `json:"at_ns"`
	*EventTask
	*EventLane
	*Phases
	*Bytes
	// Location of the output: task.finished, output.*.
	Location Location `json:"location,omitzero"`
	// Delay until the next attempt is ready: task.retrying.
	Delay time.Duration `json:"delay_ns,omitzero"`
	// From is the node whose end made the task ready: task.became, task.invoked.
	From *dag.NodeID `json:"from,omitempty"`
	// Width is the number of elements: fanout.expanded.
	Width *uint32 `json:"width,omitempty"`
	// Status the run ended with: run.finished.
	Status Status `json:"status,omitempty"`
}

// EventTask says which task an event is about.
type EventTask struct {
	Task *dag.Identity `json:"task,omitempty"` // nil for an expansion or a join
	Node dag.NodeID    `json:"node"`
	// Epoch and Attempt are set from task.claimed on. Attempts count from 1.
	Epoch   int `json:"epoch,omitempty"`
	Attempt int `json:"attempt,omitempty"`
}

// EventLane says where an event happened.
type EventLane struct {
	Worker int  `json:"worker"`
	Slot   *int `json:"slot,omitempty"` // nil if the event is about the whole worker
}

// Names of outcomes and locations, by number.
var (
	outcomeNames  = []string{"none", "ok", "failed", "retrying", "cancelled", "lost", "skipped", "cached"}
	locationNames = []string{"none", "held", "inline", "stored"}
)

// String is ok, failed, retrying, cancelled, lost, skipped or cached; none, or outcome(9) for an unknown outcome.
func (o Outcome) String() string { return nameOf(outcomeNames, "outcome", int(o)) }

// MarshalText returns String.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText is the inverse of MarshalText for known outcomes.
func (o *Outcome) UnmarshalText(text []byte) error {
	i, err := numberOf(outcomeNames, "an outcome", string(text))
	*o = Outcome(i)
	return err
}

// String is none, held, inline or stored; location(9) for an unknown location.
func (l Location) String() string { return nameOf(locationNames, "location", int(l)) }

// MarshalText returns String.
func (l Location) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText is the inverse of MarshalText for known locations.
func (l *Location) UnmarshalText(text []byte) error {
	i, err := numberOf(locationNames, "a location", string(text))
	*l = Location(i)
	return err
}

func nameOf(names []string, what string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%s(%d)", what, i)
}

func numberOf(names []string, what, name string) (int, error) {
	i := slices.Index(names, name)
	if i < 0 {
		return 0, fmt.Errorf("engine: %q is not %s, expected one of %v", wire.Printable(name), what, names)
	}
	return i, nil
}
