package worker

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// job is this worker's part in one run. It implements execution.Execution: it adds what the state of the run cannot
// know.
type job struct {
	execution.Execution // run, like values; set by start, like run, numbers, base and shared
	pool                *Pool
	info                record.RunInfo
	options             engine.RunOptions
	graph               *dag.Graph
	needs               []functionNeed // of each function, nil where none needs anything
	run                 state.Run
	values              dag.Values // converted once instead of for every task
	numbers             *dag.Numbering
	base                time.Time                    // the zero of the run's clock, on the clock of this process
	deadline            *time.Timer                  // nil if the store watches the deadline; owned by Pool.watch
	lanes               []state.Lane                 // of the first slots, one for each processor; see place
	more                atomic.Pointer[[]state.Lane] // of the other slots, nil until one of them takes part
	ending              atomic.Pointer[error]        // the cause for attempts once the run is stopping
	fence               atomic.Pointer[error]        // the cause for attempts claimed before it was set; see state.Hooks
	own                 ownRecord
	shared              sharedRun
	preparing           *preparing  // nil unless it needs a preparation; set by prepare, before watch starts
	isOpen              atomic.Bool // lanes may claim its tasks
}

// sharedRun is the part of a job that exists only for shared runs; for others its interfaces are nil.
type sharedRun struct {
	member  state.Member
	fetcher state.Fetcher
	backlog state.Backlogged
	entered bool          // Enter was called; set by open, before the preparation returns
	leaving chan struct{} // closed by Pool.stopAll when the run is to be left to the other processes
}

func newJob(p *Pool, ej execution.Job) *job {
	return &job{
		pool: p, info: ej.Info, options: ej.Options, graph: ej.Graph, needs: p.resources.needs(ej.Graph),
		lanes: make([]state.Lane, p.cfg.Width), shared: sharedRun{leaving: make(chan struct{})},
	}
}

// hooks are what the store calls when something changes.
func (j *job) hooks() state.Hooks {
	return state.Hooks{Ready: j.pool.lanes.ready, Stopping: j.stopping, Fenced: j.fenced, Room: j.room}
}

// start is called before any lane can see the job.
func (j *job) start(run state.Run, warm bool) {
	j.Execution, j.run, j.values, j.numbers = run, run, run, run.Numbering()
	now := run.Now()
	j.base = time.Now().Add(-time.Duration(now))
	self := record.WorkerRecord{
		Name: j.pool.cfg.Name, Host: j.pool.host, PID: j.pool.pid, Width: j.pool.cfg.Width, Warm: warm, Started: now,
	}
	if !warm {
		self.Startup = j.pool.cfg.Startup
	}
	j.own.begin(self)
	if member, ok := run.(state.Member); ok {
		j.shared.member = member
		j.shared.fetcher, _ = run.(state.Fetcher)
		j.shared.backlog, _ = run.(state.Backlogged)
		return
	}
	j.own.announce()
	run.Note(record.Step{Kind: record.WorkerStarted, Started: now})
	j.deadline = time.NewTimer(j.options.Deadline)
}

// preparing is the part of a job that exists while it is prepared.
type preparing struct {
	cancel   context.CancelFunc
	returned chan struct{} // closed when the Preparation has returned and the job is open, or will not be
}

// prepare begins the preparation, and opens the job at once if it needs none.
func (j *job) prepare() {
	p := j.pool
	var need Preparation
	if p.cfg.Prepare != nil && !p.cfg.Idle {
		need = p.cfg.Prepare(execution.Job{Info: j.info, Graph: j.graph, Options: j.options})
	}
	if need == nil {
		j.open()
		return
	}
	ctx, cancel := context.WithCancel(context.Background()) // ended by watch, when the run has ended or is left
	j.preparing = &preparing{cancel: cancel, returned: make(chan struct{})}
	go func() {
		defer close(j.preparing.returned)
		err := need(ctx, func(r record.Preparation) { j.own.prepare(r, j.run.Now()) })
		switch {
		case ctx.Err() != nil:
		case err != nil:
			j.unprepared(err)
		default:
			j.open()
		}
	}()
}

// open lets the lanes claim tasks.
func (j *job) open() {
	p := j.pool
	if j.shared.member != nil && !p.cfg.Idle {
		j.shared.member.Enter(j.own.now)
		j.shared.entered = true
	}
	j.isOpen.Store(true)
	p.lanes.ready(j.run.Ready())
	select {
	case p.added <- struct{}{}:
	default:
	}
}

