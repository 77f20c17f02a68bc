package worker

import (
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
	lanes    []state.Lane // by slot; each touched by its own lane only
	deadline *time.Timer
	ending   atomic.Pointer[error] // what the contexts of attempts report once the run is stopping
	slots    atomic.Int32          // the most lanes that took part
	finished sync.Once             // finish

	mu      sync.Mutex
	records []engine.WorkerRecord
	self    engine.WorkerRecord
	usage   usage
}

func newJob(p *Pool, ej engine.Job) *job {
	return &job{pool: p, info: ej.Info, options: ej.Options, graph: ej.Graph, lanes: make([]state.Lane, p.cfg.MaxSlots)}
}

// start is called before any lane can see the job.
func (j *job) start(run state.Run, warm bool) {
	j.Execution, j.run, j.numbers, j.usage = run, run, run.Numbering(), readUsage()
	j.values = run
	j.self = engine.WorkerRecord{
		Name: j.pool.cfg.Name, Host: j.pool.host, PID: j.pool.pid, Width: j.pool.cfg.Width, Warm: warm, Started: run.Now(),
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

// finish completes the worker's record. It is called once the run has ended, by whoever notices first.
func (j *job) finish() {
	now := readUsage()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.self.Ended, j.self.Slots = j.run.Now(), int(j.slots.Load())
	j.self.CPU, j.self.MemoryBytes = now.cpu-j.usage.cpu, now.memoryBytes
	j.records = append(j.records, j.self)
}

// stopping is the store's hook: it must return at once.
func (j *job) stopping(cause error) {
	j.ending.Store(&cause)
	j.pool.crew.cancel(j, cause)
}

// lane is how a slot takes part in the run.
func (j *job) lane(slot int) state.Lane {
	if l := j.lanes[slot]; l != nil {
		return l
	}
	j.lanes[slot] = j.run.Lane(slot)
	for n := j.slots.Load(); int(n) <= slot && !j.slots.CompareAndSwap(n, int32(slot+1)); n = j.slots.Load() {
	}
	return j.lanes[slot]
}

// TakeDetails implements engine.Execution.
func (j *job) TakeDetails() ([]engine.Detail, []engine.WorkerRecord) {
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
