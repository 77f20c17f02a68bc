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
	child  *os.Process
	grace  time.Duration
	output *output

	ended  chan struct{} // closed when result and err are set
	result Result
	err    error

	mu     sync.Mutex
	gone   bool        // its group has ended; the number may become another one's
	cause  error       // why it was stopped, nil if it was not
	killer *time.Timer // kills it after its grace, nil if it was not stopped
}

// Run runs a command and returns when it and its group have ended. If it could not be started the error is a *StartError,
// if it did not end with exit code 0 an *ExitError; if it was stopped because ctx ended, it is the cause of that. The
// Result is as complete as possible in any case.
func Run(ctx context.Context, c Command) (Result, error) {
	p, err := Start(ctx, c)
	if err != nil {
		return Result{Usage: unknownUsage()}, err
	}
	return p.Wait()
}

// Start starts a command, which is stopped when ctx ends, see Process.Stop. The error is a *StartError, or the cause of the
// end of ctx. The caller need not call Wait.
func Start(ctx context.Context, c Command) (*Process, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	output, err := newOutput(&c)
	if err != nil {
		return nil, &StartError{Program: c.Args[0], Err: err}
	}
	p := &Process{grace: c.Grace, output: output, ended: make(chan struct{})}
	started := make(chan error)
	go p.attend(ctx, &c, started)
	if err := <-started; err != nil {
		output.discard()
		return nil, err
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
	p.killer = time.AfterFunc(p.grace, p.Kill)
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

// attend starts a command, waits for its end and removes what is left of it.
func (p *Process) attend(ctx context.Context, c *Command, started chan<- error) {
	runtime.LockOSThread() // see attributes: the command would be killed with the thread
	defer runtime.UnlockOSThread()
	err := p.start(c)
	if err != nil {
		started <- err
		return
	}
	defer close(p.ended)
	p.output.read(p.Stop)
	unwatch := context.AfterFunc(ctx, func() { p.Stop(context.Cause(ctx)) })
	started <- nil

	p.result.Usage = unknownUsage()
	state, err := awaitEnd(p.child, func() {
		unwatch()
		p.atEnd()
	})
	p.linger()
	p.conclude(state, cmp.Or(err, p.output.finish()))
}

// start starts the command with its standard input.
func (p *Process) start(c *Command) error {
	program, err := c.program()
	if err != nil {
		return err
	}
	stdin, feed, err := newInput(c.Stdin)
	if err != nil {
		return &StartError{Program: c.Args[0], Err: err}
	}
	files := append([]*os.File{stdin, p.output.streams[0].theirs, p.output.streams[1].theirs}, c.Files...)
	p.child, err = startProgram(program, c.Args, &os.ProcAttr{Dir: c.Dir, Env: c.Env, Files: files, Sys: attributes()})
	if stdin != c.Stdin {
		_ = stdin.Close()
	}
	if err != nil {
		feed.discard()
		return &StartError{Program: c.Args[0], Err: c.diagnose(program, err)}
	}
	feed.start(p.Stop)
	return nil
}

// atEnd kills what the command left running, unless it was stopped, when the rest of its group has the rest of the grace.
func (p *Process) atEnd() {
	p.mu.Lock()
	defer p.mu.Unlock()
	readBytes(&p.result.Usage, p.child.Pid)
	if p.cause == nil {
		killGroup(p.child)
		p.gone = true
	}
}

// linger waits for the rest of the group.
func (p *Process) linger() {
	p.mu.Lock()
	stopped := p.cause != nil
	p.mu.Unlock()
	if stopped {
		awaitGroup(p.child.Pid, p.grace+reapWait)
		p.killer.Stop()
		p.mu.Lock()
		p.gone = true
		p.mu.Unlock()
	}
	ReapGroup(p.child.Pid)
}

// conclude makes the result. The error is of the output, or of waiting.
func (p *Process) conclude(state *os.ProcessState, err error) {
	r := &p.result
	r.Tail, r.Stderr = p.output.tail.String(), p.output.stderr.String()
	r.ExitCode = -1
	if state != nil {
		r.ExitCode, r.Signal = ending(state)
		addTimes(&r.Usage, state)
	}
	switch {
	case p.cause != nil:
		p.err = p.cause
	case err != nil:
		p.err = err
	case r.ExitCode != 0 || r.Signal != "":
		p.err = &ExitError{Result: *r}
	}
}
