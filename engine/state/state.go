// Package state is the seam between workers and the store of run state: what a worker may ask of a run, as laws that
// every store keeps. state/memory is the store of a single process, state/shared that of several; the suite in
// internal/testkit/statetest checks the laws.
//
// A store guarantees that each accepted completion is applied exactly once and as a whole, that a task becomes ready
// when, and only when, all nodes it waits for have ended, that a claim is held by one lane at a time, and that the log
// has every transition, in an order in which causes come before effects. It costs one call per strand.
//
// Caveats: a lane belongs to one goroutine at a time. Values returned by a Run are the tasks' own; modifying one breaks
// every later reader.
package state

import (
	"context"
	"errors"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
)

// Store keeps the state of runs. Safe for concurrent use.
type Store interface {
	// Create accepts a run and makes its roots ready. The error is execution.ErrRunExists where the ID is taken.
	Create(ctx context.Context, job execution.Job, hooks Hooks) (Run, error)
}

// Hooks are how a store reaches the workers of its process. They are called during calls on a Run, so they must return
// at once and must not call the Run.
type Hooks struct {
	// Ready: n more nodes can be claimed.
	Ready func(n int)
	// Stopping: the run ends before its tasks are finished; cause becomes the cause of its attempts' contexts.
	Stopping func(cause error)
	// Fenced: this process has lost its claims on the run, which continues elsewhere; cause becomes the cause of the
	// contexts of the attempts under way. Later claims are valid.
	Fenced func(cause error)
	// Room is asked before nodes of a shared run are claimed for this process: of the functions of the graph that need
	// resources, see engine.Options, it returns those of which tasks may be claimed now, the preferred first, and how many
	// in all; no functions: of none of them. A nil hook has room for any number.
	Room func() (functions []int, calls int)
}

// Shared is a Store whose runs several processes execute.
type Shared interface {
	Store
	// Join takes part in runs that were created anywhere, until ctx ends: it calls take once for each run that has a
	// function which find knows. find returns nil for functions that this process does not have; the workflow is for
	// functions whose names are not unique. take returns the hooks; begin is called with the run before any claim is
	// handed out.
	Join(ctx context.Context, find func(workflow string, function engine.Signature) *engine.Function, take func(job execution.Job) (hooks Hooks, begin func(Run))) error
}

// Watcher is a Store that reads runs without taking part in them; see execution.Finder and execution.Retrier.
type Watcher interface {
	execution.Finder
	execution.Retrier
}

// Fetcher is a Run whose values may be in another process or in the store.
type Fetcher interface {
	// Fetch gets the inputs of a claimed node, in parallel, and reports how each of them arrived, nil where all were in this
	// process. ErrInputLost: one is gone and is being computed again; the claim is over and must not be completed. Any
	// other error except that of ctx is a failure of the attempt.
	Fetch(ctx context.Context, c Claim) (dag.Values, []record.InputDetail, error)
	// Errors is how many earlier attempts of a claimed node failed by themselves: these use up Options.Retries, those that
	// were lost with their process do not. In a Run that is no Fetcher, all earlier attempts failed by themselves.
	Errors(node dag.NodeID) int
}

// Member is a Run that this process can leave while it continues elsewhere. Every Run of a Shared store is one.
type Member interface {
	// Enter begins to take part, as the worker that self describes. self may be called at any time; the store fills in
	// Worker and Saved of the record. Nothing is claimed before Enter: a process that never calls it only watches.
	Enter(self func() record.WorkerRecord)
	// Leave stores the outputs that only this process holds, commits what has ended, and returns the remaining claims.
	// Attempts that lanes still execute find their claims stale. It must follow each Enter, even after the end of the run;
	// self is the worker's last record. Calls after it change nothing.
	Leave(ctx context.Context, self record.WorkerRecord) error
	// MoreRoom: Hooks.Room may return more than the last time.
	MoreRoom()
}

// Backlogged is a Run with nodes to claim that Run.Ready does not count, because they are in the store.
type Backlogged interface {
	// Backlog is approximately how many ready nodes this process could get if a lane asked for a claim.
	Backlog() int
}

// ErrInputLost: an input is gone and is being computed again.
var ErrInputLost = errors.New("state: an input is lost and is being computed again")

