package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/dagscope/dagscope/cmd/app/bench"
	"github.com/dagscope/dagscope/engine"
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
func rally(n int) (*engine.Graph, error) {
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

// latencies are ascending.
type latencies []time.Duration

func (l latencies) at(q float64) time.Duration { return l[min(int(q*float64(len(l))), len(l)-1)] }

// measureLatency finds how soon a task starts on another worker.
func (r *report) measureLatency(ctx context.Context, w io.Writer, o options) error {
	samples := 1200
	if o.quick {
		samples = 300
	}
	fmt.Fprintf(w, "\nlatency: a chain through two worker processes by turns, %d times %s apart; nothing else goes on\n", samples, think)
	t := bench.Table(w)
	fmt.Fprintln(t, "\tp50 ms\tp90 ms\tp99 ms\tlongest ms\t")
	err := withServer(ctx, func(s *server) (err error) {
		f, err := newFleet(ctx, s, s.url(), o.profile, order{Functions: pingSide}, order{Functions: pongSide})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.close()) }()
		ready, ended, err := f.rally(ctx, samples)
		if err != nil {
			return err
		}
		ready.print(t, "from ready to started")
		ended.print(t, "from the end of what it waits for to started")
		r.latency = ready
		return nil
	})
	return errors.Join(err, t.Flush())
}

func (l latencies) print(w io.Writer, name string) {
	ms := func(d time.Duration) float64 { return d.Seconds() * 1e3 }
	fmt.Fprintf(w, "%s\t%.3f\t%.3f\t%.3f\t%.3f\t\n", name, ms(l.at(0.5)), ms(l.at(0.9)), ms(l.at(0.99)), ms(l[len(l)-1]))
}

// rally plays and reads in the log how soon tasks started behind their readiness, and behind the end of the one before.
func (f *fleet) rally(ctx context.Context, samples int) (ready, ended latencies, err error) {
	const first = 20 // tasks that are not counted: processes still join
	g, err := rally(first + samples)
	if err != nil {
		return nil, nil, err
	}
	s, err := f.execute(ctx, g, engine.RunOptions{})
	if err != nil {
		return nil, nil, err
	}
	var last engine.Step
	for after := uint64(0); ; {
		steps, err := s.exec.Steps(ctx, after)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, nil, err
		}
		for _, step := range steps {
			after = step.Seq
			if step.Kind != engine.AttemptEnded {
				continue
			}
			if step.Node >= first {
				if step.Worker == last.Worker {
					return nil, nil, fmt.Errorf("node %d ran on the worker of the node before, expected the other one", step.Node)
				}
				ready = append(ready, time.Duration(step.Started-step.Ready))
				ended = append(ended, time.Duration(step.Started-last.Ended))
			}
			last = step
		}
		if err != nil {
			break
		}
	}
	if len(ready) != samples {
		return nil, nil, fmt.Errorf("the log tells of %d tasks, expected %d", len(ready), samples)
	}
	slices.Sort(ready)
	slices.Sort(ended)
	return ready, ended, f.remove(ctx, s)
}
