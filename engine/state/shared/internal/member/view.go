package member

import (
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// membership is how far this process takes part in the run: see STATES.md.
type membership uint8

const (
	watching membership = iota // it takes part in nothing
	active                     // it claims nodes
	draining                   // it takes no more nodes, and finishes what it has
	left                       // nothing changes any more
)

// view is what this process knows of the run: its status in the ledger, its sessions, and this process's own place.
type view struct {
	status     record.Status // of the latest answer
	stopping   record.Status
	membership membership
	worker     uint16 // number of this process's worker
	numbered   bool   // worker is known
	// others is how many other sessions are known; without any, no one waits for what is not reported.
	others int
	first  bool // no other session has a smaller number
	// suspects is how many waiting nodes may have taken a worker down, foreign how many of them this session did not get
	// when it asked, solo the latest that it got. See Yields.
	suspects, foreign int
	solo              dag.NodeID
}

// Status is the run's status in the ledger; stopping is the status that it will end with, empty unless it is stopping.
func (v *view) Status() (status, stopping record.Status) { return v.status, v.stopping }

// SetStatus sets both, without what follows from it: see State.Stop.
func (v *view) SetStatus(status, stopping record.Status) { v.status, v.stopping = status, stopping }

// MarkLost records that the store does not know the run any more.
func (v *view) MarkLost() { v.status = record.Interrupted }

// IsFinal reports whether the run has ended.
func (v *view) IsFinal() bool { return v.status.Final() }

// Worker is the number of this process's worker, false before its first session.
func (v *view) Worker() (number uint16, ok bool) { return v.worker, v.numbered }

// SetSessions records how many other sessions there are, and whether none of them has a smaller number.
func (v *view) SetSessions(others int, first bool) { v.others, v.first = others, first }

// Others is how many other sessions are known; First reports whether none of them has a smaller number.
func (v *view) Others() int { return v.others }

// First reports whether no other session has a smaller number.
func (v *view) First() bool { return v.first }

// Leave ends all: nothing changes any more.
func (v *view) Leave() { v.membership = left }

// HasLeft reports whether Leave was called.
func (v *view) HasLeft() bool { return v.membership == left }

// takesNodes reports whether the process neither drains nor has left.
func (v *view) takesNodes() bool { return v.membership < draining }

// handsOut reports whether nodes may be handed to lanes.
func (v *view) handsOut() bool {
	return v.status == record.Running && v.stopping == "" && v.membership < draining
}

// Yields reports whether the session takes nothing but suspects. These are granted only to a session that holds nothing;
// so that they do not wait until all else is done, the first session executes them one by one while the others continue.
func (v *view) Yields() bool { return v.suspects > v.foreign && v.first }

// IsStopping reports whether the run is ending before its tasks are finished.
func (v *view) IsStopping() bool { return v.stopping != "" }
