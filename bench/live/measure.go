package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/dagscope/dagscope/cmd/app/bench"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// viewer is one socket. What it gets is only counted, unless each is set.
type viewer struct {
	ws    *websocket.Conn
	bytes int
	each  func(f runtable.Frame, now time.Time)
}

func (s *service) open(ctx context.Context, subscribe ...map[string]any) (*viewer, error) {
	ws, _, err := websocket.Dial(ctx, "ws://"+s.address+"/", nil)
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(1 << 20)
	v := &viewer{ws: ws}
	for _, c := range subscribe {
		b, err := json.Marshal(c)
		if err == nil {
			err = ws.Write(ctx, websocket.MessageText, b)
		}
		if err != nil {
			return nil, err
		}
	}
	return v, nil
}

func toRun(run string) map[string]any {
	return map[string]any{"type": "subscribe", "channel": 1, "topic": "run", "run": run}
}

// read reads one message and reports whether it was the last frame of the run, or a frame at all.
func (v *viewer) read(ctx context.Context) (frame, last bool, err error) {
	kind, b, err := v.ws.Read(ctx)
	if err != nil || kind != websocket.MessageBinary {
		return false, false, err
	}
	v.bytes += len(b)
	f, err := runtable.DecodeFrame(b)
	if err == nil && v.each != nil {
		v.each(f, time.Now())
	}
	return true, f.Complete, err
}

// first reads until the first frame.
func (v *viewer) first(ctx context.Context) error {
	for {
		if frame, _, err := v.read(ctx); frame || err != nil {
			return err
		}
	}
}

// rest reads until the run has ended.
func (v *viewer) rest(ctx context.Context) error {
	for {
		if _, last, err := v.read(ctx); last || err != nil {
			return err
		}
	}
}

// round runs a shape with so many viewers; with sees each of them before the run begins.
func (s *service) round(ctx context.Context, sh shape, viewers int, with func(*viewer, answer)) (answer, error) {
	begun, err := s.ask(command{Do: "begin", Shape: sh})
	if err != nil {
		return begun, err
	}
	var readers sync.WaitGroup
	for range viewers {
		v, err := s.open(ctx, toRun(begun.Run))
		if err != nil {
			return begun, err
		}
		if err := v.first(ctx); err != nil {
			return begun, err
		}
		if with != nil {
			with(v, begun)
		}
		readers.Go(func() {
			_ = v.rest(ctx) // one that fails is missed in the frames
			_ = v.ws.Close(websocket.StatusNormalClosure, "")
		})
	}
	a, err := s.ask(command{Do: "go"})
	readers.Wait()
	a.Run = begun.Run
	return a, err
}

// watched compares runs with viewers and without.
func (s *service) watched(ctx context.Context, w io.Writer, o options) error {
	shapes := []shape{
		{"fan", 5000, computes},
		{"tree", 2047, computes},
		{"fan", 5000, waits},
		{"tree", 32_767, idles},
	}
	fmt.Fprintf(w, "\nprocessor time of the service for a run, the least of %d rounds, in ms\n", o.rounds)
	t := bench.Table(w)
	fmt.Fprintf(t, "\talone\t%d viewers\tratio\tframes\tencoded\t\n", o.viewers)
	var ratios []float64
	for _, sh := range shapes {
		alone := func() (answer, error) { return s.round(ctx, sh, 0, nil) }
		watched := func() (answer, error) { return s.round(ctx, sh, o.viewers, nil) }
		answers, err := bench.Interleave(ctx, o.rounds, alone, watched)
		if err != nil {
			return err
		}
		by := func(a, b answer) int { return cmp.Compare(a.CPU, b.CPU) }
		least, most := slices.MinFunc(answers[0], by), slices.MinFunc(answers[1], by)
		last := answers[1][len(answers[1])-1]
		ratio := float64(most.CPU) / float64(least.CPU)
		ratios = append(ratios, ratio)
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.3f\t%d\t%d\t\n", sh, ms(least.CPU), ms(most.CPU), ratio, last.Frames, last.Encoded)
	}
	t.Flush()
	for i := range 2 {
		goal(w, "being watched: "+shapes[i].String(), ratios[i], 1.05)
	}
	return nil
}

