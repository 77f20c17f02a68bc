package enginetest

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// diamond is a graph with a fan-out between two tasks.
func diamond(t *testing.T) *dag.Graph {
	t.Helper()
	list := engine.Func1("list", func(_ context.Context, n int) ([]int, error) { return make([]int, n), nil })
	next := engine.Func1("next", func(_ context.Context, n int) (int, error) { return n + 1, nil })
	count := engine.Func1("count", func(_ context.Context, all []int) (int, error) { return len(all), nil })
	b := engine.NewBuilder()
	g, err := b.Compile(count.Call(engine.FanOut(b, list.Call(engine.Const(b, 3)), func(e engine.Ref[int]) engine.Ref[int] {
		return next.Call(next.Call(e))
	})))
	require.NoError(t, err)
	return g
}

func TestCheckStepsOfSimulatedRuns(t *testing.T) {
	g := diamond(t)
	for seed := range uint64(50) {
		require.NoError(t, CheckSteps(g, SimulateSteps(g, seed, 3)), "seed %d", seed)
	}
}

// TestCheckStepsNotices breaks each law in a log that keeps all of them.
func TestCheckStepsNotices(t *testing.T) {
	g := diamond(t)
	const seed = 3
	last := func(steps []record.Step) *record.Step { // the end of the last task, which waits for all others
		for i := range slices.Backward(steps) {
			if steps[i].Kind == record.AttemptEnded {
				return &steps[i]
			}
		}
		return nil
	}
	for want, spoil := range map[string]func([]record.Step) []record.Step{
		"to begin and to end": func(s []record.Step) []record.Step { return s[:len(s)-1] },
		"its number is":       func(s []record.Step) []record.Step { return slices.Delete(s, 3, 4) },
		"out of order":        func(s []record.Step) []record.Step { last(s).Ended = last(s).Started - 1; return s },
		"no such node":        func(s []record.Step) []record.Step { last(s).Node = 1000; return s },
		"ready twice":         func(s []record.Step) []record.Step { last(s).Readied = s[0].Readied; return s },
		"that the node is ready": func(s []record.Step) []record.Step {
			s[0].Readied = nil
			return s
		},
		"comes after attempt": func(s []record.Step) []record.Step { last(s).Node, last(s).Attempt, last(s).Epoch = 0, 1, 0; return s },
		"OK before in this epoch": func(s []record.Step) []record.Step {
			last(s).Node, last(s).Attempt, last(s).Epoch = 0, 100, 0
			return s
		},
		"it ends before node 0": func(s []record.Step) []record.Step {
			for i := range s {
				if s[i].Kind == record.AttemptEnded && s[i].Node == 0 && s[i].Outcome == record.OutcomeOK {
					s[i].Outcome = record.OutcomeRetrying
				}
			}
			return s
		},
		"never ended well": func(s []record.Step) []record.Step { last(s).Outcome = record.OutcomeFailed; return s },
		"it starts at": func(s []record.Step) []record.Step {
			e := last(s)
			e.Ready, e.Claimed, e.Started, e.Fetch = 0, 0, 0, 0
			for i := range s {
				if &s[i] != e {
					s[i].Slot += 10 // so that no slot does two things at a time
				}
			}
			return s
		},
		"ran node": func(s []record.Step) []record.Step {
			for i := range s { // so long that no clock explains it
				s[i].Slot, s[i].Worker = 0, 0
				for _, moment := range []*int64{&s[i].Ready, &s[i].Claimed, &s[i].Started, &s[i].Ended, &s[i].Updated, &s[i].Fetch} {
					*moment *= 1_000_000
				}
			}
			return s
		},
		"the run had ended": func(s []record.Step) []record.Step {
			return append(s, record.Step{Seq: uint64(len(s) + 1), Kind: record.RunPaused}, record.Step{Seq: uint64(len(s) + 2), Kind: record.RunFinished})
		},
		"again when it has ended": func(s []record.Step) []record.Step { s[1].Kind = record.RunStarted; return s },
	} {
		steps := slices.Clone(SimulateSteps(g, seed, 3))
		for i := range steps {
			steps[i].Readied = slices.Clone(steps[i].Readied)
		}
		require.NoError(t, CheckSteps(g, steps))
		require.ErrorContains(t, CheckSteps(g, spoil(steps)), want, want)
	}
}
