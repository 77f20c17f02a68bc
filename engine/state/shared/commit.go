package shared

import (
	"context"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

// reservedPollEvery is how often a session asks for nodes that were reserved for it because it holds their input.
const reservedPollEvery = 50 * time.Millisecond

// committer takes part in the run by sessions: it commits ends and gets claims.
type committer struct {
	*core
	fetcher  *fetcher
	uploader *uploader
	controls *controls
	leave    chan leaving // from Leave

	// Owned by the goroutine of run.
	number     uint64             // of the session's last commit
	isNew      bool               // the session has made no commit yet
	answered   time.Time          // when the last answered call was sent
	sent       time.Time          // when the last commit was sent
	beat       time.Duration      // the longest pause before the next commit
	unanswered []ledger.SessionID // fenced without an answer, so that the store may not have ended them
	offeredAt  time.Time          // when other sessions were last listed, see offerStale
}

// run takes part until the run is over, which it reports, this process leaves it, or ctx ends.
func (c *committer) run(ctx context.Context) (over bool) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		c.mu.Lock()
		pause, final := c.pause(), c.state.IsFinal()
		c.mu.Unlock()
		if final {
			c.stopLanes()
			return true
		}
		timer.Reset(pause)
		select {
		case <-ctx.Done():
			return false
		case l := <-c.leave:
			l.answer <- c.leaveRun(l.ctx, l.self)
			return false
		case <-c.kick:
			continue
		case <-timer.C:
		}
		if err := c.round(ctx); err != nil && ctx.Err() == nil {
			c.log.Error("the store cannot be used", "error", err)
			sleep(ctx, retryCall)
		}
	}
}

// pause is how long the committer may sleep. The lock is held.
func (c *committer) pause() time.Duration {
	s, now := c.state, time.Now()
	if c.isDue() {
		return 0
	}
	next := c.sent.Add(c.beat)
	sooner := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	if s.HasPending() {
		if c.due.since.IsZero() {
			c.due.since = now
		}
		sooner(c.due.since.Add(time.Duration(member.BatchTime)))
	}
	if c.appetite == dry && c.due.retry > 0 && c.want() > 0 {
		sooner(now.Add(time.Duration(c.due.retry - c.clock.now())))
	}
	if s.AwaitsReserved() {
		sooner(c.sent.Add(reservedPollEvery))
	}
	if until := s.NextExpiry(); until > 0 {
		sooner(now.Add(time.Duration(until - c.clock.now())))
	}
	if at := c.staleAt(); !at.IsZero() {
		sooner(at)
	}
	return next.Sub(now)
}

// round makes one exchange with the store, if there is anything to report or to ask for.
func (c *committer) round(ctx context.Context) error {
	if c.session.id == "" {
		if isOpen, err := c.open(ctx); !isOpen || err != nil {
			return err
		}
	}
	c.offerStale()
	c.lock()
	drafts, hint := c.collect()
	uploads, failed := c.state.TakeUploads()
	c.unlockAndNotify()
	c.uploader.upload(c.session.id, uploads)
	if failed {
		c.abandonSession(ctx, errUnstorable)
		return nil
	}
	if len(drafts) == 0 {
		return nil
	}
	return c.exchange(ctx, drafts, hint)
}

