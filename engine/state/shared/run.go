package shared

import (
	"context"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// run is one run as this process knows it. It implements state.Run, state.Member, state.Fetcher and state.Backlogged, by
// parts over one core: in its goroutine watcher, committer and concluder take turns; controls, reaper, fetcher and
// uploader are called by others. All goroutines that they start end with the run, or with Leave or Forget. Its fields do
// not change after start.
type run struct {
	*core
	watcher   *watcher
	committer *committer
	concluder *concluder
	controls  *controls
	reaper    *reaper
	fetcher   *fetcher
	uploader  *uploader
	details   *detailReader
	tail      *tail
	storedEnd []byte // the end, if it was stored before this process came to know of the run
	number    int    // in the order in which runs became known

	tasks   group              // goroutines that end with the run
	cancel  context.CancelFunc // ends all goroutines of the run
	enter   context.CancelFunc // ends watching, because this process takes part
	done    chan struct{}      // closed when the end is known here
	stopped chan struct{}      // closed when no goroutine of the run is left
}

var (
	_ state.Run        = (*run)(nil)
	_ state.Member     = (*run)(nil)
	_ state.Fetcher    = (*run)(nil)
	_ state.Backlogged = (*run)(nil)
)

// newRun makes the parts of a run; Store.startRun starts its goroutine.
func newRun(s *Store, job execution.Job, kept Stored, hooks state.Hooks) *run {
	f := newFacts(&s.cfg, job, kept, hooks)
	c := newCore(f, s.requestWork)
	r := &run{
		core: c, storedEnd: kept.End, tail: newTail(f.backend, job, kept.Revision), fetcher: newFetcher(c, s.moves),
		uploader: &uploader{core: c, moves: s.moves, held: &s.held}, controls: &controls{core: c},
		done: make(chan struct{}), stopped: make(chan struct{}),
	}
	r.reaper = &reaper{core: c, controls: r.controls}
	r.watcher = &watcher{core: c, tail: r.tail}
	r.committer = &committer{core: c, fetcher: r.fetcher, uploader: r.uploader, controls: r.controls, leave: make(chan leaving)}
	r.concluder = &concluder{core: c, tail: r.tail, fetcher: r.fetcher, controls: r.controls}
	r.details = newDetailReader(f, r.tail, r.done)
	return r
}

// prepare gives the parts the lifetime of the run, which ends with cancel, Leave or Forget, and while this process only
// watches with ctx. The run is to be followed next.
func (r *run) prepare(ctx context.Context) (follow func()) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	watching, enter := context.WithCancel(life)
	r.cancel, r.enter = cancel, enter
	r.controls.life = life.Done()
	r.spawn = func(f func(context.Context)) bool { return r.tasks.run(func() { f(life) }) }
	return func() {
		defer context.AfterFunc(ctx, r.endWatch)()
		r.follow(life, watching)
		r.cancel()
		r.tasks.close()
		r.controls.close()
		r.uploader.dropOutputs()
	}
}

// endWatch ends the run here, unless this process takes part.
func (r *run) endWatch() {
	if !r.hasEntered() {
		r.cancel()
	}
}

// follow follows the run until it is over, this process leaves it, or ctx ends; until Enter, which ends watching, it only
// watches.
func (r *run) follow(ctx, watching context.Context) {
	if r.storedEnd != nil {
		r.concluder.setStoredEnd(r.storedEnd)
		close(r.done)
		return
	}
	over := r.watcher.run(watching)
	if !over && r.hasEntered() {
		over = r.committer.run(ctx)
	}
	if over && r.concluder.run(ctx) {
		close(r.done)
	}
}

// Enter implements state.Member.
func (r *run) Enter(self func() record.WorkerRecord) {
	record := self()
	r.name.Store(&record.Name)
	r.lock()
	r.self, r.record = self, record
	r.state.Enter(record.Width)
	r.unlockAndNotify()
	r.enter()
}

// MoreRoom implements state.Member.
func (r *run) MoreRoom() {
	r.lock()
	defer r.unlockAndNotify()
	r.appetite.changed()
}

// Drain implements state.Member.
func (r *run) Drain() {
	r.lock()
	defer r.unlockAndNotify()
	r.state.Drain()
}

// Leave implements state.Member.
func (r *run) Leave(ctx context.Context, self record.WorkerRecord) error {
	defer r.Forget()
	answer := make(chan error, 1)
	select {
	case r.committer.leave <- leaving{ctx, self, answer}:
		return <-answer
	case <-r.stopped:
		return r.committer.handOverRecord(ctx, self)
	case <-ctx.Done():
		r.cancel()
		<-r.stopped
		r.markLeft()
		return ctx.Err()
	}
}

// Forget implements execution.Execution. The store keeps the run.
func (r *run) Forget() { r.cancel() }

// Note implements state.Run.
func (r *run) Note(s record.Step) {
	if r.job.Options.Unlogged {
		return
	}
	r.lock()
	defer r.unlockAndNotify()
	if !r.state.HasLeft() && r.self != nil && !r.state.IsFinal() {
		r.state.Note(s)
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

// Fetch implements state.Fetcher.
func (r *run) Fetch(ctx context.Context, c state.Claim) (dag.Values, []record.InputDetail, error) {
	return r.fetcher.fetchInputs(ctx, c)
}

// Errors implements state.Fetcher.
func (r *run) Errors(id dag.NodeID) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Errors(id)
}

// Stop implements state.Run.
func (r *run) Stop(status record.Status, cause error, first *record.ErrorRecord) {
	r.controls.stop(status, cause, first)
}

// Cancel implements execution.Execution.
func (r *run) Cancel() { r.controls.stop(record.Cancelled, engine.ErrCancelled, nil) }

// Pause implements execution.Execution.
func (r *run) Pause() { r.controls.pause() }

// Resume implements execution.Execution.
func (r *run) Resume() { r.controls.resume() }

// Steps implements execution.Execution.
func (r *run) Steps(ctx context.Context, after uint64) ([]record.Step, error) {
	return r.tail.steps(ctx, after)
}

// TakeDetails implements execution.Execution.
func (r *run) TakeDetails() ([]record.Detail, []record.WorkerRecord) { return r.details.take() }

// Progress implements execution.Execution.
func (r *run) Progress() execution.Progress {
	p := r.watcher.progress()
	if outcome := r.concluder.status(); outcome != "" {
		p.Status, p.Running = outcome, 0
	}
	return p
}

// Done implements execution.Execution.
func (r *run) Done() <-chan struct{} { return r.done }

// End implements execution.Execution.
func (r *run) End() (record.RunEnd, any) { return r.concluder.get() }

// hasStopped reports whether all goroutines of the run have ended.
func (r *run) hasStopped() bool {
	select {
	case <-r.stopped:
		return true
	default:
		return false
	}
}
