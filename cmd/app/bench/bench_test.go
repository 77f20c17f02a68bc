package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// small shapes are odd and even, and as small as they get.
func small() []Shape {
	return []Shape{{Tree, 1}, {Tree, 2}, {Tree, 7}, {Tree, 300}, {Fan, 1}, {Fan, 40}, {Chain, 1}, {Chain, 50}}
}

// counter makes a shape by computing it, and counts tasks.
type counter struct{ tasks int }

func (c *counter) Const(v int) int  { return v }
func (c *counter) Leaf(a int) int   { c.tasks++; return a }
func (c *counter) Add(a, b int) int { c.tasks++; return a + b }
func (c *counter) Sum(p ...int) int { c.tasks++; v, _ := sum(context.Background(), p); return v }

func TestShapes(t *testing.T) {
	for _, s := range small() {
		t.Run(s.String(), func(t *testing.T) {
			c := &counter{}
			require.Equal(t, s.Want(), Build(s, c))
			require.Equal(t, s.Tasks(), c.tasks)
			g, err := plainFunctions().graph(s)
			require.NoError(t, err)
			require.Equal(t, s.Tasks(), g.Tasks())
		})
	}
}

// TestFloorIsTheSameGraph: the floor has to do what the engine does, or its figures say nothing.
func TestFloorIsTheSameGraph(t *testing.T) {
	for _, s := range small() {
		t.Run(s.String(), func(t *testing.T) {
			g, err := plainFunctions().graph(s)
			require.NoError(t, err)
			f := newFloorGraph(s)
			require.Len(t, f.function, g.Tasks())
			require.Len(t, f.children, g.Edges())
			require.Len(t, f.roots, len(g.Roots()))
			scope := g.Scope(0)
			for i, n := range f.parents {
				require.Len(t, scope.Parents(uint32(i)), int(n))
				require.ElementsMatch(t, scope.Children(uint32(i)), f.children[f.childOff[i]:f.childOff[i+1]])
			}
		})
	}
}

func TestFloorRunsEveryTaskOnce(t *testing.T) {
	for _, s := range small() {
		t.Run(s.String(), func(t *testing.T) {
			f := newFloor(newFloorGraph(s))
			for range 50 {
				got, err := f.run(t.Context())
				require.NoError(t, err)
				require.Equal(t, s.Want(), got)
				for i := range f.tasks {
					task := &f.tasks[i]
					require.Equal(t, floorDone, task.state.Load(), "task %d", i)
					require.LessOrEqual(t, task.started, task.ended)
				}
			}
		})
	}
}

func TestFloorReportsErrors(t *testing.T) {
	f := newFloor(newFloorGraph(Shape{Tree, 64}))
	broken := errors.New("broken")
	f.graph.calls[1] = func(context.Context, []any) (any, error) { return nil, broken }
	_, err := f.run(t.Context())
	require.ErrorIs(t, err, broken)
}

func TestEveryModeComputesTheShapes(t *testing.T) {
	a, err := newArena(t.Context(), t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, a.close()) }()
	var modes []Mode
	for _, c := range a.contestants {
		modes = append(modes, c.mode)
		for _, s := range small() {
			run, err := c.prepare(s)
			require.NoError(t, err)
			for range 3 {
				took, err := run(t.Context())
				require.NoError(t, err, "%s, %s", c.mode, s)
				require.Positive(t, took.makespan)
				require.GreaterOrEqual(t, took.drained, took.makespan)
			}
		}
	}
	require.Equal(t, []Mode{Floor, Bare, Steps, Archive, Disk}, modes)
}

func TestWrongResultsAreErrors(t *testing.T) {
	require.ErrorContains(t, check(Shape{Fan, 3}, 7, nil), "fan 3 returns 7, expected 6")
	require.NoError(t, check(Shape{Fan, 3}, 6, nil))
}

