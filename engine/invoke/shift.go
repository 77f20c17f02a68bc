package invoke

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
)

// Work is a worker for one shift.
type Work interface {
	// Run claims and executes until ctx ends; then it finishes what it executes, leaves its runs, and returns. It may
	// return early with an error.
	Run(ctx context.Context) error
}

// ShiftConfig of a Shift. Begin and Tally are required; the zero value of the rest means the defaults.
type ShiftConfig struct {
	// Begin creates a worker for one shift.
	Begin func() (Work, error)
	// Tally counts what that worker executes.
	Tally *Tally
	// For is the longest time that a request waits, such as a platform's timeout for a function. In its last 20 % nothing
	// is claimed. Default 5 min.
	For time.Duration
	// Linger is how long a shift continues without executing anything; default 500 ms, twice the interval at which an idle
	// worker polls.
	Linger time.Duration
}

func (c ShiftConfig) withDefaults() (ShiftConfig, error) {
	if c.Begin == nil || c.Tally == nil {
		return c, errors.New("invoke: Begin or Tally is nil, expected a function that creates a worker and a tally of its tasks")
	}
	if c.For <= 0 {
		c.For = 5 * time.Minute
	}
	if c.Linger <= 0 {
		c.Linger = 500 * time.Millisecond
	}
	return c, nil
}

// Shift runs a worker only while requests wait for it, for platforms that stop a process between requests: a stopped
// process must not hold claims. Nothing happens until Run is called. Safe for concurrent use.
//
// A shift begins when Work is called and none is active. It ends after Linger without anything to execute, or in the last
// 20 % of the time of the latest call. Callers that disconnect do not end it.
type Shift struct {
	cfg  ShiftConfig
	wake chan struct{} // capacity 1: a turn waits to begin; join sends, Run receives

	mu     sync.Mutex
	turn   *turn // the shift that callers can join; nil for none; guarded by mu
	called bool  // Work has been called before; guarded by mu
	closed bool  // Run is ending; guarded by mu
}

// turn is one shift.
type turn struct {
	last  time.Time     // the latest call; guarded by Shift.mu
	tasks int64         // set before over is closed
	err   error         // set before over is closed
	over  chan struct{} // closed when the worker has left
}

// NewShift checks the configuration and returns a shift, which does nothing until Run is called.
func NewShift(cfg ShiftConfig) (*Shift, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Shift{cfg: cfg, wake: make(chan struct{}, 1)}, nil
}

// Work joins the active shift, or begins one, and waits for its end, for at most For and until ctx ends. The error is
// engine.ErrClosed when Run is ending. It is a HandlerConfig.Work.
func (s *Shift) Work(ctx context.Context, _ Hint) (Answer, error) {
	t, start, err := s.join()
	if err != nil {
		return Answer{}, err
	}
	limit := time.NewTimer(s.cfg.For)
	defer limit.Stop()
	select {
	case <-t.over:
		return Answer{Start: start, Tasks: t.tasks, Waited: true}, t.err
	case <-limit.C: // later callers keep it active
		return Answer{Start: start}, nil
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

// join returns the active shift, or a new one. The start is Cold for the first call of the process, which was started
// for it.
func (s *Shift) join() (*turn, Start, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, "", engine.ErrClosed
	}
	start := Warm
	if !s.called {
		start, s.called = Cold, true
	}
	if s.turn == nil {
		s.turn = &turn{over: make(chan struct{})}
		s.wake <- struct{}{}
	}
	s.turn.last = time.Now()
	return s.turn, start, nil
}

// Run runs one shift after the other until ctx ends, and returns when the last one is over.
func (s *Shift) Run(ctx context.Context) error {
	for {
		select {
		case <-s.wake:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			s.close()
			return nil
		}
		s.mu.Lock()
		t := s.turn
		s.mu.Unlock()
		s.work(ctx, t)
	}
}

// close refuses further callers, and those of a shift that has not begun.
func (s *Shift) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.turn != nil {
		s.turn.err = engine.ErrClosed
		close(s.turn.over)
		s.turn = nil
	}
}

// work runs one shift.
func (s *Shift) work(ctx context.Context, t *turn) {
	before := s.cfg.Tally.Executed()
	t.err = s.runWorker(ctx, t)
	t.tasks = s.cfg.Tally.Executed() - before
	close(t.over)
}

// runWorker runs a worker until the turn ends, and waits until it has left.
func (s *Shift) runWorker(ctx context.Context, t *turn) error {
	defer s.leave(t) // in every case, so that the next caller gets a new turn
	w, err := s.cfg.Begin()
	if err != nil {
		return fmt.Errorf("invoke: no worker: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	tick := time.NewTicker(s.cfg.Linger / 10)
	defer tick.Stop()
	patience := startupFactor * s.cfg.Linger
	seen, active := s.cfg.Tally.Executed(), time.Now()
	for {
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			s.leave(t)
			return <-ended
		case <-tick.C:
		}
		if n := s.cfg.Tally.Executed(); n != seen || s.cfg.Tally.Busy() > 0 {
			seen, active, patience = n, time.Now(), s.cfg.Linger
		}
		if s.leaveAfter(t, active, patience) {
			stop()
			return <-ended
		}
	}
}

// startupFactor is how many times Linger a shift waits for its first task: connecting and reading a large graph take
// time.
const startupFactor = 4

// leaveAfter closes the turn, and reports so, if there was neither a task nor a call for as long as patience, or if the
// time for claiming is over.
func (s *Shift) leaveAfter(t *turn, active time.Time, patience time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	called := time.Since(t.last)
	if min(time.Since(active), called) < patience && called < s.cfg.For/10*8 {
		return false
	}
	s.turn = nil
	return true
}

// leave closes the turn to callers, if it is open.
func (s *Shift) leave(t *turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turn == t {
		s.turn = nil
	}
}
