package invoke

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/process"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Reaper ends the sessions of processes that are known to be dead; the store of shared runs is one.
type Reaper interface {
	// ReapSession ends a session and releases its claims. running are the nodes that its process was executing; died
	// becomes the error record of the lost attempts.
	ReapSession(ctx context.Context, run record.RunID, session ledger.SessionID, running []dag.NodeID, died record.ErrorRecord) error
}

// SupervisorConfig of a Supervisor. Command and Reaper are required; the zero value of the rest means the defaults.
type SupervisorConfig struct {
	// Command is a program and its arguments. It has to call Adopt; one that does not is also kept running, but it is
	// unknown what it was executing when it died.
	Command []string
	// Children is how many processes are kept running; default 1.
	Children int
	Reaper   Reaper
	// SoftStop is how long children may take to end after SIGTERM; then they are killed. Default 30 s, which is more than
	// the 20 s that a worker gives its tasks.
	SoftStop time.Duration
	// Backoff is the upper bound of the delay before a child is started again, doubled for each further death up to
	// BackoffCap; the delay itself is drawn evenly from 0 to the bound. The count starts again after a child that lived
	// for Settled, or that was executing a task when it died, since such deaths are bounded in another way. Defaults
	// 0.5 s, 30 s and 1 min.
	Backoff    time.Duration
	BackoffCap time.Duration
	Settled    time.Duration
	// ReportTimeout bounds how long reporting a death may take; after that its leases have to expire. Default 5 s.
	ReportTimeout time.Duration
	// Stdout and Stderr receive what children print; the end of Stderr is also kept for error records. Default none. One
	// goroutine for each child writes to them, so they have to be safe for concurrent use.
	Stdout, Stderr io.Writer
	// Log receives starts and deaths; default none.
	Log *slog.Logger
}

