package record

import (
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
)

// Decoder turns the steps of one run into events and metrics. It keeps the numbering of the run's nodes, which grows
// with each FanOutExpanded step, and the size of each output. It is not safe for concurrent use.
//
// Pass steps in the order of the log. Steps that were already passed to any of the methods may be passed again.
type Decoder struct {
	info      RunInfo
	walker    Walker         // used only to check steps, since the same steps may come again
	numbering *dag.Numbering // of walker
	outputs   outputSizes
	last      uint64 // the last step whose events were numbered
	seq       uint64 // of the last event
	err       error
	kinds     [4]EventKind // room for own
}

// NewDecoder decodes the log of one run of g. The graph need not be Executable.
func NewDecoder(g *dag.Graph, info RunInfo) *Decoder {
	d := &Decoder{info: info, walker: NewWalker(g)}
	d.numbering = d.walker.Numbering()
	return d
}

// Numbering numbers the nodes of all steps given so far. It grows with them.
func (d *Decoder) Numbering() *dag.Numbering { return d.numbering }

// Err says which step does not fit the graph or the steps before it; nil if all do. After an error nothing more is
// decoded. The error is ErrMalformed.
func (d *Decoder) Err() error { return d.err }

// Seq is the number of the last event that Events has appended or Skip has passed over.
func (d *Decoder) Seq() uint64 { return d.seq }

// Events appends the events of steps. Their numbers continue where the last call of Events or Skip ended; steps before
// that are ignored, a gap is an error.
func (d *Decoder) Events(dst []Event, steps []Step) []Event {
	for i := range steps {
		s := &steps[i]
		if s.Seq > d.last && d.follows(s) {
			dst = d.events(dst, s)
		}
	}
	return dst
}

// Skip passes over steps and their events without making the events.
func (d *Decoder) Skip(steps []Step) {
	for i := range steps {
		s := &steps[i]
		if s.Seq > d.last && d.follows(s) {
			d.seq += uint64(d.count(s))
		}
	}
}

// EventCount is how many events a step decodes to, 0 for one that does not fit. It costs a few nanoseconds for each
// node that the step readied.
func (d *Decoder) EventCount(s *Step) int {
	if !d.take(s) {
		return 0
	}
	return d.count(s)
}

func (d *Decoder) count(s *Step) int {
	n := len(d.own(s))
	handsOn := s.Kind == AttemptEnded || s.Kind == FanOutExpanded
	for _, id := range s.Readied {
		if !d.numbering.IsTask(id) {
			continue
		}
		n++
		if handsOn && id != s.Became {
			n++
		}
	}
	if handsOn && d.becomesTask(s) {
		n++
	}
	return n
}

// follows decodes the next step, and returns false if it does not follow the last one or does not fit.
func (d *Decoder) follows(s *Step) bool {
	if d.err == nil && s.Seq != d.last+1 {
		d.err = fmt.Errorf("%w: steps: step %d follows on step %d", codec.ErrMalformed, s.Seq, d.last)
	}
	if !d.take(s) {
		return false
	}
	d.last = s.Seq
	return true
}

// take verifies a step and updates the state that later steps are decoded with.
func (d *Decoder) take(s *Step) bool {
	if d.err != nil {
		return false
	}
	if d.err = d.walker.apply(s); d.err != nil {
		return false
	}
	if s.Kind == AttemptEnded && s.Outcome.Done() {
		d.outputs.set(s.Node, s.OutputBytes)
	}
	return true
}

// becomesTask reports whether the step's worker continues with a task, rather than with an expansion or nothing.
func (d *Decoder) becomesTask(s *Step) bool {
	return s.Became != dag.NoNode && d.numbering.IsTask(s.Became)
}

