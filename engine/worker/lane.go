package worker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

const (
	// slabLen is how many attempts share an allocation.
	slabLen = 32
	// spins is how often an idle lane checks for work before it parks.
	spins = 32
)

// lane is one slot: a goroutine that claims, executes and completes tasks. That goroutine owns all fields whose comment
// says nothing else.
type lane struct {
	pool   *Pool                   // never changed, like slot
	slot   int                     // index in laneGroup.lanes
	wake   chan struct{}           // capacity 1: laneGroup sends while the lane is parked, the lane receives
	latest atomic.Pointer[attempt] // the attempt begun last; stored by the lane, see executing
	turn   int                     // index of the job where the last search for work ended
	fence  *error                  // job.fence before the latest claim; see job.cutCause
	args   []any                   // reused for each call
	slab   []attempt               // not yet used
	end    [1]state.End            // reused for each completion
	leaked bool                    // its body was abandoned; guarded by laneGroup.mu
	_      [64]byte                // keeps lanes on different cache lines
}

// How bodies that do not return are reported.
var (
	errExit    = errors.New("the body called runtime.Goexit")
	errIgnored = errors.New("the body ignored that its context was cancelled; its slot is lost until it returns")
)

// run works until the group is stopped, or until the lane's body was abandoned and another lane works instead.
func (l *lane) run() {
	idle := 0
	for {
		if !l.pool.lanes.allows(l.slot) {
			if !l.pool.lanes.park(l) {
				return
			}
			continue
		}
		j, claim, ok := l.claim()
		if ok {
			idle = 0
			if !l.work(j, claim) {
				return
			}
			continue
		}
		if idle++; idle < spins {
			runtime.Gosched()
			continue
		}
		idle = 0
		if !l.pool.lanes.park(l) {
			return
		}
	}
}

// executing returns the attempt that is being executed, nil for none. Any goroutine may call it.
func (l *lane) executing() *attempt {
	if a := l.latest.Load(); a != nil && a.phase.Load() < closed {
		return a
	}
	return nil
}

// claim tries to claim a node of each run in turn, starting after the run of the last claim.
func (l *lane) claim() (*job, state.Claim, bool) {
	jobs := *l.pool.jobs.Load()
	for range jobs {
		if l.turn++; l.turn >= len(jobs) {
			l.turn = 0
		}
		j := jobs[l.turn]
		if !j.isOpen.Load() {
			continue
		}
		l.fence = j.fence.Load()
		if c, ok := j.lane(l.slot).Claim(); ok {
			return j, c, true
		}
	}
	return nil, state.Claim{}, false
}

// strandTime is how long a lane continues one strand while other runs are active.
const strandTime = int64(5 * time.Millisecond)

// work executes the claimed node and the strand that follows from it. It reports false when the lane was abandoned.
func (l *lane) work(j *job, c state.Claim) bool {
	place := j.lane(l.slot)
	e := &l.end[0]
	since := j.run.Now()
	c.Ready = since                // the head of a strand is claimed now, a node of the rest as soon as it is ready
	in := inputs{values: j.values} // without a fetcher they stay the same
	for head := true; ; head = false {
		need := j.need(c.Node)
		if !l.admit(j, c, need) {
			place.Release()
			return true
		}
		if j.shared.fetcher != nil {
			if in = l.fetch(j, c, head && need == amount{}); errors.Is(in.err, state.ErrInputLost) {
				l.giveBack(need)
				return true
			}
		}
		if !l.execute(j, c, head, &in, need, e) {
			return false
		}
		next := e.Ended-since < strandTime || len(*l.pool.jobs.Load()) < 2
		l.fence = j.fence.Load()
		reply := place.Complete(l.end[:], next && l.pool.lanes.allows(l.slot))
		e.Output, e.Error, e.Log, e.Usage, e.Delay = nil, nil, nil, nil, 0 // the other fields are set each time
		if !reply.HasNext {
			return true
		}
		c = reply.Next
	}
}

// execute runs one node and sets how it ended. The node counts as claimed at c.Ready, which is after the ends of all its
// parents, on any lane. The clock is read once before the body and once after it; the head of a strand has just been
// claimed, which saves the first reading unless inputs take time to gather. What the task needs has been acquired, and is
// given back however its body ends. It reports false when the lane was abandoned.
func (l *lane) execute(j *job, c state.Claim, head bool, in *inputs, need amount, e *state.End) bool {
	defer l.giveBack(need)
	claimed := c.Ready
	e.Node, e.Epoch, e.Attempt, e.Claimed, e.Outcome = c.Node, c.Epoch, c.Attempt, claimed, record.OutcomeOK
	if in.fetched {
		e.Fetch, e.Inputs = in.took, in.details
	}
	p := j.numbers.Locate(c.Node)
	scope := j.graph.Scope(p.Block.Scope)
	if scope.Kind(p.Local) == dag.ExpandNode {
		l.expand(j, c, p, in, e)
		return true
	}
	f := j.numbers.Function(p)
	args, err := l.args[:0], in.err
	switch {
	case !in.fetched:
		args = j.graph.Args(args, p, j.numbers, in.values)
	case err == nil:
		args, err = j.arguments(args, p, in.values)
	}
	a := l.attempt(j, c)
	a.started = claimed
	if !head || in.fetched || need != (amount{}) || scope.Flags(p.Local)&dag.Gathers != 0 {
		a.started = j.run.Now()
	}
	l.latest.Store(a)
	var out any
	switch cause := j.cutCause(l.fence); {
	case cause != nil:
		a.cancel(cause, a.started)
		err = cause
	case err == nil:
		out, err = l.invoke(f, a, args)
	}
	e.Ended = j.run.Now()
	clear(args)
	l.args = args
	wasAnnounced, ok := a.close()
	if !ok {
		return false
	}
	e.Started, e.Announced, e.Log, e.Usage = a.started, wasAnnounced, a.log(), a.used()
	if err != nil {
		e.OutputBytes = 0
		l.failed(a, err, e)
	} else {
		e.Output, e.OutputBytes = out, f.Output().Size(out)
	}
	a.release()
	return true
}

