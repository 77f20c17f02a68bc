package process

import (
	"cmp"
	"context"
	"os"
	"runtime"
	"sync"
	"time"
)

// Process is a command that was started. Its methods are safe for concurrent use.
type Process struct {
	command Command
	child   *os.Process
	output  *output
	meter   *meter

	ended  chan struct{} // closed when result and err are set
	result Result
	err    error

	mu       sync.Mutex
	gone     bool        // its group has ended; the number may become another one's
	cause    error       // why it was stopped, nil if it was not
	killer   *time.Timer // kills it after its grace, nil if it was not stopped
	exceeded bool        // it was killed for its limit of memory
}

// Run runs a command and returns when it and its group have ended. If it could not be started the error is a *StartError,
// if it did not end with exit code 0 an *ExitError; if it was stopped because ctx ended, it is the cause of that. The
// Result is as complete as possible in any case.
func Run(ctx context.Context, c Command) (Result, error) {
	p, err := newProcess(ctx, c)
	if err == nil {
		err = p.run(ctx, func() {})
	}
	if err != nil {
		return Result{Usage: unknownUsage()}, err
	}
	return p.result, p.err
}

// Start starts a command, which is stopped when ctx ends, see Process.Stop. The error is a *StartError, or the cause of the
// end of ctx. The caller need not call Wait.
func Start(ctx context.Context, c Command) (*Process, error) {
	p, err := newProcess(ctx, c)
	if err != nil {
		return nil, err
	}
	failed, started := make(chan error, 1), make(chan struct{})
	go func() {
		if err := p.run(ctx, func() { close(started) }); err != nil {
			failed <- err
		}
	}()
	select {
	case err := <-failed:
		return nil, err
	case <-started:
		return p, nil
	}
}

// newProcess checks a command and makes what it needs.
func newProcess(ctx context.Context, c Command) (*Process, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Process{command: c, ended: make(chan struct{})}
	if p.output, err = newOutput(&c); err != nil {
		return nil, &StartError{Program: c.Args[0], Err: err}
	}
	return p, nil
}

// PID returns the number of the process, which is also that of its group. It may be another one's after its end.
func (p *Process) PID() int { return p.child.Pid }

// Ended returns a channel that is closed when Wait does not block any more.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Wait returns when the command and its group have ended and all output has been read. It may be called repeatedly. The
// errors are those of Run.
func (p *Process) Wait() (Result, error) {
	<-p.ended
	return p.result, p.err
}

// Stop asks the group to end (SIGTERM) and kills what is left of it after the grace, or at once where no process can be
// asked. Wait returns the cause. It does not block; only the first cause counts.
func (p *Process) Stop(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone || p.cause != nil {
		return
	}
	p.cause = cause
	terminateGroup(p.child)
	p.killer = time.AfterFunc(p.command.Grace, p.Kill)
}

// Kill kills the group. Wait returns an *ExitError, unless Stop was called before.
func (p *Process) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone {
		killGroup(p.child)
	}
}

// Signal sends a signal to the command alone. The error wraps os.ErrProcessDone after its end.
func (p *Process) Signal(s os.Signal) error { return p.child.Signal(s) }

// Usage returns what the command has used so far, with the children that it waited for. Context switches are unknown. The
// error wraps os.ErrProcessDone after its end, and errors.ErrUnsupported where processes are not measured.
func (p *Process) Usage() (Usage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return unknownUsage(), os.ErrProcessDone
	}
	return snapshot(p.child.Pid)
}

// ResetPeak has PeakMemory of a later Usage count from now on. The errors are those of Usage, and of a system that does not
// permit it.
func (p *Process) ResetPeak() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return os.ErrProcessDone
	}
	return resetPeak(p.child.Pid)
}

// exceeds kills the group because it uses more than its limit of memory.
func (p *Process) exceeds() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone {
		p.exceeded = true
		killGroup(p.child)
	}
}

