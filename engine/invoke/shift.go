package invoke

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
)

// Work is a worker for the time of one shift.
type Work interface {
	// Run claims and executes until ctx ends; then it finishes what it executes, leaves, and returns. It may return
	// early with an error.
	Run(ctx context.Context) error
}

// ShiftConfig of a Shift. Begin and Tally are required; the zero value of the rest means the defaults.
type ShiftConfig struct {
	// Begin makes a worker for one shift.
	Begin func() (Work, error)
	// Tally counts what that worker executes.
	Tally *Tally
	// For is how long a request is held at most, such as the time that a platform gives a function. In its last 20 %
	// nothing is claimed any more. Default 5 min.
	For time.Duration
	// Linger is how long a shift goes on without anything to execute; default 500 ms, twice the time within which an
	// idle worker looks again.
	Linger time.Duration
}

func (c ShiftConfig) withDefaults() (ShiftConfig, error) {
	if c.Begin == nil || c.Tally == nil {
		return c, errors.New("invoke: Begin or Tally is nil, expected what makes a worker and what counts its tasks")
	}
	if c.For <= 0 {
		c.For = 5 * time.Minute
	}
	if c.Linger <= 0 {
		c.Linger = 500 * time.Millisecond
	}
	return c, nil
}

// Shift has a worker work only while it is asked to, for the sake of platforms that stop a process between requests: a
// process that is stopped must not hold claims. Run has to be running for anything to happen. Safe for concurrent use.
//
// A shift begins when somebody calls Work and none is under way. It ends when there has been nothing to execute for a
// while, or in the last 20 % of the time of whoever called last. That a caller goes away does not end it.
type Shift struct {
	cfg  ShiftConfig
	rung chan struct{} // capacity 1: a turn waits to begin

	mu     sync.Mutex
	turn   *turn // open to those who call; nil for none
	called bool
	closed bool
}

// turn is one shift.
type turn struct {
	last  time.Time     // when it was called last
	tasks int64         // valid once over is closed
	err   error         // the same
	over  chan struct{} // closed when the worker has left
}

// NewShift checks the configuration.
func NewShift(cfg ShiftConfig) (*Shift, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Shift{cfg: cfg, rung: make(chan struct{}, 1)}, nil
}

// Work takes part in the shift under way, or begins one, and waits until it is over, but no longer than ctx and not
// beyond For. The error is engine.ErrClosed when Run is ending. It is a HandlerConfig.Work.
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
	case <-limit.C: // somebody else keeps it up
		return Answer{Start: start}, nil
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

// join gives the shift under way, or one that is to begin. The very first call is the one for which a process started.
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
		s.rung <- struct{}{}
	}
	s.turn.last = time.Now()
	return s.turn, start, nil
}

// Run works shift after shift until ctx ends and the last one is over.
func (s *Shift) Run(ctx context.Context) error {
	for {
		select {
		case <-s.rung:
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

// close refuses callers from now on, and sends those away who have just come.
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

// work is one shift.
func (s *Shift) work(ctx context.Context, t *turn) {
	before := s.cfg.Tally.Executed()
	t.err = s.employ(ctx, t)
	t.tasks = s.cfg.Tally.Executed() - before
	close(t.over)
}

// employ has a worker work until the turn is over for callers, and waits until it has left.
func (s *Shift) employ(ctx context.Context, t *turn) error {
	defer s.leave(t) // in every case, so that the next caller gets a turn of his own
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
	patience := firstLook * s.cfg.Linger
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

// firstLook is by how much a shift's patience is longer before its first task: connecting and reading a large graph
// take their time.
const firstLook = 4

// leaveAfter closes the turn when nothing was executed, and nobody has called, for as long as patience lasts, or when
// the time to claim is over.
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

// leave closes the turn to callers, where it is open.
func (s *Shift) leave(t *turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turn == t {
		s.turn = nil
	}
}
