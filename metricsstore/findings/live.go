package findings

import (
	"math"

	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// live is what is known of a run that has not ended, as of a moment.
func (s *subject) live() []Finding {
	over := 0
	for _, state := range []runtable.State{runtable.Succeeded, runtable.Cached, runtable.Failed, runtable.Cancelled, runtable.Skipped, runtable.Lost} {
		over += s.counts[state]
	}
	isPaused := s.run.PausedAt(s.at)
	now := "the run is paused"
	if !isPaused {
		now = s.slotsWork()
	}
	f := s.finding(Progress)
	f.Tasks, f.To = over, int64(s.at)
	f = f.say(duration(s.at), " in, ", count(float64(over)), " of ", counted(s.table.Tasks(), "task"), " ended and ", now, ".")
	if long := s.run.LongRunning(s.at, s.isRunning); long != nil {
		f = f.say(" ").name(s.task(long.Node, long.Execute)).say(" has taken ", ratio(long.Ratio), " its median.")
		f.Query = taskQuery(long.Node)
	}
	if waiting := s.counts[runtable.Ready] + s.counts[runtable.Retrying]; waiting > 0 {
		wait, until := " wait ", "for a slot"
		if waiting == 1 {
			wait = " waits "
		}
		if isPaused {
			until = "until it is resumed"
		}
		f = f.say(" ", counted(waiting, "task"), wait, until, ".")
	}
	out := []Finding{f}
	if e := s.context.Expected; e != nil {
		end := s.finding(Expected)
		end.From, end.To = int64(e.P10), int64(e.P90)
		out = append(out, end.say("Expected end between ", duration(e.P10), " and ", duration(e.P90), " (p10 to p90 from ", counted(e.Runs, "run"), ")."))
	}
	return out
}

// slotsWork is how many slots are at work, now or on average in the last second: tasks of a few milliseconds are not seen
// one by one.
func (s *subject) slotsWork() string {
	n := s.run.SlotsAt(s.at)
	switch {
	case n.Peak == 0:
		return "no slot has worked yet"
	case n.There == 0:
		return "no worker is connected"
	}
	seen := s.counts[runtable.Fetching] + s.counts[runtable.Running] + s.counts[runtable.Storing]
	busy := min(n.There, max(seen, int(math.Round(n.BusyLately))))
	switch {
	case busy == 0 && n.BusyLately > 0:
		return "its slots were " + percent(n.BusyLately/n.ThereLately) + " busy in the last second"
	case busy == 0:
		return "no slot works"
	case busy >= n.There && n.There == 1:
		return "the only slot works"
	case busy >= n.There && n.There == 2:
		return "both slots work"
	case busy >= n.There:
		return "all " + numeral(n.There) + " slots work"
	case busy == 1:
		return "one of " + numeral(n.There) + " slots works"
	}
	return numeral(busy) + " of " + numeral(n.There) + " slots work"
}
