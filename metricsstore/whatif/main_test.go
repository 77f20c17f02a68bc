package whatif_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	statememory "github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/engine/workflows"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/metricsstore/whatif"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an engine of some lanes, and a store in memory with what it has executed.
type world struct {
	t       testing.TB
	store   metricsstore.Store
	queries *metricsstore.Queries
	engine  *engine.Engine
}

func newWorld(t testing.TB, lanes int, own ...*engine.Workflow) *world {
	t.Helper()
	w := &world{t: t, store: memory.New()}
	var err error
	w.queries, err = metricsstore.NewQueries(w.store)
	require.NoError(t, err)
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{Store: w.store, FlushAfter: time.Millisecond})
	require.NoError(t, err)
	pool, err := worker.New(worker.Config{State: statememory.New(), Width: lanes, MaxSlots: lanes, Name: "test", Backoff: 40 * time.Millisecond})
	require.NoError(t, err)
	w.engine, err = engine.New(engine.Config{Executor: pool, Workflows: append(workflows.All(), own...), Recorder: recorder, Remember: time.Hour})
	require.NoError(t, err)
	working, stop := context.WithCancel(context.Background())
	recording, end := context.WithCancel(context.Background())
	var parts, recorded sync.WaitGroup
	parts.Go(func() { _ = w.engine.Run(working) })
	recorded.Go(func() { _ = recorder.Run(recording) })
	t.Cleanup(func() {
		stop()
		parts.Wait()
		end()
		recorded.Wait()
	})
	return w
}

// run executes a workflow and returns it with all that was recorded.
func (w *world) run(workflow string, set map[string]string) *metricsstore.Run {
	w.t.Helper()
	kind, err := w.engine.Workflow(workflow)
	require.NoError(w.t, err)
	args, err := kind.Arguments(set, nil)
	require.NoError(w.t, err)
	run, err := w.engine.SubmitWorkflow(w.t.Context(), workflow, args, engine.RunOptions{})
	require.NoError(w.t, err)
	require.NoError(w.t, run.Wait(w.t.Context()))
	require.NoError(w.t, run.WaitRecorded(w.t.Context()))
	return w.kept(run.ID())
}

// kept is a run once it is archived.
func (w *world) kept(id record.RunID) *metricsstore.Run {
	w.t.Helper()
	for {
		changed := w.store.Changed(id)
		run, err := w.store.Run(w.t.Context(), id)
		require.NoError(w.t, err)
		if run.Status.Final() && run.ArchivedSeq > 0 {
			return &run
		}
		select {
		case <-changed:
		case <-w.t.Context().Done():
			w.t.Fatal("the run was not archived")
		}
	}
}

func (w *world) ask(run *metricsstore.Run, q whatif.Question) *whatif.Answer {
	w.t.Helper()
	a, err := whatif.Ask(w.t.Context(), w.queries, run, q, whatif.Options{Lanes: true})
	require.NoError(w.t, err)
	return a
}
