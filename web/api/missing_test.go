package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	pool "github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

var (
	cpu    = engine.Func1("cpu", func(_ context.Context, n int) (int, error) { return n, nil })
	gpu    = engine.Func1("gpu", func(_ context.Context, n int) (int, error) { return n, nil }).With(engine.Options{Version: 2})
	listed = engine.Func1("listed", func(_ context.Context, n int) ([]int, error) { return make([]int, n), nil })
)

// mixed has a row of tasks of each function, and a fan-out.
func mixed(t *testing.T) *dag.Graph {
	t.Helper()
	b := engine.NewBuilder()
	var row []engine.Ref[int]
	for range 3 {
		row = append(row, gpu.Call(cpu.Call(engine.Const(b, 1))))
	}
	out := engine.FanOut(b, listed.Call(row[0]), gpu.Call)
	g, err := b.Compile(engine.List(b, out, engine.List(b, row...)))
	require.NoError(t, err)
	return g
}

// TestClaimable: at every step, what could be claimed is what the table shows as waiting for a worker.
func TestClaimable(t *testing.T) {
	g := mixed(t)
	for seed := range uint64(20) {
		steps := enginetest.SimulateSteps(g, seed, 2)
		table := runtable.New(g)
		c := newClaimable(table.Numbering())
		for i := range steps {
			if s := &steps[i]; s.Kind == record.AttemptEnded && s.Outcome == record.OutcomeRetrying && seed%2 == 0 {
				s.Outcome, s.Delay = record.OutcomeLost, 0
			}
			require.NoError(t, table.Steps(steps[i:i+1]))
			c.step(&steps[i])
			want := map[dag.NodeID]int64{}
			for row := range table.Rows() {
				if r := table.Row(row); r.Has == runtable.HasReady {
					want[r.Node] = r.Ready
				}
			}
			require.Equal(t, want, c.since, "seed %d, step %d", seed, i)
		}
		c.step(&record.Step{Kind: record.AttemptEnded, Outcome: record.OutcomeLost, Node: dag.NodeID(g.Scope(0).Tasks())})
		assert.Empty(t, c.byFunction(), "in the end nothing waits, and any worker continues a lost expansion")
	}
	var unshared *claimable
	unshared.step(&record.Step{Kind: record.RunStarted, Readied: []dag.NodeID{0}})
	assert.Empty(t, unshared.byFunction())
}

func TestRoster(t *testing.T) {
	began := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	waiting := []waitingFunction{
		{FunctionName: FunctionName{Function: "cpu"}, tasks: 3, since: int64(10 * time.Second)},
		{FunctionName: FunctionName{Function: "gpu", Version: 2}, tasks: 1, since: int64(20 * time.Second), needs: engine.Options{CPUs: 4, Memory: 1 << 30}},
	}
	missing := func(names ...string) []MissingFunction {
		out := []MissingFunction{}
		for _, name := range names {
			out = append(out, map[string]MissingFunction{"cpu": {"cpu", 0, 3, ""}, "gpu": {"gpu", 2, 1, ""}}[name])
		}
		return out
	}
	with := func(functions ...string) WorkerState {
		return WorkerState{Functions: functions, Snapshot: pool.Snapshot{Width: 4}}
	}
	sized := func(width int, w WorkerState) WorkerState {
		w.Width, w.TaskMemory = width, 2<<30
		return w
	}
	tooLarge := []MissingFunction{{"gpu", 2, 1, "a call needs 4 processors and 1 GiB of memory, the largest worker has 2 processors and 2 GiB of memory"}}
	lost := func(at time.Duration, functions ...string) WorkerState {
		return WorkerState{Functions: functions, Lost: true, LastBeat: began.Add(at)}
	}
	for _, c := range []struct {
		name    string
		workers []WorkerState
		at      time.Duration
		want    []MissingFunction
	}{
		{"no worker at all is reported soon", nil, 20 * time.Second, missing("cpu")},
		{"of each function", nil, 25 * time.Second, missing("cpu", "gpu")},
		{"a worker may be starting", nil, 15*time.Second - 1, missing()},
		{"only lost workers", []WorkerState{lost(19*time.Second, "cpu", "gpu@2")}, 25 * time.Second, missing("cpu", "gpu")},
		{"one that has all", []WorkerState{sized(4, WorkerState{})}, time.Hour, missing()},
		{"one that has both", []WorkerState{with("cpu", "gpu@2")}, time.Hour, missing()},
		{"none is large enough", []WorkerState{sized(1, WorkerState{}), sized(2, WorkerState{})}, 25 * time.Second, tooLarge},
		{"a larger one may be starting", []WorkerState{sized(2, WorkerState{})}, 25*time.Second - 1, missing()},
		{"one of two is", []WorkerState{sized(2, WorkerState{}), sized(4, WorkerState{})}, time.Hour, missing()},
		{"two that have one each", []WorkerState{with("cpu"), with("gpu@2")}, time.Hour, missing()},
		{"for a minute nothing is said", []WorkerState{with("cpu")}, 80*time.Second - 1, missing()},
		{"then it is", []WorkerState{with("cpu")}, 80 * time.Second, missing("gpu")},
		{"another version is another function", []WorkerState{with("cpu", "gpu")}, 80 * time.Second, missing("gpu")},
		{"a minute from the last beat of one that was lost", []WorkerState{with("cpu"), lost(time.Minute, "gpu@2")}, 2*time.Minute - 1, missing()},
		{"and then", []WorkerState{with("cpu"), lost(time.Minute, "gpu@2")}, 2 * time.Minute, missing("gpu")},
		{"a lost one that had all", []WorkerState{with("cpu"), lost(0)}, 2 * time.Minute, missing("gpu")},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := roster{workers: func(context.Context) ([]WorkerState, error) { return c.workers, nil }, now: func() time.Time { return began.Add(c.at) }, had: map[string]time.Time{}}
			assert.Equal(t, c.want, r.lacking(t.Context(), waiting, began))
			assert.Equal(t, missing(), r.lacking(t.Context(), nil, began), "nothing waits")
		})
	}
}

