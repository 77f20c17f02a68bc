package worker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state"
)

// job is one run as this worker takes part in it. It implements engine.Execution: what the run's state cannot know,
// the job adds.
type job struct {
	engine.Execution
	pool     *Pool
	info     engine.RunInfo
	options  engine.RunOptions
	graph    *engine.Graph
	run      state.Run
	values   engine.Values // run, converted once instead of for every task
	numbers  *engine.Numbering
	lanes    []state.Lane                 // of the first slots, as many as the pool has processors to keep busy; see place
	more     atomic.Pointer[[]state.Lane] // of the others, nil until one of them takes part
	deadline *time.Timer                  // nil where the store keeps it
	ending   atomic.Pointer[error]        // what the contexts of attempts report once the run is stopping
	fence    atomic.Pointer[error]        // what those report that were claimed before it was set; see state.Hooks
	slots    atomic.Int32                 // the most lanes that took part
	finished sync.Once                    // finish
	base     time.Time                    // the moment that the run's clock counts from, by the clock of this process

	// Where other processes share the run; else nil.
	member  state.Member
	fetcher state.Fetcher
	backlog state.Backlogged
	leaving chan struct{} // closed when the run is to be left to them

	mu      sync.Mutex
	records []engine.WorkerRecord
	self    engine.WorkerRecord
	usage   usage
}

func newJob(p *Pool, ej engine.Job) *job {
	return &job{
		pool: p, info: ej.Info, options: ej.Options, graph: ej.Graph,
		lanes: make([]state.Lane, p.cfg.Width), leaving: make(chan struct{}),
	}
}

// hooks are how the store reaches this worker.
func (j *job) hooks() state.Hooks {
	return state.Hooks{Ready: j.pool.crew.ready, Stopping: j.stopping, Fenced: j.fenced}
}

// start is called before any lane can see the job.
func (j *job) start(run state.Run, warm bool) {
	j.Execution, j.run, j.numbers, j.usage = run, run, run.Numbering(), readUsage()
	j.values = run
	now := run.Now()
	j.base = time.Now().Add(-time.Duration(now))
	j.self = engine.WorkerRecord{
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
	run.Note(engine.Step{Kind: engine.WorkerStarted, Started: j.self.Started})
	j.deadline = time.AfterFunc(j.options.Deadline, func() {
		run.Stop(engine.Failed, engine.ErrDeadline, &engine.ErrorRecord{
			Kind: engine.DeadlineError, Node: engine.NoNode, Worker: j.pool.cfg.Name, Time: time.Now(),
			Message: "the run did not end within its deadline of " + j.options.Deadline.String(),
		})
	})
}

// record describes the worker as it is now.
func (j *job) record() engine.WorkerRecord {
	now := readUsage()
	j.mu.Lock()
	defer j.mu.Unlock()
	w := j.self
	w.Slots, w.CPU, w.MemoryBytes = int(j.slots.Load()), now.cpu-j.usage.cpu, now.memoryBytes
	return w
}

// finish completes the worker's record. It is called once the run has ended, by whoever notices first, or is left.
func (j *job) finish() {
	last := j.record()
	last.Ended = j.run.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.self = last
	j.records = append(j.records, last)
}

// leaveWithin bounds how long outputs that others need may take to be stored.
const leaveWithin = 10 * time.Second

// leave gives what this worker has of a run back to those who share it, and hands over its record, which is complete.
// What it still executes is cut off behind that, so that nobody takes it for cancelled.
func (j *job) leave() {
	if j.member == nil {
		return
	}
	if j.pool.cfg.Idle { // it took no part; what it only watches, nobody watches any more
		select {
		case <-j.run.Done(): // what has ended is kept for those who ask
		default:
			j.run.Forget()
		}
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), leaveWithin)
	defer stop()
	_ = j.member.Leave(ctx, j.self) // where it fails, the others have what was held once its lease has run out
	j.stopping(engine.ErrClosed)
}

// stopping is the store's hook: it must return at once.
func (j *job) stopping(cause error) {
	j.ending.Store(&cause)
	j.pool.crew.cancel(j, cause)
}

// fenced is the store's hook: what runs here is not this worker's any more.
func (j *job) fenced(cause error) {
	j.fence.Store(&cause)
	j.pool.crew.cancel(j, cause)
}

// cut tells why a body is not to be called any more whose claim came behind the given fence, nil where it is. The
// hooks look at a lane's latest attempt after they have set what is read here, so one side sees the other.
func (j *job) cut(behind *error) error {
	if ending := j.ending.Load(); ending != nil {
		return *ending
	}
	if fence := j.fence.Load(); fence != behind {
		return *fence
	}
	return nil
}

// lane is how a slot takes part in the run.
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

// place is where the lane of a slot is kept, which only that slot's goroutine writes. Those behind the first are made
// room for once one of them takes part: there may be a thousand, 16 KB that a short run should not take.
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

// TakeDetails implements engine.Execution. Where others share the run, the store has the records of all.
func (j *job) TakeDetails() ([]engine.Detail, []engine.WorkerRecord) {
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
