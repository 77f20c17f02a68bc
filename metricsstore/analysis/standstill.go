package analysis

import (
	"math"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// standstill is a stretch of time in which the run handed out no task, for which no task is to blame.
type standstill struct {
	// over: the run had ended and was continued later; otherwise it was paused.
	over     bool
	from, to float64
}

// standstillsOf lists pauses and the gaps between revisions, in order.
func standstillsOf(marks []runtable.Mark, end float64) []standstill {
	var found []standstill
	paused, finished := unknown, unknown
	endPause := func(to float64) {
		if paused < to {
			found = append(found, standstill{from: paused, to: to})
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
				found = append(found, standstill{over: true, from: finished, to: at})
			}
		}
	}
	endPause(end)
	return found
}

// stood is how much of a stretch of time was standstill, and how much of that the time between revisions.
func (r *Run) stood(from, to float64) (all, over float64) {
	for _, s := range r.standstills {
		ns := max(0, min(s.to, to)-max(s.from, from))
		all += ns
		if s.over {
			over += ns
		}
	}
	return all, over
}
