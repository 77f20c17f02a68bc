package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
)

// shape is a run to be measured.
type shape struct {
	Kind  string `json:"kind"` // fan or tree
	Tasks int    `json:"tasks"`
	// Does is what each task does: compute for a millisecond, wait for one, wait for some, or nothing.
	Does string `json:"does"`
}

// String is the shape in words.
func (s shape) String() string {
	return fmt.Sprintf("%s of %d tasks, each %s", s.Kind, s.Tasks, s.Does)
}

// What tasks do.
const (
	computes = "computing 1 ms"
	waits    = "waiting 1 ms"
	lingers  = "waiting 5 to 50 ms"
	idles    = "doing nothing"
)

// worked is an amount of work that takes a millisecond. It is the same amount every time, so that processor time does
// not depend on who else wants the processor, as that of a loop until some moment would.
type worked struct{ turns int }

func calibrate() *worked {
	w := &worked{turns: 1 << 16}
	best := time.Hour
	for range 50 {
		began := time.Now()
		w.do()
		best = min(best, time.Since(began))
	}
	w.turns = int(float64(w.turns) * float64(time.Millisecond) / float64(best))
	return w
}

// do does the work. It is a call wherever it is used: else it would be left out where the result is not used.
//
//go:noinline
func (w *worked) do() uint64 {
	x := uint64(88172645463325252)
	for range w.turns {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

func (s shape) body(w *worked) func() {
	switch s.Does {
	case computes:
		return func() { w.do() }
	case waits:
		return func() { time.Sleep(time.Millisecond) }
	case lingers:
		return func() { time.Sleep(5*time.Millisecond + rand.N(45*time.Millisecond)) }
	}
	return func() {}
}

// graph makes the shape; its tasks wait for a first one, which waits for gate.
func (s shape) graph(gate <-chan struct{}, w *worked) (*dag.Graph, error) {
	body := s.body(w)
	first := engine.Func1("gate", func(ctx context.Context, n int) (int, error) {
		select {
		case <-gate:
			return n, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	})
	leaf := engine.Func1("leaf", func(_ context.Context, n int) (int, error) { body(); return n, nil })
	add := engine.Func2("add", func(_ context.Context, a, b int) (int, error) { body(); return a + b, nil })
	sum := engine.FuncN("sum", func(_ context.Context, all []int) (int, error) { return len(all), nil })
	b := engine.NewBuilder()
	start := first.Call(engine.Const(b, 1))
	if s.Kind == "fan" {
		row := make([]engine.Ref[int], s.Tasks)
		for i := range row {
			row[i] = leaf.Call(start)
		}
		return b.Compile(sum.Call(b, row...))
	}
	level := make([]engine.Ref[int], (s.Tasks+1)/2)
	for i := range level {
		level[i] = leaf.Call(start)
	}
	for len(level) > 1 {
		for i := range len(level) / 2 {
			level[i] = add.Call(level[2*i], level[2*i+1])
		}
		if half := len(level) / 2; len(level)%2 == 1 {
			level[half] = level[len(level)-1]
			level = level[:half+1]
		} else {
			level = level[:half]
		}
	}
	return b.Compile(level[0])
}
