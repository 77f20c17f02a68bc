package shared

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

// Errors that contexts of attempts report when their claims are lost.
var (
	errFenced = errors.New("shared: the claims of this process were given to others")
	errSilent = errors.New("shared: the store has not answered for too long, so others may have the claims of this process")
)

// core is what the parts of a run share and change: the state of the member and the lanes, under one lock.
type core struct {
	*facts
	// spawn starts a goroutine that ends with the run, false when the run is over. It is set before the run is followed.
	spawn func(func(ctx context.Context)) bool
	// starved informs the store that the run wants nodes and did not get them. It returns at once.
	starved func()
	kick    chan struct{}          // capacity 1; to the committer: check what is due
	ready   atomic.Int32           // nodes that lanes could claim
	backlog atomic.Int32           // nodes elsewhere that this process could claim
	waiting atomic.Int32           // nodes elsewhere that any process could claim
	halted  atomic.Bool            // bodies need not be started any more
	name    atomic.Pointer[string] // of this process's worker, nil before Enter

	mu       sync.Mutex
	state    *member.State              // guarded by mu
	session  session                    // guarded by mu; changed by the committer alone, which reads it without mu
	self     func() record.WorkerRecord // guarded by mu; nil before Enter
	record   record.WorkerRecord        // guarded by mu; the last that self returned
	lanes    []*lane                    // guarded by mu
	starving int                        // guarded by mu; lanes whose last Claim found nothing
	tokens   uint64                     // guarded by mu; of the latest claim of a lane
	appetite appetite                   // guarded by mu
	due      due                        // guarded by mu
	stopping bool                       // guarded by mu; hooks.Stopping was called
}

// session is this process's session in a run.
type session struct {
	id     ledger.SessionID // empty while there is none
	handle uint32           // on the board, while it is listed
	listed bool
	// ends: its latest commit has ended the run, at that moment.
	ends    bool
	endedAt int64
}

// due is when the committer has something to do, apart from what is urgent.
type due struct {
	status  bool      // the status of the run may have changed, so the store is to be asked
	uploads bool      // all that is pending waits until values are stored
	since   time.Time // when something became pending, zero if nothing is
	retry   int64     // when the next retry can be claimed, 0 for none
}

func newCore(f *facts, starved func()) *core {
	return &core{
		facts: f, starved: starved, kick: make(chan struct{}, 1),
		state: member.New(member.Config{
			Layout: f.layout, Policy: f.job.Options.Policy, Rules: f.rules, Limit: f.cfg.HoldBytes, Unlogged: f.job.Options.Unlogged,
		}),
	}
}

// lock takes mu and sets the time of the state.
func (c *core) lock() {
	c.mu.Lock()
	c.state.Advance(c.clock.now())
}

// unlockAndNotify releases mu and notifies lanes, the committer and the store of what has changed for them.
func (c *core) unlockAndNotify() {
	ready := c.state.Ready()
	before := int(c.ready.Swap(int32(ready)))
	isNews := !c.state.HasLeft() && c.self != nil && c.needsTimer()
	isStarved := c.appetite == dry && c.want() > 0
	c.mu.Unlock()
	if isNews {
		select {
		case c.kick <- struct{}{}:
		default:
		}
	}
	if isStarved {
		c.starved()
	}
	if ready > before {
		c.hooks.Ready(ready - before)
	}
}

// isDue reports whether a commit is due at once, because this process or another one waits for it. The lock is held.
func (c *core) isDue() bool {
	switch {
	case c.state.IsFinal() || c.due.status || c.session.id == "": // without a session the status is unknown
		return true
	case c.state.HasPending() && !c.due.uploads && (c.state.IsDue() || c.starving > 0):
		return true
	default:
		return c.appetite != dry && c.want() > 0
	}
}

// needsTimer reports whether the committer has to compute its pause again. The lock is held.
func (c *core) needsTimer() bool { return c.isDue() || c.state.HasPending() && c.due.since.IsZero() }

// want is how many more nodes this process should claim. The lock is held.
func (c *core) want() int {
	if c.self == nil || c.state.HasLeft() {
		return 0
	}
	return c.state.Want(c.starving, c.record.Width)
}

// hasEntered reports whether this process takes, or took, part in the run.
func (c *core) hasEntered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.self != nil
}

// isStarved reports whether the run wants nodes and did not get them.
func (c *core) isStarved() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.appetite == dry && c.want() > 0
}