// run starts the command, calls started, and returns when it has ended with its group and all output has been read. The
// error says why it could not be started.
func (p *Process) run(ctx context.Context, started func()) error {
	runtime.LockOSThread() // see attributes: the command would be killed with the thread
	if err := p.start(); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	started()
	state, err := p.await(ctx)
	runtime.UnlockOSThread() // before others are waited for, which takes a goroutine with a thread of its own much longer
	p.conclude(state, err)
	return nil
}

// start starts the command with its three streams.
func (p *Process) start() error {
	input, err := p.execute()
	if err != nil {
		p.output.discard()
		return err
	}
	guard.add(p.child.Pid) // first: what it starts is to be known before anybody hears from it
	input.start(p.Stop)
	p.output.read(p.Stop)
	p.meter.started(p.child, p.exceeds)
	return nil
}

// execute executes the program. The result is its standard input.
func (p *Process) execute() (input, error) {
	c := &p.command
	program, err := c.program()
	if err != nil {
		return input{}, err
	}
	stdin, ours, err := newInput(c.Stdin)
	if err != nil {
		return input{}, &StartError{Program: c.Args[0], Err: err}
	}
	files := append([]*os.File{stdin, p.output.streams[0].theirs, p.output.streams[1].theirs}, c.Files...)
	p.meter = newMeter(c.MemoryLimit)
	p.child, err = p.meter.start(program, c.Args, &os.ProcAttr{Dir: c.Dir, Env: c.Env, Files: files})
	if ours.ours != nil {
		_ = stdin.Close()
	}
	if err != nil {
		ours.discard()
		p.meter.remove(&Usage{})
		return input{}, &StartError{Program: c.Args[0], Err: c.diagnose(program, err)}
	}
	return ours, nil
}

// await waits for the end of a command and its group.
func (p *Process) await(ctx context.Context) (*os.ProcessState, error) {
	unwatch := context.AfterFunc(ctx, func() { p.Stop(context.Cause(ctx)) })
	p.result.Usage = unknownUsage()
	state, err := awaitEnd(p.child, func() {
		unwatch()
		p.atEnd()
	})
	p.linger()
	return state, err
}

// atEnd kills what the command left running, unless it was stopped, when the rest of its group has the rest of the grace.
func (p *Process) atEnd() {
	p.meter.ended(&p.result.Usage, p.child) // without mu, for which exceeds may be waiting in the watch that this stops
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause == nil {
		killGroup(p.child)
		guard.remove(p.child.Pid)
		p.gone = true
	}
}

// linger waits for the rest of the group.
func (p *Process) linger() {
	p.mu.Lock()
	stopped := p.cause != nil
	p.mu.Unlock()
	if stopped {
		awaitGroup(p.child.Pid, p.command.Grace+reapWait)
		p.killer.Stop()
		guard.remove(p.child.Pid)
		p.mu.Lock()
		p.gone = true
		p.mu.Unlock()
	}
	ReapGroup(p.child.Pid)
}

// conclude waits for the rest of the output and makes the result. The error is of waiting.
func (p *Process) conclude(state *os.ProcessState, err error) {
	defer close(p.ended)
	r := &p.result
	if state != nil {
		addTimes(&r.Usage, state)
	}
	outOfMemory := p.meter.remove(&r.Usage)
	err = cmp.Or(err, p.output.finish())
	r.Tail, r.Stderr = p.output.tail.String(), p.output.stderr.String()
	r.ExitCode = -1
	if state != nil {
		r.ExitCode, r.Signal = Ending(state)
	}
	failed := r.ExitCode != 0 || r.Signal != ""
	r.OutOfMemory = failed && (outOfMemory || p.exceeded)
	switch {
	case p.cause != nil:
		p.err = p.cause
	case err != nil:
		p.err = err
	case failed:
		p.err = &ExitError{Result: *r, limit: p.command.MemoryLimit}
	}
}
