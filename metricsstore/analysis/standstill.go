package analysis

import (
	"math"
	"slices"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// Standstill is a stretch of time in which the run handed out no task, for which no task is to blame.
type Standstill struct {
	// Over: the run had ended and was continued later; otherwise it was paused.
	Over bool
	// From and To are nanoseconds since the run's start; To is infinite while it lasts.
	From, To float64
}

// standstillsOf lists pauses and the gaps between revisions, in order.
func standstillsOf(marks []runtable.Mark, end float64) []Standstill {
	var found []Standstill
	paused, finished := unknown, unknown
	endPause := func(to float64) {
		if paused < to {
			found = append(found, Standstill{From: paused, To: to})
		}
		paused = unknown
	}
	for _, m := range marks {
		at := float64(m.At)
		switch m.Kind {
		case record.RunPaused:
			if math.IsNaN(paused) {
				paused = at
			}
		case record.RunResumed:
			endPause(at)
		case record.RunFinished:
			endPause(at)
			finished = at
		case record.RunStarted:
			if finished < at {
				found = append(found, Standstill{Over: true, From: finished, To: at})
			}
		}
	}
	endPause(end)
	return found
}

// Standstills lists pauses and the gaps between revisions, in order.
func (r *Run) Standstills() []Standstill { return r.standstills }

// PausedAt reports whether the run was paused at a moment.
func (r *Run) PausedAt(at float64) bool {
	return slices.ContainsFunc(r.standstills, func(s Standstill) bool { return !s.Over && s.From <= at && at < s.To })
}

// stood is how much of a stretch of time was standstill, and how much of that the time between revisions.
func (r *Run) stood(from, to float64) (all, over float64) {
	for _, s := range r.standstills {
		ns := max(0, min(s.To, to)-max(s.From, from))
		all += ns
		if s.Over {
			over += ns
		}
	}
	return all, over
}
