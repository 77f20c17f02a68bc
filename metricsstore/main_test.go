package metricsstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// nested fans out inside a fan-out, and has a wide row of tasks next to it.
func nested(t testing.TB, wide int) *dag.Graph {
	t.Helper()
	grow := engine.Func1("grow", func(_ context.Context, n int) ([]int, error) { return make([]int, n), nil })
	sum := engine.FuncN("sum", func(_ context.Context, v []int) (int, error) { return len(v), nil }).With(engine.Options{Version: 2})
	leaf := engine.Func1("leaf ü/+", func(_ context.Context, n int) (int, error) { return n, nil })
	b := engine.NewBuilder()
	list := grow.Call(engine.Const(b, 3))
	inner := engine.FanOut(b, list, func(e engine.Ref[int]) engine.Ref[int] {
		return leaf.Call(leaf.Call(e))
	})
	total := engine.Func2("total", func(_ context.Context, a []int, n int) (int, error) { return len(a) + n, nil })
	var row []engine.Ref[int]
	for i := range wide {
		row = append(row, leaf.Call(engine.Const(b, i)))
	}
	g, err := b.Compile(total.Call(inner, sum.Call(b, row...)))
	require.NoError(t, err)
	return g
}

// began is when the runs of the tests started.
func began() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func info(id record.RunID) record.RunInfo {
	return record.RunInfo{
		ID: id, Workflow: "w", Policy: record.FailFast, Tags: []string{"nightly"}, SubmittedAt: began(), StartedAt: began(),
	}
}

func succeeded() record.RunEnd {
	return record.RunEnd{Status: record.Succeeded, EndedAt: began().Add(time.Second), Result: []byte("42"), ResultType: "int", ResultText: "42"}
}

// simulated is a graph with the log of a run of it.
func simulated(t testing.TB, seed uint64, wide int) (*dag.Graph, []record.Step) {
	t.Helper()
	g := nested(t, wide)
	steps := enginetest.SimulateSteps(g, seed, 4)
	for i := range steps {
		if len(steps[i].Readied) == 0 {
			steps[i].Readied = nil // as it comes back
		}
	}
	return g, steps
}

// recordRun records a run from its log, in calls of n steps.
func recordRun(t testing.TB, s metricsstore.Store, i record.RunInfo, g *dag.Graph, steps []record.Step, n int) {
	t.Helper()
	r := recorder(t, metricsstore.Config{Store: s})
	require.NoError(t, r.Begin(i, g))
	for part := range slices.Chunk(steps, n) {
		r.Steps(i.ID, part)
	}
	require.NoError(t, r.End(i.ID, succeeded()))
}

func recorder(t testing.TB, cfg metricsstore.Config) *metricsstore.Recorder {
	t.Helper()
	r, err := metricsstore.NewRecorder(cfg)
	require.NoError(t, err)
	return r
}

func archiver(t testing.TB, s metricsstore.Store) *metricsstore.Archiver {
	t.Helper()
	a, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: s})
	require.NoError(t, err)
	return a
}

// watched is a store that records the batches it gets and can be made to fail.
type watched struct {
	metricsstore.Store

	mu      sync.Mutex
	batches []string
	at      []time.Time
	fail    error
	delay   time.Duration
	tries   int
}

func newWatched() *watched { return &watched{Store: memory.New()} }

func (w *watched) Append(ctx context.Context, run record.RunID, b metricsstore.Batch) error {
	w.mu.Lock()
	w.tries++
	fail, delay := w.fail, w.delay
	w.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if fail != nil {
		return fail
	}
	if err := w.Store.Append(ctx, run, b); err != nil {
		return err
	}
	text := ""
	for _, block := range b.Blocks {
		text += fmt.Sprintf("%d-%d ", block.First, block.Last)
	}
	if n := len(b.Details); n > 0 {
		text += fmt.Sprintf("%d details ", n)
	}
	if n := len(b.Workers); n > 0 {
		text += fmt.Sprintf("%d workers ", n)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.batches = append(w.batches, text[:max(0, len(text)-1)])
	w.at = append(w.at, time.Now())
	return nil
}

// taken returns the batches since the last call.
func (w *watched) taken() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.batches
	w.batches = nil
	return b
}

func (w *watched) failWith(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = err
}

func (w *watched) triesSoFar() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tries
}

var errDown = errors.New("the store is down")

func mustRun(t testing.TB, s metricsstore.Store, id record.RunID) metricsstore.Run {
	t.Helper()
	r, err := s.Run(t.Context(), id)
	require.NoError(t, err)
	return r
}

// rollups are all roll-ups of a store but with the run's name left out, so that those of two runs can be compared.
func rollups(t testing.TB, s metricsstore.Store) map[string][]byte {
	t.Helper()
	rows, err := s.Rollups(t.Context(), metricsstore.RollupQuery{})
	require.NoError(t, err)
	out := map[string][]byte{}
	for _, r := range rows {
		d, err := r.Unpack()
		require.NoError(t, err)
		out[fmt.Sprintf("%s/%d/%s/%d", r.Function, r.Version, r.Metric, r.Day)] = d.Digest
	}
	return out
}

// noArchive fails to archive while it is on.
type noArchive struct {
	*watched
	on bool
}

func (s *noArchive) Archive(ctx context.Context, id record.RunID, a metricsstore.Archive) error {
	if s.on {
		return errDown
	}
	return s.watched.Archive(ctx, id, a)
}

// slowRun takes a second for each batch of one run.
type slowRun struct{ *watched }

func (s *slowRun) Append(ctx context.Context, id record.RunID, b metricsstore.Batch) error {
	if id == "slow" {
		time.Sleep(time.Second)
	}
	return s.watched.Append(ctx, id, b)
}
