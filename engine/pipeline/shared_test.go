package pipeline_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/pipeline"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/python"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// runner returns a runner, which runs for the length of the test.
func runner(t *testing.T) *code.Runner {
	t.Helper()
	r, err := code.New(code.Config{Dir: t.TempDir(), Environments: t.TempDir(), Package: python.FS(), Interpreters: 2})
	require.NoError(t, err)
	run(t, r.Run)
	return r
}

// run runs f for the length of the test.
func run(t *testing.T, f func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
}

// execute runs a workflow to its end.
func execute(t *testing.T, w *engine.Workflow, r *code.Runner, params map[string]string) *engine.Run {
	t.Helper()
	pool, err := worker.New(worker.Config{State: memory.New(), Width: 2, Prepare: r.Prepare})
	require.NoError(t, err)
	e, err := engine.New(engine.Config{Executor: pool, Workflows: []*engine.Workflow{w}})
	require.NoError(t, err)
	run(t, e.Run)
	args, err := w.Arguments(params, func(name string) (engine.File, error) {
		return engine.File{Name: name, Data: []byte("content of " + name)}, nil
	})
	require.NoError(t, err)
	started, err := e.SubmitWorkflow(t.Context(), w.Name, args, engine.RunOptions{})
	require.NoError(t, err)
	_ = started.Wait(t.Context()) // its end says it as well
	return started
}

// parsed parses a pipeline without mistakes.
func parsed(t *testing.T, text string) *pipeline.Pipeline {
	t.Helper()
	p, err := pipeline.Parse("test.yaml", []byte(text))
	require.NoError(t, err)
	return p
}