func (c SupervisorConfig) withDefaults() (SupervisorConfig, error) {
	if len(c.Command) == 0 || c.Reaper == nil {
		return c, errors.New("invoke: Command is empty or Reaper nil, expected a program and a store of shared runs")
	}
	if c.Children < 0 {
		return c, fmt.Errorf("invoke: Children is %d, expected at least 1, or 0 for 1", c.Children)
	}
	c.Children = max(c.Children, 1)
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{
		{&c.SoftStop, 30 * time.Second},
		{&c.Backoff, 500 * time.Millisecond},
		{&c.BackoffCap, 30 * time.Second},
		{&c.Settled, time.Minute},
		{&c.ReportTimeout, 5 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
	if c.Stdout == nil {
		c.Stdout = io.Discard
	}
	if c.Stderr == nil {
		c.Stderr = io.Discard
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// Deaths counts what happened to the children of a supervisor.
type Deaths struct {
	Started  int64 // processes
	Died     int64 // processes that ended before Run's context
	Reported int64 // sessions of dead processes whose claims were released
	Failed   int64 // sessions that could not be reported
}

// Supervisor keeps worker processes running: it starts them, restarts those that die, reports what these were executing,
// and ends all of them when it ends.
//
// A child is the leader of its own process group, so that signals from a terminal reach it only through the supervisor,
// and everything that it started is killed after its death. It has the environment of this process.
type Supervisor struct {
	cfg    SupervisorConfig
	host   string        // "" if unknown
	killed chan struct{} // closed by Kill
	kill   sync.Once

	started, died, reported, failed atomic.Int64
}

// NewSupervisor checks the configuration. The error wraps errors.ErrUnsupported if this system has no boards.
func NewSupervisor(cfg SupervisorConfig) (*Supervisor, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if !supported {
		return nil, fmt.Errorf("invoke: child processes: %w on this system", errors.ErrUnsupported)
	}
	if _, err := exec.LookPath(cfg.Command[0]); err != nil {
		return nil, fmt.Errorf("invoke: Command is no program: %w", err)
	}
	s := &Supervisor{cfg: cfg, killed: make(chan struct{})}
	s.host, _ = os.Hostname() // without a name, records have no host
	return s, nil
}

// Run keeps the children running until ctx ends; then it terminates them, waits for them, kills what remains, and returns.
func (s *Supervisor) Run(ctx context.Context) error {
	theirs, mine, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("invoke: no pipe for children: %w", err)
	}
	defer func() { _, _ = mine.Close(), theirs.Close() }()
	var keepers sync.WaitGroup
	for range s.cfg.Children {
		keepers.Go(func() { s.keep(ctx, theirs) })
	}
	keepers.Wait()
	return nil
}

// Kill ends all children at once, once Run's context has ended. Safe to call again.
func (s *Supervisor) Kill() { s.kill.Do(func() { close(s.killed) }) }

// Deaths counts so far.
func (s *Supervisor) Deaths() Deaths {
	return Deaths{Started: s.started.Load(), Died: s.died.Load(), Reported: s.reported.Load(), Failed: s.failed.Load()}
}

// keep keeps one child running until ctx ends. A child dies with its supervisor because the kernel kills it when the
// thread that started it ends (prctl(2), PR_SET_PDEATHSIG), so this goroutine keeps its thread.
func (s *Supervisor) keep(ctx context.Context, lifeline *os.File) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for deaths := 0; ctx.Err() == nil; {
		began, wasWorking := time.Now(), false
		if c, err := s.start(lifeline); err != nil {
			s.cfg.Log.Error("a worker process could not be started", "error", err)
		} else {
			wasWorking = s.attend(ctx, c)
		}
		if ctx.Err() != nil {
			return
		}
		if wasWorking || time.Since(began) >= s.cfg.Settled {
			deaths = 0
		}
		deaths++
		again := time.NewTimer(fullJitter(s.cfg.Backoff, s.cfg.BackoffCap, deaths))
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
		}
	}
}

// attend waits for the end of a child, which it terminates once ctx has ended, and reports its open sessions. The result
// is whether the child was executing a task.
func (s *Supervisor) attend(ctx context.Context, c *child) (wasWorking bool) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.wait()
	}()
	select {
	case <-ended:
		s.died.Add(1)
		s.cfg.Log.Warn("a worker process has ended", "pid", c.pid(), "how", c.howEnded())
	case <-ctx.Done():
		c.terminate()
		soft := time.NewTimer(s.cfg.SoftStop)
		defer soft.Stop()
		select {
		case <-ended:
		case <-soft.C:
			c.kill()
		case <-s.killed:
			c.kill()
		}
		<-ended
	}
	c.kill() // processes that it has started
	name, sessions := c.board.read()
	c.unmapBoard()
	s.report(c, name, sessions)
	process.ReapGroup(c.pid())
	return slices.ContainsFunc(sessions, func(l openSession) bool { return len(l.running) > 0 })
}

// report releases the claims of a dead child's open sessions. A child that ended by itself has closed them.
func (s *Supervisor) report(c *child, name string, sessions []openSession) {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ReportTimeout)
	defer cancel()
	died := c.evidence(name, s.host)
	var reports sync.WaitGroup
	for _, l := range sessions {
		reports.Go(func() {
			record, nodes := died, []dag.NodeID(nil)
			for _, r := range l.running {
				nodes = append(nodes, r.node)
				record.Slot = r.slot
			}
			if err := s.cfg.Reaper.ReapSession(ctx, l.run, l.session, nodes, record); err != nil {
				s.failed.Add(1)
				s.cfg.Log.Error("the death of a worker process could not be reported; its claims are released when their lease expires",
					"run", l.run, "pid", c.pid(), "error", err)
				return
			}
			s.reported.Add(1)
		})
	}
	reports.Wait()
}

// fullJitter draws the delay before attempt n + 1: evenly from 0 to base doubled n - 1 times, at most most ("Exponential
// backoff and jitter", AWS Architecture Blog, 2015).
func fullJitter(base, most time.Duration, n int) time.Duration {
	bound := most
	if n < 32 && base<<(n-1) > 0 {
		bound = min(bound, base<<(n-1))
	}
	return rand.N(bound + 1)
}
