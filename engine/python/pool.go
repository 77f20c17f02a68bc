package python

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/process"
)

// Counts of the interpreters of a pool.
type Counts struct {
	Live, Idle    int   // now
	Started, Lost int64 // since the pool runs
}

// Pool keeps interpreters. It is safe for concurrent use.
type Pool struct {
	cfg    Config
	folder string         // of the package, once ready is closed
	ready  chan struct{}  // closed when calls are accepted, or never will be
	slots  chan struct{}  // has an element for each call
	live   sync.WaitGroup // of calls and interpreters

	mu     sync.Mutex
	closed bool
	idle   []*interpreter // the one that has been idle for longest first
	counts Counts
}

// New checks the configuration. Calls wait until Run was called.
func New(cfg Config) (*Pool, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Pool{cfg: cfg, ready: make(chan struct{}), slots: make(chan struct{}, cfg.Max)}, nil
}

// Run keeps interpreters until ctx ends, and returns when the last one has ended. Calls that are in progress then continue
// until their own contexts end. The error says why the package could not be unpacked. It is called once.
func (p *Pool) Run(ctx context.Context) error {
	folder, remove, err := unpackPackage(p.cfg.Package, p.cfg.Folder)
	if err != nil {
		p.close()
		close(p.ready)
		return err
	}
	defer remove()
	p.folder = folder
	close(p.ready)
	check := time.NewTicker(max(p.cfg.Idle/2, 1))
	defer check.Stop()
	for {
		select {
		case <-check.C:
			p.finish(p.idleSince(time.Now().Add(-p.cfg.Idle)))
		case <-ctx.Done():
			p.finish(p.close())
			p.live.Wait()
			return nil
		}
	}
}

// Call calls a function and returns its result. The error is a *CallError if the call failed, a *LostError if its interpreter
// ended, a *process.StartError if none could be started, ErrClosed after the end of Run, or the cause of the end of ctx.
// The usage is that of the call alone; -1 where it is unknown.
func (p *Pool) Call(ctx context.Context, c Call) (Value, process.Usage, error) {
	values, used, err := p.call(ctx, &c, false)
	if err != nil {
		return Value{}, used, err
	}
	return values[0], used, nil
}

// CallList calls a function that returns a list, or anything else that can be iterated over, and returns its parts. The
// errors are those of Call.
func (p *Pool) CallList(ctx context.Context, c Call) ([]Value, process.Usage, error) {
	return p.call(ctx, &c, true)
}

// Counts counts interpreters.
func (p *Pool) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.counts
	c.Idle = len(p.idle)
	return c
}

func (p *Pool) call(ctx context.Context, c *Call, isSplit bool) ([]Value, process.Usage, error) {
	if err := c.check(); err != nil {
		return nil, unknownUsage, err
	}
	in, err := p.takeOne(ctx)
	if err != nil {
		return nil, unknownUsage, err
	}
	defer p.leave()
	values, used, err := in.call(ctx, c, isSplit)
	p.put(in, err)
	return values, used, err
}

// enter waits until the pool runs and has room for a call.
func (p *Pool) enter(ctx context.Context) error {
	select {
	case <-p.ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		<-p.slots
		return ErrClosed
	}
	p.live.Add(1)
	return nil
}

func (p *Pool) leave() {
	<-p.slots
	p.live.Done()
}

// take returns an interpreter that waits, or a new one.
func (p *Pool) take(ctx context.Context) (*interpreter, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for in := p.latest(); in != nil; in = p.latest() {
		select {
		case <-in.process.Ended(): // while it was idle: something has killed it
			in.discard()
		default:
			return in, nil
		}
	}
	return p.start(ctx)
}

// latest takes the interpreter that became idle last, so that the others may become idle for long; nil for none.
func (p *Pool) latest() *interpreter {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	in := p.idle[last]
	p.idle[last], p.idle = nil, p.idle[:last]
	return in
}

// put keeps an interpreter for the next call after one that ended with err, or ends it.
func (p *Pool) put(in *interpreter, err error) {
	var failed *CallError
	var lost *LostError
	if errors.As(err, &lost) {
		p.count(func(c *Counts) { c.Lost++ })
	}
	switch {
	case err != nil && !errors.As(err, &failed):
		in.discard()
	case in.calls >= p.cfg.Recycle || in.resident > p.cfg.MaxMemory || !p.keep(in):
		in.finish()
	}
}

// keep adds an interpreter to those that are idle, unless the pool is closed.
func (p *Pool) keep(in *interpreter) bool {
	in.since = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.idle = append(p.idle, in)
	return true
}

// idleSince takes the interpreters that have been idle since a moment or longer.
func (p *Pool) idleSince(moment time.Time) []*interpreter {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := slices.IndexFunc(p.idle, func(in *interpreter) bool { return in.since.After(moment) })
	if n < 0 {
		n = len(p.idle)
	}
	old := slices.Clone(p.idle[:n])
	p.idle = slices.Delete(p.idle, 0, n)
	return old
}

// close refuses further calls, and takes all interpreters that are idle.
func (p *Pool) close() []*interpreter {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := p.idle
	p.closed, p.idle = true, nil
	return idle
}

func (p *Pool) count(change func(*Counts)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.counts)
}

func (p *Pool) finish(all []*interpreter) {
	for _, in := range all {
		in.finish()
	}
}