// own lists the events of the step itself, which precede those of the tasks that it made ready.
func (d *Decoder) own(s *Step) []EventKind {
	kinds := d.kinds[:0]
	switch s.Kind {
	case RunStarted:
		if s.Seq > 1 { // the log continues with the next revision
			return append(kinds, RunRetriedEvent)
		}
		return append(kinds, RunSubmittedEvent, RunStartedEvent)
	case RunFinished:
		return append(kinds, RunFinishedEvent)
	case WorkerStarted:
		return append(kinds, WorkerStartedEvent)
	case WorkerStopped:
		return append(kinds, WorkerStoppedEvent)
	case RunPaused:
		return append(kinds, RunPausedEvent)
	case RunResumed:
		return append(kinds, RunResumedEvent)
	case RunDeadline:
		return append(kinds, RunDeadlineEvent)
	case CancelRequested:
		return append(kinds, RunCancelRequestedEvent)
	case SlotLeaked:
		return append(kinds, SlotLeakedEvent)
	case AttemptStarted, AttemptEnded, TaskSkipped, FanOutExpanded:
		if d.numbering.IsTask(s.Node) {
			return ownOfTask(kinds, s)
		}
		return ownOfFanOut(kinds, s)
	default:
		return kinds
	}
}

func ownOfFanOut(kinds []EventKind, s *Step) []EventKind {
	switch {
	case s.Kind == FanOutExpanded && s.Outcome == OutcomeOK:
		return append(kinds, FanOutExpandedEvent)
	case s.Kind != AttemptStarted && s.Outcome == OutcomeFailed:
		return append(kinds, FanOutFailedEvent)
	default:
		return kinds
	}
}

func ownOfTask(kinds []EventKind, s *Step) []EventKind {
	switch {
	case s.Kind == TaskSkipped:
		return append(kinds, TaskSkippedEvent)
	case s.Kind == FanOutExpanded:
		return kinds
	case s.Kind == AttemptStarted:
		return append(kinds, TaskClaimedEvent, TaskStartedEvent)
	}
	if !s.Announced && s.Outcome != OutcomeCached {
		kinds = append(kinds, TaskClaimedEvent, TaskStartedEvent)
	}
	switch s.Outcome {
	case OutcomeOK:
		return append(kinds, TaskFinishedEvent, outputEvent(s.Location))
	case OutcomeFailed:
		return append(kinds, TaskFailedEvent)
	case OutcomeRetrying:
		return append(kinds, TaskRetryingEvent)
	case OutcomeCancelled:
		return append(kinds, TaskCancelledEvent)
	case OutcomeLost:
		return append(kinds, TaskLostEvent)
	case OutcomeSkipped:
		return append(kinds, TaskSkippedEvent)
	case OutcomeCached:
		return append(kinds, TaskCachedEvent)
	default:
		return kinds
	}
}

func outputEvent(l Location) EventKind {
	switch l {
	case LocationNone:
		return OutputDroppedEvent
	case LocationHeld:
		return OutputHeldEvent
	default:
		return OutputStoredEvent
	}
}

// eventParts is what the events of one step share.
type eventParts struct {
	task     EventTask
	identity dag.Identity
	lane     EventLane
	slot     int
	node     dag.NodeID
	width    uint32
	phases   Phases
	bytes    Bytes
}

// events appends the events that the step decodes to.
func (d *Decoder) events(dst []Event, s *Step) []Event {
	parts := &eventParts{slot: int(s.Slot), node: s.Node, width: s.Width}
	parts.lane = EventLane{Worker: int(s.Worker), Slot: &parts.slot}
	kinds := d.own(s)
	for _, kind := range kinds {
		dst = append(dst, d.event(kind, s, parts))
	}
	for _, id := range s.Readied {
		if d.numbering.IsTask(id) {
			dst = append(dst, d.handOn(TaskReadyEvent, s, id, nil))
		}
	}
	if s.Kind != AttemptEnded && s.Kind != FanOutExpanded {
		return dst
	}
	if d.becomesTask(s) {
		dst = append(dst, d.handOn(TaskBecameEvent, s, s.Became, parts))
	}
	for _, id := range s.Readied {
		if id != s.Became && d.numbering.IsTask(id) {
			dst = append(dst, d.handOn(TaskInvokedEvent, s, id, parts))
		}
	}
	return dst
}