// expand finds the elements of a fan-out. It calls no body, so only its input can fail.
func (l *lane) expand(j *job, c state.Claim, p dag.Place, in *inputs, e *state.End) {
	e.Started, e.Announced = e.Claimed+in.took, false
	err := in.err
	if err == nil {
		e.Output, err = j.elements(p, in.values)
	}
	if err == nil {
		e.OutputBytes, e.Ended = codec.UnknownSize, j.run.Now()
		return
	}
	a := l.attempt(j, c)
	a.fetches = true
	e.OutputBytes, e.Ended, e.Outcome = 0, j.run.Now(), record.OutcomeFailed
	if cause := j.cutCause(l.fence); cause != nil {
		a.cancel(cause, e.Ended)
		e.Outcome = record.OutcomeCancelled
	}
	e.Error = a.errorRecord(l, err, e.Ended)
}

// attempt returns a new context for a claim, from the slab.
func (l *lane) attempt(j *job, c state.Claim) *attempt {
	if len(l.slab) == 0 {
		l.slab = make([]attempt, slabLen)
	}
	a := &l.slab[0]
	l.slab = l.slab[1:]
	a.job, a.node, a.epoch, a.number, a.claimed = j, c.Node, c.Epoch, c.Attempt, c.Ready
	return a
}

// panicError is a panic turned into an error.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// invoke calls the body. A panic becomes an error; runtime.Goexit cannot be stopped, so its attempt is ended and the
// lane replaced from within the deferred call.
func (l *lane) invoke(f *engine.Function, a *attempt, args []any) (out any, err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
			return
		}
		l.exited(a)
	}()
	out, err = f.Invoke(a, args)
	returned = true
	return out, err
}

// exited ends the attempt of a body that has called runtime.Goexit, and replaces this lane.
func (l *lane) exited(a *attempt) {
	wasAnnounced, ok := a.close()
	if !ok {
		return
	}
	e := &l.end[0]
	e.Started, e.Ended, e.Announced, e.Log, e.Usage = a.started, a.job.run.Now(), wasAnnounced, a.log(), a.used()
	l.failed(a, errExit, e)
	a.release()
	a.job.lane(l.slot).Complete(l.end[:], false)
	l.pool.lanes.replace(l)
}

// failed sets the outcome of a failure: cancelled with its run, to be retried, or failed permanently.
func (l *lane) failed(a *attempt, err error, e *state.End) {
	_, cause := a.cause()
	e.Outcome = record.OutcomeFailed
	e.Error = a.errorRecord(l, err, e.Ended)
	switch {
	case cause != nil && cause != engine.ErrTimeout:
		e.Outcome = record.OutcomeCancelled
	case engine.IsNoRetry(err):
	case a.errors() < a.job.numbers.Function(a.place()).Options().Retries:
		e.Outcome = record.OutcomeRetrying
		e.Delay = l.pool.backoff(a.errors() + 1)
	}
}

// backoff draws the delay after failed attempt n: full jitter, that is evenly from 0 to the bound ("Exponential
// backoff and jitter", AWS Architecture Blog, 2015).
func (p *Pool) backoff(n int) int64 {
	bound := p.cfg.BackoffCap
	if n < 32 && p.cfg.Backoff<<(n-1) < bound && p.cfg.Backoff<<(n-1) > 0 {
		bound = p.cfg.Backoff << (n - 1)
	}
	return rand.Int64N(int64(bound) + 1)
}

func (a *attempt) errorRecord(l *lane, err error, now int64) *record.ErrorRecord {
	kind, message, stack, task := record.UserError, err.Error(), "", ""
	if a.job.numbers.IsTask(a.node) {
		task = a.job.numbers.Identity(a.place()).String()
	}
	var p *panicError
	var in *inputError
	var process execution.Evident
	exitCode, signal := 0, ""
	if errors.As(err, &process) {
		exitCode, signal, stack = process.Evidence()
		stack = clip(stack)
	}
	_, cause := a.cause()
	switch {
	case errors.As(err, &p):
		kind, message, stack = record.PanicError, fmt.Sprint(p.value), clip(string(p.stack))
	case cause == engine.ErrTimeout:
		kind = record.TimeoutError
		message = fmt.Sprintf("no result within the timeout of %s: %s", a.timeout(), message)
	case cause == engine.ErrDeadline:
		kind = record.DeadlineError
	case cause != nil:
		kind = record.CancelledError
	case errors.As(err, &in):
		kind = record.StoreError
	}
	return &record.ErrorRecord{
		Kind: kind, Task: task, Node: a.node,
		Message: clip(message), Stack: stack, ExitCode: exitCode, Signal: signal, Worker: l.pool.cfg.Name, Host: l.pool.host, Slot: l.slot,
		Epoch: int(a.epoch), Attempt: int(a.number), Time: a.job.info.StartedAt.Add(time.Duration(now)),
	}
}

func clip(s string) string { return s[:min(len(s), record.MaxEvidence)] }
