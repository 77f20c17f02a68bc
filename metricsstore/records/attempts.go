package records

import (
	"cmp"
	"slices"

	"github.com/dagscope/dagscope/engine/record"
)

// read makes a stretch of each attempt: what is recorded of its moments, in order, and Unknown for the rest.
func (c *compiler) read() {
	c.first = make([]int32, len(c.run.Tasks)+1)
	total := 0
	for i := range c.run.Tasks {
		c.first[i] = int32(total)
		total += len(c.run.Tasks[i].Attempts)
	}
	c.first[len(c.run.Tasks)] = int32(total)
	c.stretches = make([]stretch, 0, total)
	c.zero = c.firstMoment()
	var r repairs
	for i := range c.run.Tasks {
		attempts := c.run.Tasks[i].Attempts
		for k := range attempts {
			s := c.stretch(int32(i), &attempts[k], &r)
			s.number = int32(k + 1)
			c.stretches = append(c.stretches, s)
		}
		c.lineUp(c.stretchesOf(int32(i)))
	}
	c.notes.Inferred(r.noStart, "attempts have no recorded start and are drawn where they ended, without a length")
	c.notes.Inferred(r.noEnd, "attempts have no recorded end and are drawn where they started, without a length")
	c.notes.Repaired(r.reversed, "attempts end before their start, by clocks that disagree, and are drawn without a length")
	c.notes.Repaired(r.disordered, "attempts have moments out of order, which were moved")
}

// repairs counts what was wrong with the moments of attempts.
type repairs struct{ noStart, noEnd, reversed, disordered int }

// stretch returns an attempt as recorded. If nothing says when it ran, its moments are unplaced, except that ended
// minus started is its runtime.
func (c *compiler) stretch(task int32, a *Attempt, r *repairs) stretch {
	s := stretch{task: task, worker: a.Worker, lane: a.Lane, became: None, outcome: a.Outcome, fetch: int64(max(a.Fetch, 0))}
	if s.worker < 0 || int(s.worker) >= len(c.run.Workers) {
		s.worker, s.lane = None, None
	}
	s.open = a.Outcome == record.NoOutcome
	started, ended := a.body()
	if !started.Known() && !ended.Known() {
		s.ready, s.claimed, s.started, s.ended, s.over = unplaced, unplaced, unplaced, unplaced, unplaced
		if a.Runtime >= 0 {
			s.over = int64(a.Runtime) // until it is placed
		}
		return s
	}
	s.placed = true
	switch {
	case !started.Known():
		started = ended
		r.noStart++
	case !ended.Known() && s.open:
		ended = started // until the end of the run is known
	case !ended.Known():
		ended = started
		r.noEnd++
	case ended < started:
		ended = started
		r.reversed++
	}
	s.started, s.ended = int64(started-c.zero), int64(ended-c.zero)
	s.claimed, s.over, s.ready = s.started, s.ended, unplaced
	if a.Claimed.Known() {
		s.claimed = int64(a.Claimed - c.zero)
	}
	if a.Over.Known() {
		s.over = int64(a.Over - c.zero)
	}
	if a.Ready.Known() {
		s.ready = int64(a.Ready - c.zero)
	}
	if s.claimed > s.started || s.over < s.ended || s.ready > min(s.claimed, s.started) {
		r.disordered++
	}
	s.claimed, s.over = min(s.claimed, s.started), max(s.over, s.ended)
	s.ready = min(s.ready, s.claimed)
	s.fetch = min(s.fetch, s.started-s.claimed)
	return s
}

// body returns when the body of an attempt started and ended, as far as that is recorded or follows.
func (a *Attempt) body() (started, ended Moment) {
	started, ended = a.Started, a.Ended
	if !ended.Known() && a.Outcome != record.NoOutcome {
		switch {
		case started.Known() && a.Runtime >= 0:
			ended = started.Add(a.Runtime)
		case a.Over.Known():
			ended = a.Over
		}
	}
	if !started.Known() {
		switch {
		case ended.Known() && a.Runtime >= 0:
			started = ended.Add(-a.Runtime)
		case a.Claimed.Known():
			started = a.Claimed
		}
	}
	if started.Known() && !ended.Known() && a.Runtime >= 0 && a.Outcome != record.NoOutcome {
		ended = started.Add(a.Runtime)
	}
	return started, ended
}

// firstMoment is the moment from which the run counts: its recorded start, or the first moment of an attempt if that is
// earlier or if there is none. If the run would exceed its recorded makespan by more than a minute when counted from
// its start, but not when counted from its first attempt, the latter is used: the two were written in different zones.
func (c *compiler) firstMoment() Moment {
	first, last := Unknown, Unknown
	for i := range c.run.Tasks {
		for k := range c.run.Tasks[i].Attempts {
			a := &c.run.Tasks[i].Attempts[k]
			started, ended := a.body()
			for _, m := range [...]Moment{a.Ready, a.Claimed, started, ended} { // only the end may be known
				if m.Known() && (!first.Known() || m < first) {
					first = m
				}
			}
			last = max(last, ended, started)
		}
	}
	const minute = Moment(60e9)
	at, makespan := c.run.Started, Moment(c.run.Makespan)
	switch {
	case !first.Known() && at.Known():
		return at
	case !first.Known() && c.run.Date.Known() && !c.run.Undated:
		return c.run.Date
	case !first.Known():
		return 0
	case !at.Known() || first < at:
		return first
	case makespan > 0 && last-at > makespan+minute && last-first <= makespan+minute:
		return first
	}
	return at
}

// lineUp puts the attempts of a task in the order in which they ended, the one that counts last: where two ran at the
// same time, as speculative ones do, that is the one that succeeded, even if the other was stopped only afterwards.
func (c *compiler) lineUp(attempts []stretch) {
	if len(attempts) < 2 || !slices.ContainsFunc(attempts, func(s stretch) bool { return s.placed }) {
		return
	}
	slices.SortStableFunc(attempts, func(a, b stretch) int { return cmp.Compare(a.over, b.over) })
	last := attempts[len(attempts)-1]
	if last.isOK() {
		return
	}
	for k := len(attempts) - 2; k >= 0; k-- {
		if s := attempts[k]; s.isOK() && s.over > last.claimed {
			copy(attempts[k:], attempts[k+1:])
			attempts[len(attempts)-1] = s
			return
		}
	}
}