// next returns the next event, with the fields that all kinds have.
func (d *Decoder) next(kind EventKind, at int64) Event {
	d.seq++
	return Event{
		Run: d.info.ID, Revision: d.info.Revision, Seq: d.seq, Kind: kind,
		Time: d.info.StartedAt.Add(time.Duration(at)), At: at,
	}
}

// handOn returns an event of a task that became ready, was become or was invoked.
func (d *Decoder) handOn(kind EventKind, s *Step, id dag.NodeID, parts *eventParts) Event {
	e := d.next(kind, s.Over())
	of := &struct {
		task     EventTask
		identity dag.Identity
	}{EventTask{Node: id}, d.numbering.Identity(d.numbering.Locate(id))}
	of.task.Task = &of.identity
	e.EventTask = &of.task
	if parts != nil {
		e.EventLane, e.From = &parts.lane, &parts.node
	}
	return e
}

// event returns one of the step's own events.
func (d *Decoder) event(kind EventKind, s *Step, parts *eventParts) Event {
	switch kind {
	case RunSubmittedEvent:
		e := d.next(kind, 0)
		if at := d.info.SubmittedAt; !at.IsZero() {
			e.Time, e.At = at, int64(at.Sub(d.info.StartedAt))
		}
		return e
	case RunStartedEvent, RunRetriedEvent, RunPausedEvent, RunResumedEvent, RunDeadlineEvent, RunCancelRequestedEvent:
		return d.next(kind, s.Over())
	case RunFinishedEvent:
		e := d.next(kind, s.Over())
		e.Status = s.Outcome.RunStatus()
		return e
	case WorkerStartedEvent, WorkerStoppedEvent:
		e := d.next(kind, s.Over())
		e.EventLane = &EventLane{Worker: int(s.Worker)}
		return e
	case SlotLeakedEvent:
		e := d.next(kind, s.Over())
		e.EventLane = &parts.lane
		return e
	default:
		return d.taskEvent(kind, s, parts)
	}
}

func (d *Decoder) taskEvent(kind EventKind, s *Step, parts *eventParts) Event {
	d.describe(s, parts)
	e := d.next(kind, s.Over())
	e.EventTask, e.EventLane = &parts.task, &parts.lane
	switch kind {
	case TaskClaimedEvent:
		d.at(&e, s.Claimed)
	case TaskStartedEvent:
		d.at(&e, s.Started)
	case TaskSkippedEvent:
		e.EventLane = nil
	case FanOutExpandedEvent:
		e.Width = &parts.width
	case FanOutFailedEvent:
	case OutputHeldEvent, OutputStoredEvent, OutputDroppedEvent:
		e.Bytes, e.Location = &parts.bytes, s.Location
	default:
		d.at(&e, s.Ended)
		e.Phases, e.Bytes, e.Location, e.Delay = &parts.phases, &parts.bytes, s.Location, s.Delay
	}
	return e
}

func (d *Decoder) at(e *Event, at int64) {
	e.At, e.Time = at, d.info.StartedAt.Add(time.Duration(at))
}

// describe fills in the task that the step is about, once.
func (d *Decoder) describe(s *Step, parts *eventParts) {
	if parts.task.Task != nil {
		return
	}
	p := d.numbering.Locate(s.Node)
	parts.task = EventTask{Node: s.Node, Epoch: int(s.Epoch), Attempt: int(s.Attempt)}
	if d.numbering.IsTask(s.Node) {
		parts.identity = d.numbering.Identity(p)
		parts.task.Task = &parts.identity
		parts.phases = phasesOf(s)
		parts.bytes = Bytes{d.inputBytes(p), s.OutputBytes, s.StoredBytes}
	}
}
