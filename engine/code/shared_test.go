package code_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/python"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
	pythonpackage "github.com/dagscope/dagscope/python"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a runner with an engine, for the length of a test.
type bench struct {
	t      *testing.T
	dir    string
	runner *code.Runner
	engine *engine.Engine
}

// start starts one; change may be nil.
func start(t *testing.T, change func(*code.Config)) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir()}
	cfg := code.Config{Dir: b.dir, Environments: t.TempDir(), Package: pythonpackage.FS(), Interpreters: 2}
	if change != nil {
		change(&cfg)
	}
	var err error
	b.runner, err = code.New(cfg)
	require.NoError(t, err)
	pool, err := worker.New(worker.Config{State: memory.New(), Width: 2, Prepare: b.runner.Prepare})
	require.NoError(t, err)
	b.engine, err = engine.New(engine.Config{Executor: pool})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- b.engine.Run(ctx) }()
	go func() { ended <- b.runner.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
		require.NoError(t, <-ended)
	})
	return b
}

// run runs a graph to its end.
func (b *bench) run(build func(g *engine.Builder) engine.AnyRef) *engine.Run {
	b.t.Helper()
	g := engine.NewBuilder()
	graph, err := g.Compile(build(g))
	require.NoError(b.t, err)
	r, err := b.engine.Submit(b.t.Context(), "test", graph, engine.RunOptions{})
	require.NoError(b.t, err)
	_ = r.Wait(b.t.Context()) // its end says it as well
	return r
}

// one runs one task and returns its value.
func (b *bench) one(t code.Task, bundle code.Bundle, values ...any) (any, *engine.Run) {
	b.t.Helper()
	r := b.run(func(g *engine.Builder) engine.AnyRef {
		refs := make([]engine.Ref[code.Value], len(values))
		for i, v := range values {
			encoded, err := python.Encode(v)
			require.NoError(b.t, err)
			refs[i] = engine.Const(g, encoded)
		}
		return call(g, b.runner, "task", t, bundle, refs...)
	})
	v, err := engine.Result[code.Value](b.t.Context(), r)
	if err != nil {
		return nil, r
	}
	got, err := v.Decode()
	require.NoError(b.t, err)
	return got, r
}

func call(g *engine.Builder, r *code.Runner, name string, t code.Task, bundle code.Bundle, values ...engine.Ref[code.Value]) engine.Ref[code.Value] {
	return r.One(name).With(engine.Options{Retries: engine.NoRetries}).Call(engine.Const(g, t), engine.Const(g, bundle),
		engine.List(g, values...), engine.List[[]code.Value](g))
}

// folders are the working folders of commands that exist, of a process, or kept.
func (b *bench) folders(of string) []string {
	b.t.Helper()
	all, err := filepath.Glob(filepath.Join(b.dir, "work", of, "*"))
	require.NoError(b.t, err)
	return slices.DeleteFunc(all, func(path string) bool { return filepath.Base(path) == "lock" })
}
