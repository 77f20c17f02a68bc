package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/dagscope/dagscope/cmd/app/bench"
)

const (
	// liveFor is how long a live run is watched, and panFor a graph is panned.
	liveFor = 8 * time.Second
	panFor  = 3 * time.Second
	// inputs is how many tasks a selected one waits for, chained how many wait for one another in a row, machines how
	// many workers a run has, and many how many tasks a large run has.
	inputs   = 10_000
	chained  = 10_000
	machines = 16_384
	many     = 99_999
	// zooms are turns of the wheel that make the graph some twenty times as large.
	zooms = 10
	// leastUrgent is the priority of a process that leaves processors to all others.
	leastUrgent = 19
)

// scrubbable holds as soon as the pictures of an ended run are painted and its playhead can be moved.
const scrubbable = "window.dagscope?.seek !== undefined && window.dagscope.frames() > 0 && window.dagscope.run().complete === true"

// side is one of the two programs that are compared.
type side struct {
	*dashboard
	name string
	runs map[string]summary // by what is measured with it
}

// contest is one measurement, the same on both sides; more or less is better.
type contest struct {
	name   string
	isRate bool
	take   func(ctx context.Context, b *chromium, s *side) (float64, error)
}

// versus compares this dashboard with that of a program that was built before, taking turns, and prints the best of the
// rounds of each: machines are noisy, and noise only ever makes slower.
func versus(ctx context.Context, w io.Writer, o options, b *chromium) (err error) {
	now, err := build(ctx)
	if err != nil {
		return err
	}
	sides := []*side{{dashboard: now, name: "now"}}
	if o.before != "" {
		dir, err := os.MkdirTemp("", "dagscope-bench-before")
		if err != nil {
			return errors.Join(err, now.end())
		}
		sides = append([]*side{{dashboard: &dashboard{dir: dir, program: o.before}, name: "before"}}, sides...)
	}
	defer func() {
		for _, s := range sides {
			err = errors.Join(err, s.end())
		}
	}()
	for _, s := range sides {
		if err := s.prepare(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	figures := make([][][]float64, len(contests))
	for i, c := range contests {
		var ways []func() (float64, error)
		for _, s := range sides {
			ways = append(ways, func() (float64, error) {
				got, err := c.take(ctx, b, s)
				if err != nil {
					return 0, fmt.Errorf("%s, %s: %w", s.name, c.name, err)
				}
				return got, nil
			})
		}
		if figures[i], err = bench.Interleave(ctx, o.rounds, ways...); err != nil {
			return err
		}
	}
	report(w, o, sides, figures)
	return nil
}

func report(w io.Writer, o options, sides []*side, figures [][][]float64) {
	fmt.Fprintf(w, "\nthe dashboard, the best of %d rounds, taking turns\n", o.rounds)
	t := bench.Table(w)
	for _, s := range sides {
		fmt.Fprintf(t, "\t%s", s.name)
	}
	fmt.Fprint(t, "\tratio\t\n")
	for n, c := range contests {
		fmt.Fprint(t, c.name)
		ratio := math.NaN()
		for i := range sides {
			series := bench.NewSeries(figures[n][i])
			figure := series.At(0)
			if c.isRate {
				figure = series.At(1)
			}
			fmt.Fprintf(t, "\t%.1f", figure)
			if i == 0 {
				ratio = 1 / figure
			} else {
				ratio *= figure
			}
		}
		if len(sides) == 1 {
			fmt.Fprint(t, "\t\t\n")
			continue
		}
		fmt.Fprintf(t, "\t%.2f\t\n", ratio)
	}
	t.Flush()
}

// prepare records what is shown.
func (s *side) prepare(ctx context.Context) error {
	s.runs = map[string]summary{}
	imported := map[string]string{}
	for name, made := range recordings {
		imported[name] = filepath.Join(s.dir, name+".json")
		if err := made().write(imported[name], name); err != nil {
			return err
		}
	}
	if _, err := os.Stat(recording); err == nil {
		imported["montage"] = recording
	}
	for _, path := range imported {
		if err := s.take(ctx, path); err != nil {
			return err
		}
	}
	if err := s.serve(ctx); err != nil {
		return err
	}
	// Tasks compute while the browser does: what is measured is the page, not how long it waits for a processor.
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, s.PID(), leastUrgent); err != nil {
		return err
	}
	for name := range imported {
		var list struct{ Runs []summary }
		if err := s.Ask(ctx, "/runs?text="+name, nil, &list); err != nil || len(list.Runs) == 0 {
			return errors.Join(err, fmt.Errorf("expected a run of %s", name))
		}
		s.runs[name] = list.Runs[0]
	}
	for _, tasks := range []int{20, 2000, 10_000, many} {
		run, err := s.submit(ctx, "tree-reduction", map[string]string{"n": strconv.Itoa(tasks + 1)})
		if err != nil {
			return err
		}
		s.runs[strconv.Itoa(tasks)] = run
	}
	return nil
}
