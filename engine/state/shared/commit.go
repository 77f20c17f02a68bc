package shared

import (
	"context"
	"time"

	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

const (
	// retryCall is the pause after an error that the back end did not retry by itself.
	retryCall = 250 * time.Millisecond
	// reservedPollEvery is how often a session asks for nodes that were reserved for it because it holds their input.
	reservedPollEvery = 50 * time.Millisecond
)

// work takes part in the run: it commits ends and gets claims. It reports whether the run is over; otherwise this process
// has left it, or ctx has ended.
func (r *run) work(ctx context.Context) (over bool) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		r.mu.Lock()
		pause, final := r.pause(), r.state.IsFinal()
		r.mu.Unlock()
		if final {
			r.stopLanes()
			return true
		}
		timer.Reset(pause)
		select {
		case <-ctx.Done():
			return false
		case l := <-r.leave:
			l.answer <- r.leaveRun(l.ctx, l.self)
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

// sleep waits for d, or until ctx ends.
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
	s, now := r.state, time.Now()
	if r.isDue() {
		return 0
	}
	next := r.session.sent.Add(r.session.beat)
	sooner := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	if s.HasPending() {
		if r.pendingSince.IsZero() {
			r.pendingSince = now
		}
		sooner(r.pendingSince.Add(time.Duration(member.BatchTime)))
	}
	if r.dry && r.nextDue > 0 && r.want() > 0 {
		sooner(now.Add(time.Duration(r.nextDue - r.clock.now())))
	}
	if s.AwaitsReserved() {
		sooner(r.session.sent.Add(reservedPollEvery))
	}
	if until := s.NextExpiry(); until > 0 {
		sooner(now.Add(time.Duration(until - r.clock.now())))
	}
	if at := r.staleAt(); !at.IsZero() {
		sooner(at)
	}
	return next.Sub(now)
}

// isDue reports whether a commit is due at once, because this process or another one waits for it. The lock is held.
func (r *run) isDue() bool {
	s := r.state
	switch {
	case s.IsFinal() || r.statusDue || r.session.id == "": // without a session the status is unknown
		return true
	case s.HasPending() && !r.awaitingUploads && (s.IsDue() || r.starving > 0):
		return true
	default:
		return !r.dry && r.want() > 0
	}
}

// needsTimer reports whether the committer has to compute its pause again. The lock is held.
func (r *run) needsTimer() bool { return r.isDue() || r.state.HasPending() && r.pendingSince.IsZero() }

// want is how many more nodes this process should claim. The lock is held.
func (r *run) want() int {
	if r.self == nil || r.state.HasLeft() {
		return 0
	}
	return r.state.Want(r.starving, r.record.Width)
}

// round makes one exchange with the store, if there is anything to report or to ask for.
func (r *run) round(ctx context.Context) error {
	if r.session.id == "" {
		if isOpen, err := r.open(ctx); !isOpen || err != nil {
			return err
		}
	}
	r.offerStale()
	r.lock()
	drafts, hint := r.collect()
	uploads, failed := r.state.TakeUploads()
	r.unlockAndNotify()
	r.upload(uploads)
	if failed {
		r.abandonSession(ctx, errUnstorable)
		return nil
	}
	if len(drafts) == 0 {
		return nil
	}
	return r.exchange(ctx, drafts, hint)
}

// collect drafts the commits of this round, none if there is nothing to report or to ask for. The lock is held.
func (r *run) collect() (drafts []*member.Draft, hint Hint) {
	s, now := r.state, time.Now()
	r.enforceHoldLimit()
	s.Expire()
	want := max(r.want(), 0)
	asks := want > 0 && (!r.dry || r.nextDue > 0 && r.clock.now() >= r.nextDue)
	polls := s.AwaitsReserved() && now.Sub(r.session.sent) >= reservedPollEvery
	beats := now.Sub(r.session.sent) >= r.session.beat
	ends, most := ledger.MaxEnds, 1
	if r.rules.NoBecome {
		ends, most = 1, member.Pipelined
	}
	for len(drafts) < most {
		d := s.Draft(ends)
		if d.IsEmpty() && (len(drafts) > 0 || !asks && !polls && !beats && !r.statusDue) {
			break
		}
		drafts = append(drafts, d)
		if d.IsEmpty() || d.IsAlone() {
			break
		}
	}
	if len(drafts) > 0 {
		r.hinted = false
		r.statusDue = false // not with the answer: the status may change meanwhile
	}
	r.pendingSince = time.Time{}
	if r.awaitingUploads = len(drafts) == 0 && s.HasPending(); r.awaitingUploads {
		r.pendingSince = now
	}
	for i, d := range drafts {
		r.address(d, (want+i)/len(drafts))
	}
	if len(drafts) > 0 {
		hint = r.hint(drafts, want)
	}
	return drafts, hint
}

// address fills in the session, number, lease and wishes of a commit; each of several asks for a part of the claims.
func (r *run) address(d *member.Draft, want int) {
	c := &d.Commit
	r.session.number++
	c.Session, c.Number, c.Lease = r.session.id, r.session.number, r.store.cfg.Lease
	if c.Blocks = r.state.Known(); c.Number == 1 {
		c.Blocks = 0 // the last session may have ended because the store has forgotten it: see learn
	}
	c.Want, c.Classes = want, r.layout.Own
	if !r.rules.NoBecome {
		c.Keep = want
	}
}