// TestRosterUnknown: while the workers are unknown, nothing is reported as missing, and the last known state stays.
func TestRosterUnknown(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	err := errors.New("away")
	r := roster{
		workers: func(context.Context) ([]WorkerState, error) { return nil, err }, now: func() time.Time { return now }, had: map[string]time.Time{},
	}
	waiting := []waitingFunction{{FunctionName: FunctionName{Function: "cpu"}, tasks: 1}}
	long := now.Add(-time.Hour)
	assert.Empty(t, r.lacking(t.Context(), waiting, long))
	now, err = now.Add(workersEvery), nil
	assert.Len(t, r.lacking(t.Context(), waiting, long), 1, "now it is known that there is no worker")
	now, err = now.Add(workersEvery), errors.New("away")
	assert.Len(t, r.lacking(t.Context(), waiting, long), 1)
}

// TestRosterRemembers: a worker that has gone with a word is missed a minute after it was last seen; the workers are asked
// for once a second.
func TestRosterRemembers(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	workers, asked := []WorkerState{{Functions: []string{"cpu"}}, {Functions: []string{"other"}}}, 0
	r := roster{
		workers: func(context.Context) ([]WorkerState, error) { asked++; return workers, nil }, now: func() time.Time { return now }, had: map[string]time.Time{},
	}
	lacking := func() int {
		return len(r.lacking(t.Context(), []waitingFunction{{FunctionName: FunctionName{Function: "cpu"}, tasks: 1}}, now.Add(-time.Hour)))
	}
	assert.Zero(t, lacking())
	assert.Zero(t, lacking())
	assert.Equal(t, 1, asked)
	workers = workers[1:]
	now = now.Add(missingAfter - 1)
	assert.Zero(t, lacking())
	now = now.Add(workersEvery)
	assert.Equal(t, 1, lacking())
	assert.Equal(t, 3, asked)
}

// TestMissingFunctions: the summary of a live run lists what it waits for, and Changed returns it when that changes.
func TestMissingFunctions(t *testing.T) {
	var workers []WorkerState
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	s := &slowStore{}
	a, h := idle(t, s, 0, func(c *Config) {
		c.Shared, c.Workers, c.Now = true, func(context.Context) ([]WorkerState, error) { return workers, nil }, func() time.Time { return now }
	})
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{Store: s.Store})
	require.NoError(t, err)
	require.NoError(t, recorder.Begin(record.RunInfo{ID: "r", Workflow: "w", StartedAt: now}, mixed(t)))
	recorder.Steps("r", []record.Step{{Seq: 1, Kind: record.RunStarted, Readied: []dag.NodeID{0, 2, 4}, Became: dag.NoNode}})
	working, stop := context.WithCancel(t.Context())
	stop()
	require.NoError(t, recorder.Run(working), "what it has is kept")
	summary := func() (r RunSummary) {
		t.Helper()
		out := get(h, "/runs/r")
		require.Equal(t, http.StatusOK, out.Code)
		require.NoError(t, json.Unmarshal(out.Body.Bytes(), &r))
		return r
	}
	news := func() int {
		t.Helper()
		all, err := a.Changed(t.Context())
		require.NoError(t, err)
		return len(all)
	}
	require.True(t, summary().Live)
	now = now.Add(noneAfter)
	assert.Equal(t, []MissingFunction{{Function: "cpu", Tasks: 3}}, summary().MissingFunctions)
	news()
	workers, now = []WorkerState{{Functions: []string{"cpu"}}}, now.Add(time.Second)
	assert.Equal(t, []MissingFunction{}, summary().MissingFunctions)
	assert.Equal(t, 1, news())

	a.summaries.cfg.Shared = false
	workers = nil
	now = now.Add(time.Hour)
	assert.Equal(t, []MissingFunction{}, summary().MissingFunctions, "a process alone has its own worker")
}
