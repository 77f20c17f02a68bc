package worker

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
)

// Phases of an attempt: they decide who may write its end. Exactly one of the lane and the monitor closes it.
const (
	open       uint32 = iota
	announcing        // the monitor is writing the attempt's AttemptStarted step
	announced
	closed    // the lane writes the end
	abandoned // the monitor has abandoned the body
)

// attempt is the context of one call of a body. It is allocated in slabs and never reused, since a body may keep its
// context; it is small, and rarely used parts are allocated on demand. All fields except rare and phase are set by the
// lane before it stores the attempt in lane.latest.
type attempt struct {
	job     *job
	node    dag.NodeID
	epoch   uint16
	number  uint16
	claimed int64
	started int64
	rare    atomic.Pointer[rare]
	phase   atomic.Uint32
	fetches bool // it fetches inputs instead of calling a body; see lane.fetch
}

// rare is the part of an attempt that is allocated when Done or Value is first called, or the attempt is cancelled. mu
// guards all fields except tail.
type rare struct {
	mu        sync.Mutex
	done      chan struct{} // nil until Done is called
	after     []*func()     // to be called when it is cancelled
	cause     error         // why it was cancelled, nil before
	carrier   any           // has the cause for context.Cause; nil until context.Cause asks for it
	cancelled int64         // when, in ns since the run's start
	info      *execution.TaskInfo
	tail      tail // has a mutex of its own
}

// more returns the rare part, and allocates it if necessary.
func (a *attempt) more() *rare {
	if r := a.rare.Load(); r != nil {
		return r
	}
	a.rare.CompareAndSwap(nil, new(rare))
	return a.rare.Load()
}

func (a *attempt) place() dag.Place { return a.job.numbers.Locate(a.node) }

// errors is how many earlier attempts have failed, not counting lost ones.
func (a *attempt) errors() int {
	if a.job.shared.fetcher != nil {
		return a.job.shared.fetcher.Errors(a.node)
	}
	return int(a.number) - 1
}

// timeout is how long the body may take, 0 for any time.
func (a *attempt) timeout() time.Duration {
	if a.fetches {
		return 0
	}
	return a.job.numbers.Function(a.place()).Options().Timeout
}

// Deadline implements context.Context.
func (a *attempt) Deadline() (time.Time, bool) {
	timeout := a.timeout()
	if timeout <= 0 {
		return time.Time{}, false
	}
	return a.job.base.Add(time.Duration(a.started) + timeout), true
}

// Done implements context.Context.
func (a *attempt) Done() <-chan struct{} {
	r := a.more()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done == nil {
		r.done = make(chan struct{})
		if r.cause != nil {
			close(r.done)
		}
	}
	return r.done
}

// AfterFunc calls f in a goroutine of its own once the attempt is cancelled, unless stop was called before and returned
// true. Package context looks for this method: without it, each context that is derived from an attempt takes a goroutine.
func (a *attempt) AfterFunc(f func()) (stop func() bool) {
	r := a.more()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cause != nil {
		go f()
		return func() bool { return false }
	}
	call := &f
	r.after = append(r.after, call)
	return func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		i := slices.Index(r.after, call)
		if i < 0 {
			return false
		}
		r.after = slices.Delete(r.after, i, i+1)
		return true
	}
}

// Err implements context.Context.
func (a *attempt) Err() error {
	_, cause := a.cause()
	switch {
	case cause == nil:
		return nil
	case cause == engine.ErrTimeout || cause == engine.ErrDeadline:
		return context.DeadlineExceeded
	default:
		return context.Canceled
	}
}

// Value implements context.Context.
func (a *attempt) Value(key any) any {
	if key == causeKey && causeKey != nil {
		return a.carrier()
	}
	if key != (execution.TaskKey{}) {
		return nil
	}
	r := a.more()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.info == nil {
		r.info = &execution.TaskInfo{
			Run: a.job.info.ID, Task: a.job.numbers.Identity(a.place()), Node: a.node,
			Epoch: int(a.epoch), Attempt: int(a.number),
			Log:    slog.New(slog.NewTextHandler(&r.tail, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Output: &r.tail,
		}
	}
	return r.info
}

// causeKey is the key that context.Cause passes to a context's Value: an unexported variable of package context, with
// which it finds the contexts that it made itself; it knows the causes of no others. If this ever changes,
// context.Cause returns what Err returns.
var causeKey = func() any {
	var asked askedContext
	_ = context.Cause(&asked)
	return asked.key
}()

// askedContext records the key that Value is called with.
type askedContext struct {
	context.Context
	key any
}

// Err returns an error, since context.Cause only asks for the cause of a context that has ended.
func (a *askedContext) Err() error { return context.Canceled }

// Value implements context.Context.
func (a *askedContext) Value(key any) any {
	a.key = key
	return nil
}

// carrier returns a context of package context that has the attempt's cause, nil if it has none yet. It is never a
// parent of another context, since its channel differs from that of Done.
func (a *attempt) carrier() any {
	r := a.rare.Load()
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.carrier == nil && r.cause != nil {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(r.cause)
		r.carrier = ctx.Value(causeKey)
	}
	return r.carrier
}

// cause returns when and why the attempt was cancelled; nil if it was not.
func (a *attempt) cause() (at int64, why error) {
	r := a.rare.Load()
	if r == nil {
		return 0, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cancelled, r.cause
}

// cancel ends the context. Only the first call counts.
func (a *attempt) cancel(cause error, now int64) {
	r := a.more()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cause != nil {
		return
	}
	r.cause, r.cancelled = cause, now
	if r.done != nil {
		close(r.done)
	}
	for _, f := range r.after {
		go (*f)()
	}
	r.after = nil
}

// close claims the right to write the end for the lane; ok is false when the attempt has been abandoned.
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

// release ends the context after the body has returned, for goroutines that the body has started.
func (a *attempt) release() {
	if a.rare.Load() != nil {
		a.cancel(context.Canceled, a.started)
	}
}

// log returns the end of what the body has logged, nil for nothing.
func (a *attempt) log() []byte {
	if r := a.rare.Load(); r != nil {
		return r.tail.bytes()
	}
	return nil
}

// used returns what the body reported that it used, nil for nothing.
func (a *attempt) used() *record.Usage {
	r := a.rare.Load()
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.info == nil {
		return nil
	}
	return r.info.Used()
}
