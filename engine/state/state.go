// Package state is the seam between workers and the store of run state: what a worker may ask of a run, as laws that
// every store keeps. state/memory is the store of a single process; statetest holds every store to the model in
// engine/protocol.
//
// A store guarantees that each accepted completion is applied exactly once and as a whole, that a task becomes ready
// when, and only when, all it waits for is finished, that a claim is held by one lane at a time, and that the log
// tells every transition in an order in which causes come before effects. It costs one call per strand.
//
// Caveats: a lane belongs to one goroutine at a time. Values returned by a Run are the tasks' own; whoever modifies
// one breaks every later reader.
package state

import (
	"context"
	"errors"

	"github.com/dagscope/dagscope/engine"
)

// Store keeps the state of runs. Safe for concurrent use.
type Store interface {
	// Create accepts a run and makes its roots ready. The error is engine.ErrRunExists where the ID is taken.
	Create(ctx context.Context, job engine.Job, hooks Hooks) (Run, error)
}

// Hooks are how a store reaches the workers of its process. They are called from within calls on a Run, so they must
// return at once and must not call back.
type Hooks struct {
	// Ready: n more nodes can be claimed.
	Ready func(n int)
	// Stopping: the run ends before its tasks are finished; cause is what the contexts of its attempts report.
	Stopping func(cause error)
	// Fenced: this process has lost its claims on the run, which goes on elsewhere; cause is what the contexts of the
	// attempts under way report. Claims that come later are good.
	Fenced func(cause error)
}

// Shared is a Store of which several processes take runs.
type Shared interface {
	Store
	// Join takes part in runs that were created anywhere, until ctx ends: it calls take once for each run that has a
	// function which find knows. find gives nil for functions that this process does not have; the workflow helps where
	// only that names the function. take gives the hooks; begin is called with the run before any claim is handed out.
	Join(ctx context.Context, find func(workflow, function string) *engine.Function, take func(job engine.Job) (hooks Hooks, begin func(Run))) error
}

// Watcher is a Store that tells of runs without taking part in them; see engine.Finder and engine.Retrier.
type Watcher interface {
	engine.Finder
	engine.Retrier
}

// Fetcher is a Run whose values may lie elsewhere.
type Fetcher interface {
	// Fetch gets what the arguments of a claimed node need, in parallel, and tells how each input came, nil where all of
	// them were here. ErrInputLost: one is gone and is being made again; the claim is over, and nothing is to be
	// completed. Any other error but ctx's is a failure of the attempt.
	Fetch(ctx context.Context, c Claim) (engine.Values, []engine.InputDetail, error)
	// Errors is how many earlier attempts of a claimed node have failed by themselves: only these use up Options.Retries,
	// and not those that were lost with their process. Of a Run that is no Fetcher all earlier attempts have.
	Errors(node engine.NodeID) int
}

// Member is a Run that this process can leave while it goes on elsewhere. Every Run of a Shared store is one.
type Member interface {
	// Enter begins to take part, as the worker that self describes, which may be asked at any time; Worker and Saved of
	// the record are the store's to fill in. Before it, nothing is claimed: a process that never enters only watches.
	Enter(self func() engine.WorkerRecord)
	// Leave hands over or stores what this process holds, tells the store what has ended, and gives the rest back. What
	// lanes still execute finds its claim stale. It follows each Enter, after the end of the run too, and self is the
	// worker's last record. Whatever is called after it changes nothing.
	Leave(ctx context.Context, self engine.WorkerRecord) error
}

// Backlogged is a Run that has more to claim than Run.Ready tells, because it lies elsewhere.
type Backlogged interface {
	// Backlog is about how many nodes are ready that this process could get, once a lane asks for a claim.
	Backlog() int
}

// ErrInputLost: an input is gone and is being made again.
var ErrInputLost = errors.New("state: an input is lost and is being made again")

