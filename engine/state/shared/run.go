package shared

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

// run is one run as this process knows it. It implements state.Run, state.Member, state.Fetcher and state.Backlogged.
// Before Enter it only watches. All goroutines that it starts end with the run, or with Leave or Forget.
type run struct {
	store     *Store
	backend   Backend
	id        record.RunID
	job       execution.Job
	rules     record.Rules
	revision  int
	started   time.Time // on the store's clock
	from      int64     // when this revision began, as far as this process knows
	storedEnd []byte    // the end, if it was stored before this process came to know of the run
	hooks     state.Hooks
	layout    *member.Layout
	clock     *clock
	tail      *tail
	details   *detailReader
	cancel    context.CancelFunc // ends all goroutines of the run
	enter     context.CancelFunc // ends watching, because this process takes part
	kick      chan struct{}      // capacity 1: there may be something to commit
	leave     chan leaving       // from Leave to the committer
	done      chan struct{}
	stopped   chan struct{} // closed when no goroutine of the run is left
	ready     atomic.Int32  // nodes that lanes could claim
	backlog   atomic.Int32  // nodes elsewhere that this process could claim
	waiting   atomic.Int32  // nodes elsewhere that any process could claim
	halted    atomic.Bool   // bodies need not be started any more
	controls  controls
	moves     group
	spawn     func(func(ctx context.Context)) bool // starts a goroutine that ends with the run
	number    int                                  // in the order in which this process has come to know of runs
	joined    bool                                 // created elsewhere, found by Join
	costs     Costs                                // of the back end when the run became known

	mu               sync.Mutex
	state            *member.State
	fetches          map[dag.NodeID]*fetching
	missed           map[dag.NodeID]uint16 // epochs of outputs that were lost
	session          session
	self             func() record.WorkerRecord // nil before Enter
	name             string                     // of this process's worker, set by Enter
	lanes            []*lane
	starving         int // lanes whose last Claim found nothing
	tokens           uint64
	dry              bool               // the last commit did not get all the nodes that it wanted
	hinted           bool               // a hint has come since that commit was made
	awaitingUploads  bool               // what is pending waits for outputs to be stored
	unanswered       []ledger.SessionID // given up without an answer, so that the store may take them for alive
	offeredAt        time.Time          // when others were last asked for, see giveAway
	pendingSince     time.Time          // when something became pending, zero where nothing is
	nextDue          int64
	stoppingReported bool // hooks.Stopping was called
	statusDue        bool // there is news of the run: the store is to be asked
	entered          bool // Enter was called
	end              func() (record.RunEnd, any)
	outcome          record.Status // of end, empty before
	usedCounted      int64         // what the store's counts have of this run
	onlyCounted      int64
	record           record.WorkerRecord // the last that self gave
}

var (
	_ state.Run        = (*run)(nil)
	_ state.Member     = (*run)(nil)
	_ state.Fetcher    = (*run)(nil)
	_ state.Backlogged = (*run)(nil)
)

// newRun makes the run; start starts its goroutine.
func newRun(s *Store, job execution.Job, kept Stored, hooks state.Hooks) *run {
	if hooks.Ready == nil {
		hooks.Ready = func(int) {}
	}
	if hooks.Stopping == nil {
		hooks.Stopping = func(error) {}
	}
	if hooks.Fenced == nil {
		hooks.Fenced = func(error) {}
	}
	r := &run{
		store: s, backend: s.backend, id: job.Info.ID, job: job, rules: job.Options.Rules.WithDefaults(), revision: kept.Revision,
		started: kept.StartedAt, storedEnd: kept.End, hooks: hooks, layout: member.NewLayout(job.Graph), clock: newClock(kept.StartedAt),
		kick: make(chan struct{}, 1), leave: make(chan leaving), done: make(chan struct{}), stopped: make(chan struct{}),
		fetches: map[dag.NodeID]*fetching{}, missed: map[dag.NodeID]uint16{},
	}
	r.state = member.New(member.Config{
		Layout: r.layout, Policy: job.Options.Policy, Rules: r.rules, Limit: s.cfg.HoldBytes, Unlogged: job.Options.Unlogged,
	})
	r.costs = s.backend.Costs()
	if r.revision > 0 {
		r.from = r.clock.now()
	}
	r.tail = newTail(r.backend, job, kept.Revision)
	r.details = newDetailReader(r)
	return r
}

// start follows the run in a goroutine: before Enter this process only watches, and no longer than ctx.
func (r *run) start(ctx context.Context) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	watching, enter := context.WithCancel(life)
	r.enter, r.cancel = enter, cancel
	r.controls.r, r.controls.life = r, life.Done()
	r.spawn = func(f func(context.Context)) bool { return r.moves.run(func() { f(life) }) }
	r.store.retain(r)
	go func() {
		defer close(r.stopped)
		defer r.store.release(r)
		defer context.AfterFunc(ctx, r.endWatch)()
		r.follow(life, watching)
		r.cancel()
		r.moves.close()
		r.controls.close()
		r.dropOutputs()
	}()
}

// endWatch ends the run here, unless this process takes part.
func (r *run) endWatch() {
	if !r.isEntered() {
		r.cancel()
	}
}

