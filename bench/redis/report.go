package main

import (
	"fmt"
	"io"

	"github.com/dagscope/dagscope/cmd/app/bench"
)

// report is what has been measured.
type report struct {
	floors  []floor
	figures []figure
	latency bench.Series // ms
	asynq   float64
}

// Goals.
const (
	offGoal      = 0.6  // locality off, of what redis-benchmark reaches with our own script
	commandsGoal = 0.05 // a task, locality on
	onGoal       = 10   // locality on, by locality off
	asynqGoal    = 10
	riverGoal    = 3
	daskGoal     = 50
	typicalGoal  = 0.5 // ms
	slowestGoal  = 3.0 // ms, of 99 %
)

// find gives a figure, nil where it was not measured.
func (r *report) find(s bench.Shape, workers int, locality bool) *figure {
	for i := range r.figures {
		if f := &r.figures[i]; f.shape == s && f.workers == workers && f.locality == locality {
			return f
		}
	}
	return nil
}

// best is the quickest figure of a shape, nil where none was measured.
func (r *report) best(s bench.Shape, locality bool) (best *figure) {
	for i := range r.figures {
		if f := &r.figures[i]; f.shape == s && f.locality == locality && (best == nil || f.rate > best.rate) {
			best = f
		}
	}
	return best
}

// printGoals compares what has been measured.
func (r *report) printGoals(w io.Writer) {
	fmt.Fprintln(w, "\ngoals; of several numbers of workers the best")
	var shapes []bench.Shape
	for i := range r.figures {
		if f := &r.figures[i]; f.workers == fleetSizes[0] && f.locality {
			shapes = append(shapes, f.shape)
		}
	}
	for _, s := range shapes {
		r.printShape(w, s)
	}
	if r.latency != nil {
		fmt.Fprintln(w, bench.AtMost("ready to started on another worker, p50 in ms", r.latency.At(0.5), typicalGoal))
		fmt.Fprintln(w, bench.AtMost("ready to started on another worker, p99 in ms", r.latency.At(0.99), slowestGoal))
	}
}

func (r *report) printShape(w io.Writer, s bench.Shape) {
	on, off := r.best(s, true), r.best(s, false)
	if f := r.floorOf(s); f != nil {
		fmt.Fprintln(w, bench.AtLeast(s.String()+", locality off / the same commits in pipelines of 16", off.rate/f.best(), offGoal))
		if s.Kind == bench.Chain { // it has nothing to put into a pipeline
			fmt.Fprintln(w, bench.AtLeast(s.String()+", locality off / the same commits one by one", off.rate/f.plain, offGoal))
		}
	}
	for _, n := range fleetSizes {
		if f := r.find(s, n, true); f != nil {
			name := fmt.Sprintf("%s, locality on, commands a task with workers: %d", s, n)
			fmt.Fprintln(w, bench.AtMost(name, float64(f.used.Commands)/float64(s.Tasks()), commandsGoal))
		}
	}
	fmt.Fprintln(w, bench.AtLeast(s.String()+", locality on / off", on.rate/off.rate, onGoal))
	if r.asynq > 0 {
		fmt.Fprintln(w, bench.AtLeast(s.String()+", locality on / asynq", on.rate/r.asynq, asynqGoal))
	}
	fmt.Fprintln(w, bench.AtLeast(s.String()+", locality on / river", on.rate/riverRate, riverGoal))
	fmt.Fprintln(w, bench.AtLeast(s.String()+", locality on / Dask distributed", on.rate/daskRate, daskGoal))
}
