package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/dagscope/dagscope/bench/internal/redisserver"
	"github.com/dagscope/dagscope/cmd/app/bench"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// shapes are the graphs that goals are set for.
func (o options) shapes() []bench.Shape {
	if o.quick {
		return []bench.Shape{{Kind: bench.Tree, Size: 2048}, {Kind: bench.Fan, Size: 2000}, {Kind: bench.Chain, Size: 2000}}
	}
	return []bench.Shape{{Kind: bench.Tree, Size: 16_384}, {Kind: bench.Fan, Size: 10_000}, {Kind: bench.Chain, Size: 10_000}}
}

// fleetSizes are how many worker processes there are at a time.
var fleetSizes = []int{1, 2, 8}

// figure is what runs of one shape cost on so many workers: of the quickest run.
type figure struct {
	shape    bench.Shape
	workers  int
	locality bool
	rate     float64 // tasks a second, from the run's beginning to its end
	all      time.Duration
	used     counters
	redis    redisserver.Usage
}

// measureEngine runs every shape with fleets of every size, locality on and off.
func (r *report) measureEngine(ctx context.Context, w io.Writer, o options) error {
	fmt.Fprintf(w, "\nengine: worker processes with a lane for each of %d processors, the log kept, values inline; the quickest of %d runs;\n"+
		"submitted is from the submission until its end is known; commands, round trips and CPU are per task, of all processes\n", runtime.NumCPU(), o.rounds)
	t := bench.Table(w)
	fmt.Fprintln(t, "\tworkers\tlocality\ttasks/s\tsubmitted ms\tcommands\tround trips\tworkers' CPU us\tRedis's CPU us\tRedis's commands\t")
	var errs []error
	for _, n := range fleetSizes {
		errs = append(errs, redisserver.With(ctx, func(s *redisserver.Server) error { return r.measureFleet(ctx, s, n, o) }))
	}
	for _, s := range o.shapes() {
		for _, n := range fleetSizes {
			for _, locality := range []bool{true, false} {
				if f := r.find(s, n, locality); f != nil {
					f.print(t)
				}
			}
		}
	}
	return errors.Join(append(errs, t.Flush())...)
}

func (f *figure) print(t io.Writer) {
	on := "off"
	if f.locality {
		on = "on"
	}
	each := func(n uint64) float64 { return float64(n) / float64(f.shape.Tasks()) }
	fmt.Fprintf(t, "%s\t%d\t%s\t%.0f\t%.0f\t%.4f\t%.4f\t%.1f\t%.1f\t%.2f\t\n", f.shape, f.workers, on, f.rate, float64(f.all.Milliseconds()),
		each(f.used.Commands), each(f.used.RoundTrips), each(uint64(f.used.CPU))/1e3, each(uint64(f.redis.CPU))/1e3, each(f.redis.Commands))
}

// measureFleet measures all shapes with n worker processes.
func (r *report) measureFleet(ctx context.Context, s *redisserver.Server, n int, o options) (err error) {
	f, err := newFleet(ctx, s, s.URL(), o.profile, make([]order, n)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if err := f.warmUp(ctx); err != nil {
		return err
	}
	for _, shape := range o.shapes() {
		g, err := shape.Graph()
		if err != nil {
			return err
		}
		for _, locality := range []bool{true, false} {
			best := figure{shape: shape, workers: n, locality: locality}
			for range o.rounds {
				if err := f.measure(ctx, g, &best); err != nil {
					return fmt.Errorf("%s on %d workers: %w", shape, n, err)
				}
			}
			r.figures = append(r.figures, best)
		}
	}
	return nil
}

// warmUp lets all processes have worked before anything is measured.
func (f *fleet) warmUp(ctx context.Context) error {
	g, err := bench.Shape{Kind: bench.Tree, Size: 1024}.Graph()
	if err != nil {
		return err
	}
	for range 3 {
		s, err := f.execute(ctx, g, engine.RunOptions{})
		if err == nil {
			err = f.remove(ctx, s)
		}
		if err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}

// measure runs a graph once, and keeps what it cost where it was the quickest so far.
func (f *fleet) measure(ctx context.Context, g *dag.Graph, best *figure) error {
	before, err := f.spent()
	if err != nil {
		return err
	}
	redisBefore, err := f.server.Usage(ctx)
	if err != nil {
		return err
	}
	s, err := f.execute(ctx, g, engine.RunOptions{Rules: record.Rules{NoBecome: !best.locality}})
	if err != nil {
		return err
	}
	if _, got := s.exec.End(); got != best.shape.Want() {
		return fmt.Errorf("the run returns %v, expected %d", got, best.shape.Want())
	}
	after, err := f.spent()
	if err != nil {
		return err
	}
	redisAfter, err := f.server.Usage(ctx)
	if err != nil {
		return err
	}
	if rate := float64(best.shape.Tasks()) / s.run.Seconds(); rate > best.rate {
		best.rate, best.all, best.used, best.redis = rate, s.all, after.minus(before), redisAfter.Minus(redisBefore)
	}
	return f.remove(ctx, s)
}
