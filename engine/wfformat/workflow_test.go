package wfformat

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

func graphOf(t *testing.T, name string, set map[string]string) *dag.Graph {
	t.Helper()
	w := Workflow()
	all := map[string]string{"file": name}
	for k, v := range set {
		all[k] = v
	}
	args, err := w.Arguments(all, func(name string) (engine.File, error) {
		data, err := os.ReadFile(name)
		return engine.File{Name: filepath.Base(name), Data: data}, err
	})
	require.NoError(t, err)
	g, err := w.Graph(args)
	require.NoError(t, err)
	return g
}

// ran records the ids that bodies log, in order.
type ran struct {
	slog.Handler
	ids *[]string
}

func (r ran) Enabled(context.Context, slog.Level) bool { return true }

func (r ran) Handle(_ context.Context, rec slog.Record) error {
	rec.Attrs(func(a slog.Attr) bool {
		if a.Key == "id" {
			*r.ids = append(*r.ids, a.Value.String())
		}
		return true
	})
	return nil
}

// checkRun evaluates a graph and checks that every task ran once, after its parents.
func checkRun(t *testing.T, g *dag.Graph, in *Instance) {
	t.Helper()
	var order []string
	ctx := context.WithValue(t.Context(), execution.TaskKey{}, &execution.TaskInfo{Log: slog.New(ran{slog.DiscardHandler, &order})})
	out, err := enginetest.Evaluate(ctx, g)
	require.NoError(t, err)
	require.Equal(t, len(in.Tasks), out.Tasks)
	require.Equal(t, in.Edges(), g.Edges())
	n, err := Ran(out.Result.(map[string]string))
	require.NoError(t, err)
	require.Equal(t, len(in.Tasks), n)
	at := map[string]int{}
	for i, id := range order {
		at[id] = i
	}
	require.Len(t, order, len(in.Tasks))
	roots := 0
	for i := range in.Tasks {
		task := &in.Tasks[i]
		require.Contains(t, at, task.ID)
		for _, p := range task.Parents {
			require.Less(t, at[in.Tasks[p].ID], at[task.ID])
		}
		if len(task.Parents) == 0 {
			roots++
		}
	}
	require.Equal(t, roots, out.Roots)
}

func TestWorkflow(t *testing.T) {
	name := filepath.Join("testdata", "diamond.json")
	g := graphOf(t, name, nil)
	checkRun(t, g, parseFile(t, name))
}

func TestWorkflowCollection(t *testing.T) {
	for _, name := range collection(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			checkRun(t, graphOf(t, name, map[string]string{"time_scale": "0"}), parseFile(t, name))
		})
	}
}

// TestWorkflowOnWorkers checks in the log of real runs that every task ran once, after its parents.
func TestWorkflowOnWorkers(t *testing.T) {
	pool, err := worker.New(worker.Config{State: memory.New()})
	require.NoError(t, err)
	e, err := engine.New(engine.Config{Executor: pool, Workflows: []*engine.Workflow{Workflow()}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	defer func() { cancel(); require.NoError(t, <-ended) }()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "wfinstances", "*.json"))
	require.NoError(t, err)
	for _, name := range append(files, filepath.Join("testdata", "diamond.json")) { // the diamond is always included
		run, err := e.Submit(ctx, "wfformat", graphOf(t, name, map[string]string{"time_scale": "1e-6"}), engine.RunOptions{})
		require.NoError(t, err)
		result, err := engine.Result[map[string]string](ctx, run)
		require.NoError(t, err)
		n, err := Ran(result)
		require.NoError(t, err)
		inst := parseFile(t, name)
		require.Equal(t, len(inst.Tasks), n)
		checkOrder(t, inst, run)
	}
}

func checkOrder(t *testing.T, in *Instance, run *engine.Run) {
	t.Helper()
	seen := map[dag.NodeID]record.Step{}
	for after := uint64(0); ; {
		steps, err := run.Steps(t.Context(), after)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		for _, s := range steps {
			after = s.Seq
			if s.Kind != record.AttemptEnded {
				continue
			}
			require.NotContains(t, seen, s.Node)
			seen[s.Node] = s
			for _, p := range in.Tasks[s.Node].Parents {
				require.Contains(t, seen, dag.NodeID(p))
				require.GreaterOrEqual(t, s.Started, seen[dag.NodeID(p)].Ended)
			}
		}
	}
	require.Len(t, seen, len(in.Tasks))
}

