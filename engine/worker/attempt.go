package worker

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine"
)

// Phases of an attempt: who may write its end. Exactly one of the lane and the monitor closes it.
const (
	open       uint32 = iota
	announcing        // the monitor is writing the attempt's AttemptStarted step
	announced
	closed    // the lane writes the end
	abandoned // the monitor has given the body up
)

// attempt is the context of one call of a body. It is allocated in slabs and never reused, since a body may keep its
// context; channels, causes and task descriptions are made when asked for.
type attempt struct {
	job       *job
	function  *engine.Function
	node      engine.NodeID
	epoch     uint16
	number    uint16
	claimed   int64
	started   int64
	phase     atomic.Uint32
	cancelled atomic.Int64 // when it was cancelled, in ns since the run's start; 0 before
	done      atomic.Pointer[chan struct{}]
	cause     atomic.Pointer[error]
	extra     atomic.Pointer[extra]
}

// extra is what only some bodies ask for.
type extra struct {
	info engine.TaskInfo
	tail tail
}

// Deadline implements context.Context.
func (a *attempt) Deadline() (time.Time, bool) {
	timeout := a.function.Options().Timeout
	if timeout <= 0 {
		return time.Time{}, false
	}
	return a.job.info.StartedAt.Add(time.Duration(a.started) + timeout), true
}

// Done implements context.Context.
func (a *attempt) Done() <-chan struct{} {
	if c := a.done.Load(); c != nil {
		return *c
	}
	c := make(chan struct{})
	if !a.done.CompareAndSwap(nil, &c) {
		return *a.done.Load()
	}
	if a.cause.Load() != nil { // cancelled before anybody could be told
		a.closeDone()
	}
	return c
}

// Err implements context.Context.
func (a *attempt) Err() error {
	cause := a.cause.Load()
	switch {
	case cause == nil:
		return nil
	case *cause == engine.ErrTimeout || *cause == engine.ErrDeadline:
		return context.DeadlineExceeded
	default:
		return context.Canceled
	}
}

// Value implements context.Context.
func (a *attempt) Value(key any) any {
	if key != (engine.TaskKey{}) {
		return nil
	}
	if x := a.extra.Load(); x != nil {
		return &x.info
	}
	numbers := a.job.numbers
	x := &extra{info: engine.TaskInfo{
		Run: a.job.info.ID, Task: numbers.Identity(numbers.Locate(a.node)), Node: a.node, Epoch: int(a.epoch), Attempt: int(a.number),
	}}
	x.info.Log = slog.New(slog.NewTextHandler(&x.tail, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if !a.extra.CompareAndSwap(nil, x) {
		x = a.extra.Load()
	}
	return &x.info
}

// cancel tells the body to stop, for the first cause given.
func (a *attempt) cancel(cause error, now int64) {
	if !a.cause.CompareAndSwap(nil, &cause) {
		return
	}
	a.cancelled.Store(max(now, 1))
	if a.done.Load() != nil {
		a.closeDone()
	}
}

// closing serialises the few who close an attempt's channel; it is held for nanoseconds.
var closing sync.Mutex

func (a *attempt) closeDone() {
	closing.Lock()
	defer closing.Unlock()
	c := *a.done.Load()
	select {
	case <-c:
	default:
		close(c)
	}
}

// close claims the end for the lane; false when the attempt was abandoned meanwhile.
func (a *attempt) close() (wasAnnounced, ok bool) {
	if a.phase.CompareAndSwap(open, closed) {
		return false, true
	}
	for {
		switch a.phase.Load() {
		case announced:
			if a.phase.CompareAndSwap(announced, closed) {
				return true, true
			}
		case abandoned:
			return false, false
		default:
			runtime.Gosched()
		}
	}
}

// release tells goroutines that the body left behind that its context is over.
func (a *attempt) release() {
	if a.done.Load() != nil {
		a.cancel(context.Canceled, 1)
	}
}

func (a *attempt) log() []byte {
	if x := a.extra.Load(); x != nil {
		return x.tail.bytes()
	}
	return nil
}

// tail keeps the last engine.MaxEvidence bytes that were written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if len(t.buf) > 2*engine.MaxEvidence {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-engine.MaxEvidence:]...)
	}
	return len(p), nil
}

func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]byte(nil), t.buf[max(0, len(t.buf)-engine.MaxEvidence):]...)
}