// isFirst reports whether no other session of the run has a smaller number.
func (c *core) isFirst() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session.id != "" && c.state.First()
}

// workerName names this process's worker, empty before Enter. It needs no lock.
func (c *core) workerName() string {
	if name := c.name.Load(); name != nil {
		return *name
	}
	return ""
}

// statusChanged makes the committer read the status of the run.
func (c *core) statusChanged() {
	c.lock()
	defer c.unlockAndNotify()
	c.due.status = c.self != nil
	c.appetite.changed()
}

// hintReceived makes the committer ask for claims again.
func (c *core) hintReceived() {
	c.lock()
	defer c.unlockAndNotify()
	c.appetite.hint()
}

// markUnknown records that the store does not know the run any more.
func (c *core) markUnknown() {
	c.lock()
	defer c.unlockAndNotify()
	c.state.MarkLost()
}

// stoppingHook returns what to call once the lock is released: the hook, the first time that the run is stopping. The
// lock is held.
func (c *core) stoppingHook(cause error) func() {
	_, stopping := c.state.Status()
	if stopping == "" || c.stopping {
		return func() {}
	}
	c.stopping = true
	c.halted.Store(true)
	switch {
	case cause != nil:
	case stopping == record.Cancelled:
		cause = engine.ErrCancelled
	default:
		cause = engine.ErrRunFailed
	}
	return func() { c.hooks.Stopping(cause) }
}

// unassignAll takes their claims from all lanes, and returns the nodes that they had. The lock is held.
func (c *core) unassignAll() (nodes []member.Node) {
	for _, l := range c.lanes {
		if l.held {
			l.unassign()
			nodes = append(nodes, l.node)
		}
	}
	return nodes
}

// closeOnBoard removes the session from the board, once: its handle may be reused afterwards. The lock is held.
func (c *core) closeOnBoard() {
	if c.session.listed {
		c.session.listed = false
		c.cfg.Board.Closed(c.session.handle)
	}
}

// markLeft ends all claims of lanes, and makes later calls without effect.
func (c *core) markLeft() {
	c.halted.Store(true)
	c.lock()
	defer c.unlockAndNotify()
	c.state.Leave()
	c.unassignAll()
	c.closeOnBoard()
}

// updateSessions counts the other sessions. Those without claims get what has waited here for too long.
func (c *core) updateSessions(workers []Worker) {
	c.lock()
	defer c.unlockAndNotify()
	if c.session.id == "" {
		return
	}
	others, idle, first := 0, 0, true
	number, _ := c.state.Worker()
	for _, w := range workers {
		if w.Session == c.session.id {
			continue
		}
		others++
		first = first && w.Number > number
		if w.Claims == 0 {
			idle++
		}
	}
	c.state.SetSessions(others, first)
	if idle > 0 && !c.state.IsStopping() {
		c.state.ReleaseStale(idle*max(1, c.record.Width), staleAfter)
	}
}

// staleAfter is how long a node may wait here, in ns, while others have no work.
const staleAfter = int64(50 * time.Millisecond)

// maxHints is how many idle workers one commit wakes at most.
const maxHints = 64

// wakeWorkers hints to other processes that nodes are ready and unclaimed, except for functions that were hinted already,
// and invokes workers for them.
func (c *core) wakeWorkers(readied map[ledger.Class]int, hinted []string) {
	if len(readied) == 0 {
		return
	}
	names := make([]string, 0, len(readied))
	byName := make(map[string]int, len(readied))
	most := 0
	for class, n := range readied {
		name := c.layout.ClassName(class)
		byName[name] = n
		if !slices.Contains(hinted, name) {
			names = append(names, name)
			most = max(most, n)
		}
	}
	slices.Sort(names)
	c.cfg.Invoke(c.id, byName, c.rules.Invokers)
	if most > 0 {
		c.spawn(func(ctx context.Context) {
			_ = c.backend.Wake(ctx, c.id, names, min(most, maxHints)) // a hint: a worker that misses it polls
		})
	}
}

// inviteWorkers invokes workers for the nodes that a run begins with.
func (c *core) inviteWorkers(ready []ledger.Grant) {
	readied := map[string]int{}
	for _, g := range ready {
		readied[c.layout.ClassName(g.Class)]++
	}
	if len(readied) > 0 {
		c.cfg.Invoke(c.id, readied, c.rules.Invokers)
	}
}
