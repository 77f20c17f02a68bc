package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dagscope/dagscope/bench/internal/redisserver"
	"github.com/dagscope/dagscope/cmd/app/bench"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// The ping-pong: a chain whose tasks are by turns of two functions, of which each worker process has only one. So every
// task becomes ready by one process and is run by the other, which has had nothing to do for a while.
const (
	pingSide = "ping"
	pongSide = "pong"
	// think is how long each task takes, so that the other worker is asleep when it is over.
	think = 2 * time.Millisecond
)

var (
	ping = engine.Func1(pingSide, ponder)
	pong = engine.Func1(pongSide, ponder)
)

func ponder(_ context.Context, n int) (int, error) {
	time.Sleep(think)
	return n + 1, nil
}

// rally is a chain of n tasks.
func rally(n int) (*dag.Graph, error) {
	b := engine.NewBuilder()
	at := engine.Const(b, 0)
	for i := range n {
		if i%2 == 0 {
			at = ping.Call(at)
		} else {
			at = pong.Call(at)
		}
	}
	return b.Compile(at)
}

// measureLatency finds how soon a task starts on another worker.
func (r *report) measureLatency(ctx context.Context, w io.Writer, o options) error {
	samples := 1200
	if o.quick {
		samples = 300
	}
	fmt.Fprintf(w, "\nlatency: a chain through two worker processes by turns, %d times %s apart; nothing else runs\n", samples, think)
	t := bench.Table(w)
	fmt.Fprintln(t, "\tp50 ms\tp90 ms\tp99 ms\tlongest ms\t")
	err := redisserver.With(ctx, func(s *redisserver.Server) (err error) {
		f, err := newFleet(ctx, s, s.URL(), o.profile, order{Functions: pingSide}, order{Functions: pongSide})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.close()) }()
		ready, ended, err := f.rally(ctx, samples)
		if err != nil {
			return err
		}
		printLatency(t, "from ready to started", ready)
		printLatency(t, "from the end of what it waits for to started", ended)
		r.latency = ready
		return nil
	})
	return errors.Join(err, t.Flush())
}

func printLatency(w io.Writer, name string, ms bench.Series) {
	fmt.Fprintf(w, "%s\t%.3f\t%.3f\t%.3f\t%.3f\t\n", name, ms.At(0.5), ms.At(0.9), ms.At(0.99), ms.At(1))
}

// rally plays and reads in the log how many ms tasks started after they were ready, and after the end of the one before.
func (f *fleet) rally(ctx context.Context, samples int) (ready, ended bench.Series, err error) {
	const first = 20 // tasks that are not counted: processes still join
	g, err := rally(first + samples)
	if err != nil {
		return nil, nil, err
	}
	s, err := f.execute(ctx, g, engine.RunOptions{})
	if err != nil {
		return nil, nil, err
	}
	var last record.Step
	for after := uint64(0); ; {
		steps, err := s.exec.Steps(ctx, after)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, nil, err
		}
		for _, step := range steps {
			after = step.Seq
			if step.Kind != record.AttemptEnded {
				continue
			}
			if step.Node >= first {
				if step.Worker == last.Worker {
					return nil, nil, fmt.Errorf("node %d ran on the worker of the node before, expected the other one", step.Node)
				}
				ready = append(ready, float64(step.Started-step.Ready)/1e6)
				ended = append(ended, float64(step.Started-last.Ended)/1e6)
			}
			last = step
		}
		if err != nil {
			break
		}
	}
	if len(ready) != samples {
		return nil, nil, fmt.Errorf("the log has %d tasks, expected %d", len(ready), samples)
	}
	return bench.NewSeries(ready), bench.NewSeries(ended), f.remove(ctx, s)
}