// collect drafts the commits of this round, none if there is nothing to report or to ask for. The lock is held.
func (c *committer) collect() (drafts []*member.Draft, hint Hint) {
	s, now := c.state, time.Now()
	c.uploader.enforceHoldLimit()
	s.Expire()
	want := max(c.want(), 0)
	asks := want > 0 && (c.appetite != dry || c.due.retry > 0 && c.clock.now() >= c.due.retry)
	polls := s.AwaitsReserved() && now.Sub(c.sent) >= reservedPollEvery
	beats := now.Sub(c.sent) >= c.beat
	ends, most := ledger.MaxEnds, 1
	if c.rules.NoBecome {
		ends, most = 1, member.Pipelined
	}
	for len(drafts) < most {
		d := s.Draft(ends)
		if d.IsEmpty() && (len(drafts) > 0 || !asks && !polls && !beats && !c.due.status) {
			break
		}
		drafts = append(drafts, d)
		if d.IsEmpty() || d.IsAlone() {
			break
		}
	}
	if len(drafts) > 0 {
		c.appetite.drafted()
		c.due.status = false // not with the answer: the status may change meanwhile
	}
	c.due.since = time.Time{}
	if c.due.uploads = len(drafts) == 0 && s.HasPending(); c.due.uploads {
		c.due.since = now
	}
	if len(drafts) > 0 {
		most, classes := s.Wishes(want, c.hooks.Room)
		for i, d := range drafts {
			c.address(d, (most+i)/len(drafts), classes)
		}
		hint = c.hint(drafts, want)
	}
	return drafts, hint
}

// address fills in the session, number, lease and wishes of a commit; each of several asks for a part of the claims.
func (c *committer) address(d *member.Draft, want int, classes []ledger.Class) {
	commit := &d.Commit
	c.number++
	commit.Session, commit.Number, commit.Lease = c.session.id, c.number, c.cfg.Lease
	if commit.Blocks = c.state.Known(); commit.Number == 1 {
		commit.Blocks = 0 // the last session may have ended because the store has forgotten it: see learn
	}
	commit.Want, commit.Classes = want, classes
	if !c.rules.NoBecome {
		commit.Keep = want
	}
}

// hint is for commits that certainly make more nodes ready than this session takes: nodes with a single parent and
// the roots of a fan-out. For other nodes the hint is sent after the answer. The lock is held.
func (c *committer) hint(drafts []*member.Draft, want int) Hint {
	if c.state.Others() == 0 {
		return Hint{} // no other session is known; after the answer is soon enough
	}
	certain := map[ledger.Class]int{}
	for _, d := range drafts {
		commit := &d.Commit
		for i := range commit.Edges {
			if e := &commit.Edges[i]; e.Waits == 1 && e.Hold == 0 && !e.Bad {
				certain[e.Class]++
			}
		}
		for i := range commit.Ends {
			if x := commit.Ends[i].Expand; x != nil {
				for _, root := range x.Roots {
					certain[root.Class] += int(x.Width)
				}
			}
		}
	}
	for _, own := range drafts[0].Commit.Classes {
		if n := certain[own]; n > 0 {
			certain[own] = max(0, n-want)
			want = max(0, want-n)
		}
	}
	var h Hint
	for class, n := range certain {
		if n > 0 {
			h.Functions = append(h.Functions, c.layout.ClassName(class))
			h.N = min(max(h.N, n), maxHints)
		}
	}
	slices.Sort(h.Functions)
	return h
}

const (
	// askAfter is how often the other sessions are listed when nodes are stale.
	askAfter = 250 * time.Millisecond
	// askAlone is the same if there were none the last time.
	askAlone = time.Second
)

// staleAt is when this process should find out whether others have no work, zero for never. The lock is held.
func (c *committer) staleAt() time.Time {
	oldest, ok := c.state.OldestQueued()
	if !ok {
		return time.Time{}
	}
	pause := askAfter
	if c.state.Others() == 0 {
		pause = askAlone
	}
	stale := time.Now().Add(time.Duration(oldest + staleAfter - c.clock.now()))
	if next := c.offeredAt.Add(pause); stale.Before(next) {
		return next
	}
	return stale
}

// offerStale releases nodes that have waited here for too long, if others have no work.
func (c *committer) offerStale() {
	c.lock()
	at := c.staleAt()
	isDue := !at.IsZero() && !time.Now().Before(at)
	if isDue {
		c.offeredAt = time.Now()
	}
	c.unlockAndNotify()
	if !isDue {
		return
	}
	c.spawn(func(ctx context.Context) {
		if workers, err := c.backend.Workers(ctx, c.id); err == nil {
			c.updateSessions(workers)
		}
	})
}
