package shared

import (
	"context"
	"time"

	"github.com/dagscope/dagscope/engine/state/ledger"
)

const (
	// pipelined is how many commits of single ends leave together.
	pipelined = 32
	// retryCall is how long the committer waits after an error that the back end did not repeat by itself.
	retryCall = 250 * time.Millisecond
	// lookForReserved is how often a session asks for nodes that wait for what it holds.
	lookForReserved = 50 * time.Millisecond
)

// work takes part in the run: it commits what has ended and takes claims. It reports whether the run is over; else this
// process has left it, or ctx has ended.
func (r *run) work(ctx context.Context) (over bool) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		r.mu.Lock()
		pause, final := r.pause(), r.share.status.Final()
		r.mu.Unlock()
		if final {
			r.halt()
			return true
		}
		timer.Reset(pause)
		select {
		case <-ctx.Done():
			return false
		case l := <-r.leave:
			l.answer <- r.resign(l.ctx, l.self)
			return false
		case <-r.kick:
			continue
		case <-timer.C:
		}
		if err := r.round(ctx); err != nil && ctx.Err() == nil {
			r.store.cfg.Log.Error("the store cannot be used", "run", r.id, "error", err)
			sleep(ctx, retryCall)
		}
	}
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// pause is how long the committer may sleep. The lock is held.
func (r *run) pause() time.Duration {
	s, now := r.share, time.Now()
	if r.isDue() {
		return 0
	}
	next := r.session.sent.Add(r.session.beat)
	sooner := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	if s.pending() {
		if r.since.IsZero() {
			r.since = now
		}
		sooner(r.since.Add(time.Duration(batchTime)))
	}
	if r.dry && r.nextDue > 0 && r.want() > 0 {
		sooner(now.Add(time.Duration(r.nextDue - r.clock.now())))
	}
	if s.awaitsOthers() {
		sooner(r.session.sent.Add(lookForReserved))
	}
	if until := s.nextExpiry(); until > 0 {
		sooner(now.Add(time.Duration(until - r.clock.now())))
	}
	if at := r.staleAt(); !at.IsZero() {
		sooner(at)
	}
	return next.Sub(now)
}

// isDue reports whether something should be committed at once: the store is waited for, or somebody waits for it. The
// lock is held.
func (r *run) isDue() bool {
	s := r.share
	switch {
	case s.status.Final() || r.heard || r.session.id == "": // without a session nobody tells how the run stands
		return true
	case s.pending() && !r.stuck && (s.urgent || len(s.outbox) >= ledger.MaxEnds || r.starving > 0):
		return true
	default:
		return !r.dry && r.want() > 0
	}
}

// isNews reports whether the committer should look at its timer again. The lock is held.
func (r *run) isNews() bool { return r.isDue() || r.share.pending() && r.since.IsZero() }

// want is how many more nodes this process should have. The lock is held.
func (r *run) want() int {
	s := r.share
	if !s.goesOn() || r.left || r.self == nil {
		return 0
	}
	if s.yields() {
		if s.isIdle() {
			return 1
		}
		return 0
	}
	s.width = max(r.record.Width, s.busy, 1)
	queue, target := s.queue.len(), s.target()
	demand := min(r.starving, max(s.width, 4*s.busy)) // lanes that sleep may be many, and their pool shrinks again
	if s.busy == 0 {
		demand = max(demand, s.width) // lanes may not have looked here yet
	}
	if demand <= queue && 2*queue > target {
		return 0 // a few at a time would cost a commit each
	}
	return min(max(demand, target)-queue, maxQueued)
}

// round makes one exchange with the store, if there is anything to tell or to ask.
func (r *run) round(ctx context.Context) error {
	if r.session.id == "" {
		if isOpen, err := r.open(ctx); !isOpen || err != nil {
			return err
		}
	}
	r.giveAway()
	r.lock()
	drafts := r.collect()
	uploads, failed := r.share.uploads, r.share.failed
	r.share.uploads, r.share.failed = nil, false
	r.unlock()
	r.upload(uploads)
	if failed {
		r.giveUp(ctx, errUnstorable)
		return nil
	}
	if len(drafts) == 0 {
		return nil
	}
	return r.exchange(ctx, drafts)
}

// collect drafts the commits of this round, none where there is nothing to tell or to ask. The lock is held.
func (r *run) collect() []*draft {
	s, now := r.share, time.Now()
	r.shed()
	s.expire()
	want := max(r.want(), 0)
	asks := want > 0 && (!r.dry || r.nextDue > 0 && s.now >= r.nextDue)
	polls := s.awaitsOthers() && now.Sub(r.session.sent) >= lookForReserved
	beats := now.Sub(r.session.sent) >= r.session.beat
	ends, most := ledger.MaxEnds, 1
	if s.rules.NoBecome {
		ends, most = 1, pipelined
	}
	var drafts []*draft
	for len(drafts) < most {
		d := s.draft(ends)
		if d.isEmpty() && (len(drafts) > 0 || !asks && !polls && !beats && !r.heard) {
			break
		}
		drafts = append(drafts, d)
		if d.isEmpty() || d.alone {
			break
		}
	}
	if len(drafts) > 0 {
		r.roused = false
		r.heard = false // here, and not with the answer: what is heard meanwhile may be news
	}
	r.since = time.Time{}
	if r.stuck = len(drafts) == 0 && s.pending(); r.stuck {
		r.since = now
	}
	for i, d := range drafts {
		r.address(d, (want+i)/len(drafts))
	}
	if len(drafts) > 0 {
		r.hint(drafts, want)
	}
	return drafts
}

// address fills in what a commit has beside what it tells: where several ask, each asks for a share of the claims.
func (r *run) address(d *draft, want int) {
	c := &d.call.Commit
	r.session.number++
	c.Session, c.Number, c.Lease = r.session.id, r.session.number, r.store.cfg.Lease
	if c.Blocks = len(r.share.dynamic); c.Number == 1 {
		c.Blocks = 0 // the last session may have ended because the store has forgotten it: see learn
	}
	c.Want, c.Classes, d.forSuspects = want, r.layout.own, r.share.yields()
	if !r.rules.NoBecome {
		c.Keep = want
	}
}
