package workflows

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/engine/workflows/internal/matrix"
)

// repeats is how often each case runs in process; heavy ones run once.
const repeats = 20

// start runs an engine on goroutines that keep width processors busy (0: all there are) for the length of a test.
func start(t testing.TB, width int) *engine.Engine {
	pool, err := worker.New(worker.Config{State: memory.New(), Width: width, Backoff: time.Millisecond})
	require.NoError(t, err)
	e, err := engine.New(engine.Config{Executor: pool, Workflows: All()})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return e
}

// TestInProcess runs every case on concurrent workers, again and again.
func TestInProcess(t *testing.T) {
	e := start(t, 4)
	for _, c := range galleryCases() {
		t.Run(c.workflow+"/"+c.name, func(t *testing.T) {
			if c.large && (testing.Short() || raceEnabled) {
				t.Skip("large")
			}
			g, args := c.graph(t)
			n := repeats
			if c.heavy || c.large || testing.Short() {
				n = 1
			}
			var first any
			for i := range n {
				r, err := e.Submit(t.Context(), c.workflow, g, engine.RunOptions{})
				require.NoError(t, err)
				require.NoError(t, r.Wait(t.Context()))
				want := execution.Progress{Status: record.Succeeded, Tasks: c.tasks, Done: c.tasks, Retries: max(1, c.attempt) - 1}
				require.Equal(t, want, r.Progress())
				if i == 0 {
					first = r.Value()
					c.check(t, args, first)
				}
				require.True(t, same(first, r.Value()), "run %d gives another result than the first", i)
			}
		})
	}
}

// same is equality, fast where a million numbers are compared.
func same(a, b any) bool {
	switch a := a.(type) {
	case matrix.Matrix:
		b := b.(matrix.Matrix)
		return a.Rows == b.Rows && a.Cols == b.Cols && slices.Equal(a.Data, b.Data)
	case map[string][]matrix.Matrix:
		return maps.EqualFunc(a, b.(map[string][]matrix.Matrix), func(a, b []matrix.Matrix) bool {
			return slices.EqualFunc(a, b, func(a, b matrix.Matrix) bool { return same(a, b) })
		})
	default:
		return reflect.DeepEqual(a, b)
	}
}

// TestFlakyGivesUp sees the record of the last attempt in the error of the run.
func TestFlakyGivesUp(t *testing.T) {
	e := start(t, 4)
	for mode, kind := range map[string]record.ErrorKind{
		byError: record.UserError, byPanic: record.PanicError, byTimeout: record.TimeoutError,
	} {
		w := byName(t, "flaky")
		args, err := w.Arguments(map[string]string{"mode": mode, "fails": "4"}, nil)
		require.NoError(t, err)
		r, err := e.SubmitWorkflow(t.Context(), "flaky", args, engine.RunOptions{})
		require.NoError(t, err)
		var failed *engine.RunError
		require.ErrorAs(t, r.Wait(t.Context()), &failed)
		require.Equal(t, record.Failed, failed.Status)
		require.NotNil(t, failed.First)
		require.Equal(t, kind, failed.First.Kind, mode)
		require.Equal(t, 4, failed.First.Attempt)
	}
}