func ms(ns int64) float64 { return float64(ns) / 1e6 }

// idle measures sockets that watch an ended run and the list of runs, while nothing happens.
func (s *service) idle(ctx context.Context, w io.Writer, o options) error {
	ended, err := s.round(ctx, shape{"fan", 100, idles}, 1, nil)
	if err != nil {
		return err
	}
	before, err := s.ask(command{Do: "memory"})
	if err != nil {
		return err
	}
	var sockets []*viewer
	for range o.idle {
		v, err := s.open(ctx, toRun(ended.Run), map[string]any{"type": "subscribe", "channel": 2, "topic": "runs"})
		if err != nil {
			return err
		}
		sockets = append(sockets, v)
		if err := v.rest(ctx); err != nil {
			return err
		}
	}
	after, err := s.ask(command{Do: "memory"})
	if err != nil {
		return err
	}
	n := float64(max(o.idle, 1)) * 1024
	heap, stack, rss := float64(after.Heap-before.Heap)/n, float64(after.Stack-before.Stack)/n, float64(after.RSS-before.RSS)/n
	fmt.Fprintf(w, "\n%d idle sockets, each watching an ended run and the list of runs: KiB a socket\n", after.Clients)
	fmt.Fprintf(w, "heap %.1f, stacks %.1f, resident %.1f\n", heap, stack, rss)
	goal(w, "KiB of heap and stacks for an idle socket", heap+stack, 64)
	for _, v := range sockets {
		_ = v.ws.CloseNow() // the service sees it go
	}
	return nil
}

// snapshot measures what a viewer that comes late is sent.
func (s *service) snapshot(ctx context.Context, w io.Writer, _ options) error {
	sh := shape{"tree", 10_001, waits}
	ended, err := s.round(ctx, sh, 0, nil)
	if err != nil {
		return err
	}
	began := time.Now()
	v, err := s.open(ctx, toRun(ended.Run))
	if err != nil {
		return err
	}
	var first, last time.Duration
	v.each = func(runtable.Frame, time.Time) {
		last = time.Since(began)
		if first == 0 {
			first = last
		}
	}
	err = v.rest(ctx)
	_ = v.ws.CloseNow() // it has all
	if err != nil {
		return err
	}
	each := float64(v.bytes) / float64(sh.Tasks)
	fmt.Fprintf(w, "\nsnapshot of an ended %s: %d bytes, the first frame %.0f ms after dialling, the last %.0f ms\n",
		sh, v.bytes, ms(int64(first)), ms(int64(last)))
	goal(w, "bytes a task", each, 150)
	return nil
}

// latency measures how late a viewer sees that a task has ended, by the clock that all processes share.
func (s *service) latency(ctx context.Context, w io.Writer, o options) error {
	var late []float64 // ms
	var mu sync.Mutex
	watch := func(v *viewer, run answer) {
		seen := map[uint32]bool{}
		v.each = func(f runtable.Frame, now time.Time) {
			mu.Lock()
			defer mu.Unlock()
			for i, number := range f.Numbers {
				if r := f.Rows[i]; r.Has&runtable.HasUpdated != 0 && !seen[number] {
					seen[number] = true
					late = append(late, ms(now.UnixNano()-run.Started-r.Updated))
				}
			}
		}
	}
	// Few at a time, so that what is measured is not how long many rows take.
	if _, err := s.round(ctx, shape{"tree", 2001, lingers}, o.viewers, watch); err != nil {
		return err
	}
	if len(late) == 0 {
		return fmt.Errorf("no viewer saw a task end, expected %d to see all", o.viewers)
	}
	at := bench.NewSeries(late).At
	fmt.Fprintf(w, "\nfrom the end of a task to a viewer that has decoded it, %d viewers, %d sightings, in ms\n", o.viewers, len(late))
	fmt.Fprintf(w, "p50 %.1f, p95 %.1f, p99 %.1f, max %.1f\n", at(0.5), at(0.95), at(0.99), at(1))
	goal(w, "ms until 95 of 100 are seen", at(0.95), 300)
	return nil
}