func TestWorkflowRefuses(t *testing.T) {
	w := Workflow()
	_, err := w.Arguments(nil, nil)
	require.ErrorContains(t, err, "file of workflow wfformat: it is required")
	open := func(text string) func(string) (engine.File, error) {
		return func(string) (engine.File, error) { return engine.File{Name: "f", Data: []byte(text)}, nil }
	}
	args, err := w.Arguments(map[string]string{"file": "f"}, open(`{"schemaVersion": "1.1"}`))
	require.NoError(t, err)
	_, err = w.Graph(args)
	require.ErrorIs(t, err, ErrInvalid)
	args, err = w.Arguments(map[string]string{"file": "f"}, open(document(ids(1), "")))
	require.NoError(t, err)
	w.Dynamic = nil
	_, err = w.Graph(args)
	require.ErrorIs(t, err, engine.ErrUnknownFunction)
}

// TestDynamic checks that a function that was found by its name does the same as the graph's own function, as on
// another machine.
func TestDynamic(t *testing.T) {
	w := Workflow()
	require.Nil(t, w.Dynamic(engine.Signature{}))
	f := w.Dynamic(engine.Signature{Name: "mProject"})
	require.Equal(t, "mProject", f.Name())
	require.Zero(t, f.Options().Timeout, "a recorded runtime may be long")
	kind := f.Inputs()[0]
	want := burn{ID: "a", Number: 7, To: 9, Time: time.Nanosecond, Bytes: 40, CPU: true}
	wire, err := kind.Append(nil, want)
	require.NoError(t, err)
	got, err := kind.Decode(wire)
	require.NoError(t, err)
	require.Equal(t, want, got)
	out, err := f.Invoke(t.Context(), []any{got, []string{"4 7\n....", "5 8\n"}})
	require.NoError(t, err)
	require.Equal(t, "5 9\n"+strings.Repeat(".", 36), out)
}

func TestBurnScales(t *testing.T) {
	in := parseFile(t, "testdata/diamond.json")
	got := scale{time: 0.5, bytes: 0.1, cpu: true}.burn(in, 1)
	require.Equal(t, burn{ID: "paint_ID02", Number: 1, To: 3, Time: 2 * time.Second, Bytes: 7000, CPU: true}, got)
	require.Zero(t, scale{bytes: 1}.burn(in, 3).Bytes, "no task reads it")
	require.Len(t, burn{To: 1, Bytes: 7000}.output(3), 7000)
	in.Files[3].Bytes = 1 << 40
	require.Equal(t, MaxOutput, scale{bytes: 1}.burn(in, 1).Bytes)
	in.Files[3].Bytes = codec.UnknownSize
	require.Equal(t, "1 3\n", scale{bytes: 1}.burn(in, 1).output(1))
}

func TestBurnRefusesForeignInputs(t *testing.T) {
	for _, in := range []string{"", "7", "7 8", "x 8\n", "7 x\n"} {
		_, err := burn{ID: "a"}.run(t.Context(), []string{in})
		require.ErrorContains(t, err, "input 0 of a has", in)
		require.True(t, engine.IsNoRetry(err))
	}
	_, err := Ran(map[string]string{"a": "many"})
	require.ErrorContains(t, err, `a returned "many"`)
}

func TestBurnSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := burn{Time: time.Hour, To: -1}.run(t.Context(), nil)
		require.NoError(t, err)
		require.Equal(t, time.Hour, time.Since(start))
		stop := errors.New("stop")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(stop) })
		_, err = burn{Time: time.Hour}.run(ctx, nil)
		require.ErrorIs(t, err, stop)
		require.Equal(t, time.Hour+time.Minute, time.Since(start))
	})
}

func TestBurnSpins(t *testing.T) {
	start := time.Now()
	_, err := burn{Time: 3 * time.Millisecond, CPU: true}.run(t.Context(), nil)
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(start), 3*time.Millisecond)
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	_, err = burn{Time: time.Hour, CPU: true}.run(ctx, nil)
	require.ErrorIs(t, err, stop)
}