// follow follows the run until it is over, this process leaves it, or ctx ends; until Enter, which ends watching, it only
// watches.
func (r *run) follow(ctx, watching context.Context) {
	if r.storedEnd != nil {
		r.setStoredEnd(r.storedEnd)
		close(r.done)
		return
	}
	over := r.watch(watching)
	if !over && r.isEntered() {
		over = r.work(ctx)
	}
	if over && r.awaitEnd(ctx) {
		close(r.done)
	}
}

// dropOutputs drops all outputs once the run's goroutines have ended; the result is read from the store.
func (r *run) dropOutputs() {
	r.lock()
	defer r.unlockAndNotify()
	for _, l := range r.lanes {
		l.unassign()
	}
	r.state.Close()
	held := &r.store.held
	held.used.Add(-r.usedCounted)
	held.only.Add(-r.onlyCounted)
	r.usedCounted, r.onlyCounted = 0, 0
}

// lock takes mu and sets the time of the share.
func (r *run) lock() {
	r.mu.Lock()
	r.state.Advance(r.clock.now())
}

// unlockAndNotify releases mu and notifies lanes, the committer and the store of what has changed for them.
func (r *run) unlockAndNotify() {
	ready := r.state.Ready()
	before := int(r.ready.Swap(int32(ready)))
	isNews := !r.state.HasLeft() && r.self != nil && r.needsTimer()
	isStarved := r.dry && r.want() > 0
	r.mu.Unlock()
	if isNews {
		r.wakeCommitter()
	}
	if isStarved {
		r.store.requestWork()
	}
	if ready > before {
		r.hooks.Ready(ready - before)
	}
}

// wakeCommitter makes the committer check what is due.
func (r *run) wakeCommitter() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// Numbering implements state.Run.
func (r *run) Numbering() *dag.Numbering { return r.state.Numbering() }

// Now implements state.Run.
func (r *run) Now() int64 { return r.clock.now() }

// Ready implements state.Run.
func (r *run) Ready() int { return int(r.ready.Load()) }

// Backlog implements state.Backlogged.
func (r *run) Backlog() int { return int(r.backlog.Load()) }

// Stopping implements state.Run.
func (r *run) Stopping() bool { return r.halted.Load() }

// Output implements dag.Values, for values in memory. Lanes read what Fetch returns.
func (r *run) Output(id dag.NodeID) any {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o := r.state.Value(id); o != nil {
		return o.Data
	}
	return nil
}

// Elements implements dag.Values; it is never called, since the run is dag.Lazy.
func (r *run) Elements(dag.NodeID) []any { return nil }

// LazyElements implements dag.Lazy.
func (r *run) LazyElements() {}

// Note implements state.Run.
func (r *run) Note(s record.Step) {
	if r.job.Options.Unlogged {
		return
	}
	r.lock()
	defer r.unlockAndNotify()
	if r.state.HasLeft() || r.self == nil || r.state.IsFinal() {
		return
	}
	r.state.Note(s)
}

// Enter implements state.Member.
func (r *run) Enter(self func() record.WorkerRecord) {
	record := self()
	r.lock()
	r.self, r.record, r.name, r.entered = self, record, record.Name, true
	r.state.Enter(record.Width)
	r.unlockAndNotify()
	r.enter()
}

func (r *run) isEntered() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entered
}

// Steps implements execution.Execution.
func (r *run) Steps(ctx context.Context, after uint64) ([]record.Step, error) {
	return r.tail.steps(ctx, after)
}

// TakeDetails implements execution.Execution.
func (r *run) TakeDetails() ([]record.Detail, []record.WorkerRecord) { return r.details.take() }

// Done implements execution.Execution.
func (r *run) Done() <-chan struct{} { return r.done }

// isDone reports whether the end is known here.
func (r *run) isDone() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// isStopped reports whether all goroutines of the run have ended.
func (r *run) isStopped() bool {
	select {
	case <-r.stopped:
		return true
	default:
		return false
	}
}

// End implements execution.Execution.
func (r *run) End() (record.RunEnd, any) {
	r.mu.Lock()
	end := r.end
	r.mu.Unlock()
	if end == nil {
		return record.RunEnd{}, nil
	}
	return end()
}

// Forget implements execution.Execution. The store keeps the run.
func (r *run) Forget() { r.cancel() }

// Cancel implements execution.Execution.
func (r *run) Cancel() { r.Stop(record.Cancelled, engine.ErrCancelled, nil) }

// Pause implements execution.Execution.
func (r *run) Pause() { r.controls.do(control{op: ledger.Pause{}}) }

// Resume implements execution.Execution.
func (r *run) Resume() { r.controls.do(control{op: ledger.Resume{}}) }

// Stop implements state.Run.
func (r *run) Stop(status record.Status, cause error, first *record.ErrorRecord) {
	op := ledger.Stop{Status: status}
	switch cause {
	case engine.ErrCancelled:
		op.Reason = record.CancelRequested
	case engine.ErrDeadline:
		op.Reason = record.RunDeadline
	}
	r.controls.do(control{op: op, cause: cause, record: encodeRecord(first)})
}