func TestRun(t *testing.T) {
	var out bytes.Buffer
	dir := t.TempDir()
	shapes := []Shape{{Tree, 16}, {Fan, 8}, {Chain, 8}}
	r, err := Run(t.Context(), &out, Options{Rounds: 2, Shapes: shapes, Sleep: time.Millisecond, Dir: dir})
	require.NoError(t, err)
	require.Len(t, r.Shapes, 3)
	for i, s := range r.Shapes {
		require.Equal(t, shapes[i], s.Shape)
		for _, f := range s.Modes {
			require.Positive(t, f.Makespan.Min)
			require.GreaterOrEqual(t, f.Makespan.Median, f.Makespan.Min)
			require.Positive(t, f.Bytes.Median)
			require.InDelta(t, f.Drained.Min/s.Figure(Floor).Makespan.Min, f.DrainedRatio, 1e-9)
		}
	}
	require.GreaterOrEqual(t, r.Blocking.Makespan.Min, float64(9*time.Millisecond), "no tree ends before its depth")
	require.Len(t, r.Live, 3)
	require.Len(t, r.Goals, 3*6+1+3)
	for _, text := range []string{"tree 16: 31 tasks", "floor", "bare", "steps", "archive", "disk", "blocking tree 256", "live bytes"} {
		require.Contains(t, out.String(), text)
	}
	text, err := json.Marshal(r)
	require.NoError(t, err)
	var back Report
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, r, back)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "nothing is left")
}

func TestRunStopsWithItsContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err := Run(ctx, &bytes.Buffer{}, Options{Rounds: 1, Shapes: []Shape{{Tree, 4096}}})
	require.ErrorIs(t, err, context.Canceled)
}

func TestGoals(t *testing.T) {
	for _, c := range []struct {
		goal Goal
		want string
	}{
		{AtMost("a", 2, 2), "met     a: 2, goal <= 2"},
		{AtMost("a", 2.5, 2), "MISSED  a: 2.5, goal <= 2"},
		{AtLeast("b", 60, 60), "met     b: 60, goal >= 60"},
		{AtLeast("b", 1, 60), "MISSED  b: 1, goal >= 60"},
	} {
		require.Equal(t, c.want, c.goal.String())
	}
	require.False(t, Report{Goals: []Goal{AtMost("a", 1, 2), AtMost("b", 3, 2)}}.Met())
	require.True(t, Report{Goals: []Goal{AtMost("a", 1, 2)}}.Met())
}

func TestStat(t *testing.T) {
	require.Equal(t, Stat{Min: 1, Median: 3}, NewStat([]float64{9, 1, 3}))
	require.Equal(t, Stat{Min: 4, Median: 4}, NewStat([]float64{4}))
}

// TestInterleave: in each round every way is called once, another one first each time, and what each measured comes
// back in the order of the rounds. The first error ends it.
func TestInterleave(t *testing.T) {
	var calls []string
	way := func(name string) func() (int, error) {
		return func() (int, error) {
			calls = append(calls, name)
			return len(calls), nil
		}
	}
	samples, err := Interleave(t.Context(), 3, way("a"), way("b"))
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b", "b", "a", "a", "b"}, calls)
	assert.Equal(t, [][]int{{1, 4, 5}, {2, 3, 6}}, samples)

	broken := errors.New("broken")
	_, err = Interleave(t.Context(), 3, way("a"), func() (int, error) { return 0, broken })
	require.ErrorIs(t, err, broken)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Interleave(ended, 1, way("a"))
	require.ErrorIs(t, err, context.Canceled)
}

func TestSeries(t *testing.T) {
	figures := []float64{3, 1, 2, 5, 4}
	s := NewSeries(figures)
	assert.Equal(t, []float64{1, 3, 4, 5}, []float64{s.At(0), s.At(0.5), s.At(0.99), s.At(1)})
	assert.Equal(t, []float64{3, 1, 2, 5, 4}, figures, "what was given is as it was")
	assert.Zero(t, Series(nil).At(0.5))
	assert.Equal(t, Stat{Min: 1, Median: 3}, NewStat(figures))
}