// Run is the state of one run. Safe for concurrent use.
type Run interface {
	// Values are the outputs of finished nodes, kept while an unfinished node or the result needs them.
	dag.Values
	// Numbering knows every node; the instances of a fan-out are in it before one of them can be claimed.
	Numbering() *dag.Numbering
	// Now is the time on the store's clock, in ns since the run's start. All moments of steps are of this clock.
	Now() int64
	// Lane opens a lane for one slot of this process's worker. Lanes may be opened at any time.
	Lane(slot int) Lane
	// Ready is approximately how many nodes can be claimed now.
	Ready() int
	// Stopping reports whether the run is ending or has ended: no more bodies need to be started.
	Stopping() bool
	// Stop ends the run early: nothing more is claimed, and when no claim is held any more the run ends with status, which
	// is Failed or Cancelled, and first as its failure. Only the first Stop counts.
	Stop(status record.Status, cause error, first *record.ErrorRecord)
	// Drain hands out no more claims to this process, permanently, and returns claims that no lane holds. It leaves no step
	// in the log and does not pause the run.
	Drain()
	// Note appends a step that changes nothing: workers started or stopped, slots leaked. It does nothing after the end.
	Note(s record.Step)

	execution.Execution
}

// Claim is the right to run a node. Tokens never repeat within a run. At most Options.MaxConcurrent tasks of a function
// are claimed at a time; the others wait without being ready, and are never in a strand except at its head.
type Claim struct {
	Node    dag.NodeID
	Epoch   uint16
	Attempt uint16 // from 1; attempts that were lost with their worker count
	Token   uint64
	Ready   int64 // since when the node could be claimed
}

// Lane is how one slot takes part in a run. It holds at most one claim, which is over when Complete or Release
// returns, or when it was abandoned.
type Lane interface {
	// Claim claims a ready node; false if there is none now, or the run is paused, stopping or over.
	Claim() (Claim, bool)
	// Announce logs that the claimed attempt has been running for a while. It may be called while the lane's goroutine
	// executes the body, but not concurrently with Complete or Abandon.
	Announce(e *End)
	// Complete applies a strand under the held claim: the ends of its head and of the nodes that the lane became after it,
	// each of which waited for nothing but the previous end. It is applied as a whole, or not at all if the claim is not
	// held any more; then Reply.Stale is set. With next, the claim passes to a node that the last end made ready, if one
	// can be claimed and the run is neither paused nor stopping.
	//
	// A node that waits for one that failed for good is skipped once all nodes it waits for have ended. A fan-out that
	// would exceed the run's limits fails: its FanOutExpanded step has the outcome Failed and makes no nodes.
	Complete(strand []End, next bool) Reply
	// Release returns the claim: the node is ready again, and no attempt is counted.
	Release()
	// Abandon ends the claim of a lane whose body does not return, with e as the end of the attempt. e is of the claimed
	// node: a lane whose bodies may hang completes each of them before it runs the next. The lane's own Complete will find
	// the claim stale. It may be called while the lane's goroutine executes the body, but not concurrently with Complete.
	Abandon(e *End)
}

// End is how one attempt ended, as far as the worker knows.
type End struct {
	Node    dag.NodeID
	Epoch   uint16
	Attempt uint16
	Outcome record.Outcome // OK, Failed, Retrying or, only while the run is stopping, Cancelled
	// Output is the value of a task, or the elements ([]any) of an expansion.
	Output any
	// OutputBytes is its size, codec.UnknownSize if only encoding it would show.
	OutputBytes int64
	Claimed     int64 // of a strand's later ends: when the previous end was over
	Started     int64
	Ended       int64
	Updated     int64 // 0: the store sets it to Ended
	Fetch       int64
	// Announced: Announce has been called for this attempt.
	Announced bool
	// Delay until a Retrying task is ready again, in ns. If the run's retry budget (max(10, 20 % of its tasks)) is used
	// up, the end counts as Failed instead.
	Delay int64
	// Error of every outcome but OK.
	Error *record.ErrorRecord
	// Log is the last part of what the body logged.
	Log []byte
	// Usage is what the attempt used, nil if nothing was measured. It must not be modified.
	Usage *record.Usage
	// Inputs report how the inputs arrived, if the run is a Fetcher.
	Inputs []record.InputDetail
}

// Reply is what Complete answers.
type Reply struct {
	// Stale: the claim was not held any more, and nothing was applied.
	Stale bool
	// Next is the claim that passed on, valid if HasNext.
	Next    Claim
	HasNext bool
}
