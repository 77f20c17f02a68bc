package worker

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
)

// job is this worker's part in one run. It implements execution.Execution: it adds what the run's state cannot know.
type job struct {
	execution.Execution
	pool     *Pool
	info     record.RunInfo
	options  engine.RunOptions
	graph    *dag.Graph
	run      state.Run
	values   dag.Values // run, converted once instead of for every task
	numbers  *dag.Numbering
	lanes    []state.Lane                 // of the first slots, one for each processor; see place
	more     atomic.Pointer[[]state.Lane] // of the other slots, nil until one of them takes part
	deadline *time.Timer                  // nil where the store keeps the deadline
	ending   atomic.Pointer[error]        // the cause for attempts once the run is stopping
	fence    atomic.Pointer[error]        // the cause for attempts claimed before it was set; see state.Hooks
	slots    atomic.Int32                 // the most lanes that took part
	finished sync.Once                    // finish
	base     time.Time                    // the zero of the run's clock, by the clock of this process

	// Where other processes share the run; else nil.
	member  state.Member
	fetcher state.Fetcher
	backlog state.Backlogged
	leaving chan struct{} // closed when the run is to be left to them

	mu      sync.Mutex
	records []record.WorkerRecord
	self    record.WorkerRecord
	usage   usage
}

func newJob(p *Pool, ej execution.Job) *job {
	return &job{
		pool: p, info: ej.Info, options: ej.Options, graph: ej.Graph,
		lanes: make([]state.Lane, p.cfg.Width), leaving: make(chan struct{}),
	}
}

// hooks are what the store calls when something changes.
func (j *job) hooks() state.Hooks {
	return state.Hooks{Ready: j.pool.lanes.ready, Stopping: j.stopping, Fenced: j.fenced}
}

// start is called before any lane can see the job.
func (j *job) start(run state.Run, warm bool) {
	j.Execution, j.run, j.numbers, j.usage = run, run, run.Numbering(), readUsage()
	j.values = run
	now := run.Now()
	j.base = time.Now().Add(-time.Duration(now))
	j.self = record.WorkerRecord{
		Name: j.pool.cfg.Name, Host: j.pool.host, PID: j.pool.pid, Width: j.pool.cfg.Width, Warm: warm, Started: now,
	}
	if !warm {
		j.self.Startup = j.pool.cfg.Startup
	}
	if member, ok := run.(state.Member); ok {
		j.member = member
		j.fetcher, _ = run.(state.Fetcher)
		j.backlog, _ = run.(state.Backlogged)
		if !j.pool.cfg.Idle {
			member.Enter(j.record)
		}
		return
	}
	j.records = append(j.records, j.self)
	run.Note(record.Step{Kind: record.WorkerStarted, Started: j.self.Started})
	j.deadline = time.AfterFunc(j.options.Deadline, func() {
		run.Stop(record.Failed, engine.ErrDeadline, &record.ErrorRecord{
			Kind: record.DeadlineError, Node: dag.NoNode, Worker: j.pool.cfg.Name, Time: time.Now(),
			Message: "the run did not end within its deadline of " + j.options.Deadline.String(),
		})
	})
}

// record describes the worker as it is now.
func (j *job) record() record.WorkerRecord {
	now := readUsage()
	j.mu.Lock()
	defer j.mu.Unlock()
	w := j.self
	w.Slots, w.CPU, w.MemoryBytes = int(j.slots.Load()), now.cpu-j.usage.cpu, now.memoryBytes
	return w
}

// finish completes the worker's record, once the run has ended or is left.
func (j *job) finish() {
	last := j.record()
	last.Ended = j.run.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.self = last
	j.records = append(j.records, last)
}

// leaveWithin bounds how long leave may take to store the outputs that other processes need.
const leaveWithin = 10 * time.Second

// leave releases what this worker holds of a shared run, and hands over its completed record. Only then does it cancel
// what it still executes, so that these attempts are not recorded as cancelled.
func (j *job) leave() {
	if j.member == nil {
		return
	}
	if j.pool.cfg.Idle { // it took no part, and stops watching the run
		select {
		case <-j.run.Done(): // an ended run is kept for queries
		default:
			j.run.Forget()
		}
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), leaveWithin)
	defer stop()
	_ = j.member.Leave(ctx, j.self) // if it fails, what was held is released when the lease expires
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
// hooks read a lane's latest attempt after they have set what is read here, so either the lane or a hook sees the other's
// change.
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
	for n := j.slots.Load(); int(n) <= slot && !j.slots.CompareAndSwap(n, int32(slot+1)); n = j.slots.Load() {
	}
	return *place
}

// place returns where the lane of a slot is kept; only that slot's goroutine writes it. Space for slots beyond the first
// is allocated once one of them takes part: there may be a thousand, or 16 KB, which a short run should not take.
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

// TakeDetails implements execution.Execution. Where other processes share the run, the store has the records of all workers.
func (j *job) TakeDetails() ([]record.Detail, []record.WorkerRecord) {
	if j.member != nil {
		return j.run.TakeDetails()
	}
	select {
	case <-j.run.Done():
		j.finished.Do(j.finish)
	default:
	}
	details, _ := j.run.TakeDetails()
	j.mu.Lock()
	defer j.mu.Unlock()
	records := j.records
	j.records = nil
	return details, records
}
