package vectortest

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/workflows"
)

// Gallery has the graphs of the built-in workflows with their defaults, up to so many tasks before fan-outs expand.
func Gallery(t testing.TB, most int) map[string]*dag.Graph {
	t.Helper()
	graphs := map[string]*dag.Graph{}
	for _, w := range workflows.All() {
		args, err := w.Arguments(nil, nil)
		require.NoError(t, err)
		g, err := w.Graph(args)
		require.NoError(t, err)
		if g.Tasks() <= most {
			graphs[w.Name] = g
		}
	}
	return graphs
}

// GraphOf is a graph of tasks that call the named functions, with edges from one to a later one. The tasks are its nodes, in
// their order.
func GraphOf(t testing.TB, calls []string, edges ...[2]int) *dag.Graph {
	t.Helper()
	b := engine.NewBuilder()
	functions := map[string]engine.F1[[]bool, bool]{}
	outputs := make([]engine.Ref[bool], len(calls))
	for i, name := range calls {
		if _, known := functions[name]; !known {
			functions[name] = engine.Func1(name, func(context.Context, []bool) (bool, error) { return true, nil })
		}
		var inputs []engine.Ref[bool]
		for _, e := range edges {
			if e[1] == i {
				inputs = append(inputs, outputs[e[0]])
			}
		}
		outputs[i] = functions[name].Call(engine.List(b, inputs...))
	}
	g, err := b.Compile(engine.Const(b, true))
	require.NoError(t, err)
	return g
}

// Interrupted makes a run stand still in its middle for a third of its length, between two marks.
func Interrupted(steps []record.Step, from, to record.StepKind) []record.Step {
	end := steps[len(steps)-1].Over()
	at, length := end/2, end/3
	moved := Warped(steps, func(ns int64) int64 {
		if ns > at {
			return ns + length
		}
		return ns
	})
	i := slices.IndexFunc(moved, func(s record.Step) bool { return s.Over() > at })
	marks := []record.Step{
		{Kind: from, Ended: at, Outcome: record.OutcomeFailed, Became: dag.NoNode},
		{Kind: to, Started: at + length, Ended: at + length, Became: dag.NoNode},
	}
	if from == record.RunPaused {
		marks[0].Outcome = record.NoOutcome
	}
	return Numbered(slices.Insert(moved, i, marks...))
}

// Numbered gives steps their numbers, from 1.
func Numbered(steps []record.Step) []record.Step {
	for i := range steps {
		steps[i].Seq = uint64(i + 1)
	}
	return steps
}

// Warped moves all moments.
func Warped(steps []record.Step, to func(ns int64) int64) []record.Step {
	out := slices.Clone(steps)
	for i := range out {
		s := &out[i]
		for _, at := range []*int64{&s.Ready, &s.Claimed, &s.Started, &s.Ended, &s.Updated} {
			*at = to(*at)
		}
	}
	return out
}

// Unready has tasks be ready some time after what they waited for was over.
func Unready(rng *rand.Rand, steps []record.Step) []record.Step {
	out := slices.Clone(steps)
	for i := range out {
		if s := &out[i]; s.Kind == record.AttemptEnded && s.Claimed > s.Ready {
			s.Ready += rng.Int64N(s.Claimed - s.Ready + 1)
		}
	}
	return out
}

// Lost has every attempt that was to be repeated be lost instead.
func Lost(steps []record.Step) []record.Step {
	out := slices.Clone(steps)
	for i := range out {
		if out[i].Outcome == record.OutcomeRetrying {
			out[i].Outcome, out[i].Delay = record.OutcomeLost, 0
		}
	}
	return out
}

// Slowed stretches time a thousandfold, so that tasks are not tiny, and lets some wait although slots are free.
func Slowed(rng *rand.Rand, steps []record.Step) []record.Step {
	factor := int64(time.Microsecond) / int64(1+rng.IntN(3))
	return Warped(steps, func(ns int64) int64 { return ns * factor })
}