// unprepared fails a run that could not be prepared here.
func (j *job) unprepared(err error) {
	j.run.Stop(record.Failed, err, &record.ErrorRecord{
		Kind: record.EnvironmentError, Node: dag.NoNode, Message: clip(strings.TrimPrefix(err.Error(), string(record.EnvironmentError)+": ")), Worker: j.pool.cfg.Name, Host: j.pool.host,
		Time: time.Now(),
	})
}

// stop ends the preparation, if there is one, and waits until it has returned.
func (p *preparing) stop() {
	if p == nil {
		return
	}
	p.cancel()
	<-p.returned
}

// expired is the channel of the deadline's timer, nil without one.
func (j *job) expired() <-chan time.Time {
	if j.deadline == nil {
		return nil
	}
	return j.deadline.C
}

// expire fails the run at its deadline.
func (j *job) expire() {
	j.run.Stop(record.Failed, engine.ErrDeadline, &record.ErrorRecord{
		Kind: record.DeadlineError, Node: dag.NoNode, Worker: j.pool.cfg.Name, Time: time.Now(),
		Message: "the run did not end within its deadline of " + j.options.Deadline.String(),
	})
}

// leaveWithin is how long leave may take to store the outputs that other processes need.
const leaveWithin = 10 * time.Second

// leave releases this worker's claims and outputs of a shared run, and stores its completed record. Only then does it
// cancel the attempts that still execute, so that they are not recorded as cancelled.
func (j *job) leave() {
	if j.shared.member == nil {
		return
	}
	if !j.shared.entered { // this worker took no part, so it only stops watching the run
		select {
		case <-j.run.Done(): // an ended run is kept for queries
		default:
			j.run.Forget()
		}
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), leaveWithin)
	defer stop()
	_ = j.shared.member.Leave(ctx, j.own.complete()) // if it fails, the claims and outputs are released when the lease expires
	j.stopping(engine.ErrClosed)
}

// stopping is state.Hooks.Stopping; it must return at once.
func (j *job) stopping(cause error) {
	j.ending.Store(&cause)
	j.pool.lanes.cancel(j, cause)
}

// fenced is state.Hooks.Fenced: the claims of executing attempts no longer belong to this worker.
func (j *job) fenced(cause error) {
	j.fence.Store(&cause)
	j.pool.lanes.cancel(j, cause)
}

// cutCause returns why a body must not be called, nil if it may be; claimed is the fence at the time of its claim. The
// hooks first set the fields that are read here, and then read the lane's latest attempt, so either the lane or a hook
// sees the other's change.
func (j *job) cutCause(claimed *error) error {
	if ending := j.ending.Load(); ending != nil {
		return *ending
	}
	if fence := j.fence.Load(); fence != claimed {
		return *fence
	}
	return nil
}

// lane returns the store's lane of a slot, which it creates when the slot first takes part in the run.
func (j *job) lane(slot int) state.Lane {
	place := j.place(slot)
	if *place != nil {
		return *place
	}
	*place = j.run.Lane(slot)
	j.own.sawSlot(slot)
	return *place
}

// place returns where the lane of a slot is kept; only that slot's goroutine writes it. Space for slots beyond the
// first is allocated once one of them takes part: there may be a thousand slots, which is 16 KB, too much for a short
// run.
func (j *job) place(slot int) *state.Lane {
	if slot < len(j.lanes) {
		return &j.lanes[slot]
	}
	more := j.more.Load()
	if more == nil {
		made := make([]state.Lane, j.pool.cfg.MaxSlots-len(j.lanes))
		if !j.more.CompareAndSwap(nil, &made) {
			return j.place(slot)
		}
		more = &made
	}
	return &(*more)[slot-len(j.lanes)]
}

// TakeDetails implements execution.Execution. If other processes share the run, the store has the records of all
// workers.
func (j *job) TakeDetails() ([]record.Detail, []record.WorkerRecord) {
	if j.shared.member != nil {
		return j.run.TakeDetails()
	}
	select {
	case <-j.run.Done():
		j.own.finish(j.run.Now())
	default:
	}
	details, _ := j.run.TakeDetails()
	return details, j.own.take()
}
