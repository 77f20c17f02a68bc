package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Options of a measurement; the zero value means the defaults.
type Options struct {
	// Rounds is how often each mode is measured; default 15, 5 with Quick.
	Rounds int
	// Quick leaves out the large graphs, for a first look of some seconds.
	Quick bool
	// Shapes to measure instead of the default ones.
	Shapes []Shape
	// Sleep of each task of the blocking tree; default 10 ms.
	Sleep time.Duration
	// Dir is where the archive is kept while it is measured; default a new folder of the system's for temporary files.
	Dir string
}

func (o Options) withDefaults() Options {
	if o.Rounds <= 0 {
		o.Rounds = 15
		if o.Quick {
			o.Rounds = 5
		}
	}
	if o.Sleep <= 0 {
		o.Sleep = 10 * time.Millisecond
	}
	if len(o.Shapes) == 0 {
		o.Shapes = DefaultShapes(o.Quick)
	}
	return o
}

// DefaultShapes are those that goals are set for.
func DefaultShapes(quick bool) []Shape {
	if quick {
		return []Shape{{Tree, 1024}, {Fan, 1000}, {Chain, 1000}}
	}
	return []Shape{{Tree, 1024}, {Tree, 16_384}, {Tree, 65_536}, {Fan, 10_000}, {Chain, 10_000}}
}

// Small graphs run several times for one sample, until it has so many tasks, or they are lost in the clock's noise.
const (
	sampleTasks = 1 << 15
	sampleRuns  = 16 // at most
)

// Run measures and prints as it goes. The error is of what could not be measured; goals that are missed are no error.
func Run(ctx context.Context, w io.Writer, o Options) (_ Report, err error) {
	o = o.withDefaults()
	dir, err := os.MkdirTemp(o.Dir, "dagscope-bench-")
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := Report{Machine: ThisMachine(), Rounds: o.Rounds}
	r.print(w)
	if err := r.measureShapes(ctx, w, o, dir); err != nil {
		return r, err
	}
	if r.Blocking, err = measureBlocking(ctx, o); err != nil {
		return r, err
	}
	r.Blocking.print(w)
	if err := r.measureLive(ctx, w, o); err != nil {
		return r, err
	}
	r.judge()
	r.printGoals(w)
	return r, nil
}

func (r *Report) measureShapes(ctx context.Context, w io.Writer, o Options, dir string) (err error) {
	a, err := newArena(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	for _, s := range o.Shapes {
		result, err := a.measure(ctx, s, o.Rounds)
		if err != nil {
			return fmt.Errorf("bench: %s: %w", s, err)
		}
		result.print(w)
		r.Shapes = append(r.Shapes, result)
	}
	return nil
}

// measure lets every contestant run the shape in turns.
func (a *arena) measure(ctx context.Context, s Shape, rounds int) (Result, error) {
	n := min(max(1, sampleTasks/s.Tasks()), sampleRuns)
	ways := make([]func() (sample, error), len(a.contestants))
	for i, c := range a.contestants {
		run, err := c.prepare(s)
		if err != nil {
			return Result{}, err
		}
		if _, err := run(ctx); err != nil { // a first run fills queues and pools
			return Result{}, err
		}
		ways[i] = func() (sample, error) {
			return take(n, s.Tasks(), func() (timing, error) { return run(ctx) })
		}
	}
	samples, err := Interleave(ctx, rounds, ways...)
	if err != nil {
		return Result{}, err
	}
	return newResult(s, a.contestants, samples), nil
}

func (r *Report) judge() {
	for _, s := range r.Shapes {
		r.Goals = append(r.Goals, s.goals()...)
	}
	r.Goals = append(r.Goals, r.Blocking.goal())
	for _, l := range r.Live {
		r.Goals = append(r.Goals, l.goal())
	}
}