// Run is the state of one run. Safe for concurrent use.
type Run interface {
	// Values are the outputs of finished nodes, as long as a node that is not finished, or the result, needs them.
	engine.Values
	// Numbering knows every node; it has grown before an instance of an expanded fan-out can be claimed.
	Numbering() *engine.Numbering
	// Now is the time on the store's clock, in ns since the run's start. Every moment of a step is on it.
	Now() int64
	// Lane opens a lane for one slot of this process's worker. Lanes may be opened at any time.
	Lane(slot int) Lane
	// Ready is about how many nodes Claim would give at once.
	Ready() int
	// Stopping reports whether the run is ending or has ended: bodies need not be started any more.
	Stopping() bool
	// Stop ends the run early: nothing is claimed any more, and when the last claim is gone the run ends with
	// status, which is Failed or Cancelled, and first as its failure. Only the first Stop counts.
	Stop(status engine.Status, cause error, first *engine.ErrorRecord)
	// Drain hands out no more claims to this process, for good, and gives back those that no lane has. The log does not
	// tell of it, and the run is not paused by it.
	Drain()
	// Note appends a step that changes nothing: workers started and stopped, slots leaked. After the end it does nothing.
	Note(s engine.Step)

	engine.Execution
}

// Claim is the right to run a node. Tokens never repeat within a run. No more tasks of a function are claimed at a time
// than its Options.MaxConcurrent; those beyond wait without being ready, and none is run behind another in a strand.
type Claim struct {
	Node    engine.NodeID
	Epoch   uint16
	Attempt uint16 // from 1; those that were lost with their worker count
	Token   uint64
	Ready   int64 // since when the node could be claimed
}

// Lane is how one slot takes part in a run. It holds at most one claim, which is over when Complete or Release
// returns, or when it was abandoned.
type Lane interface {
	// Claim takes a ready node; false when there is none now, or the run is paused, stopping or over.
	Claim() (Claim, bool)
	// Announce tells the log that the claimed attempt has been running for a while. It may be called beside the
	// lane's goroutine, but not beside Complete or Abandon.
	Announce(e *End)
	// Complete applies a strand under the held claim: the ends of its head and of nodes that the lane ran on behind
	// it, each of which waited for nothing but the end before. Either all of it is applied, or, when the claim is
	// not held any more, nothing, and Reply.Stale is set. With next, the claim passes to a node that the strand's
	// last end made ready, if one can be claimed and the run goes on.
	//
	// What waits for a node that failed for good is skipped once all it waits for is over. A fan-out that would exceed
	// the run's limits fails: its FanOutExpanded step has the outcome Failed and makes no nodes.
	Complete(strand []End, next bool) Reply
	// Release gives the claim back: the node is ready again, and no attempt is counted.
	Release()
	// Abandon takes the claim from a lane whose body does not return and ends its attempt by e, which is that of the
	// claimed node: a lane whose bodies may hang reports each before it runs on. The lane's own Complete will find the
	// claim stale. It is called beside the lane's goroutine, but not beside its Complete.
	Abandon(e *End)
}

// End is how one attempt ended, as far as the worker knows.
type End struct {
	Node    engine.NodeID
	Epoch   uint16
	Attempt uint16
	Outcome engine.Outcome // OK, Failed, Retrying or, only while the run is stopping, Cancelled
	// Output is the value of a task, or the elements ([]any) of an expansion.
	Output any
	// OutputBytes is its size, engine.UnknownSize where only encoding could tell.
	OutputBytes int64
	Claimed     int64 // of a strand's later ends: when the end before was over
	Started     int64
	Ended       int64
	Updated     int64 // 0: the store sets it to Ended
	Fetch       int64
	// Announced: Announce was called for this attempt.
	Announced bool
	// Delay until a Retrying task is ready again, in ns. The store makes the end Failed instead when the run's retry
	// budget (max(10, 20 % of its tasks)) is used up.
	Delay int64
	// Error of every outcome but OK.
	Error *engine.ErrorRecord
	// Log is the tail of what the body logged.
	Log []byte
	// Inputs tell how the inputs came, where the run is a Fetcher.
	Inputs []engine.InputDetail
}

// Reply is what Complete answers.
type Reply struct {
	// Stale: the claim was not held any more, nothing was applied.
	Stale bool
	// Next is the claim that passed on, valid if HasNext.
	Next    Claim
	HasNext bool
}
