package api_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/web/api"
)

// tripGraph is that of the workflow trip: task 0, and task 1, which reads it.
func tripGraph(t *testing.T) *engine.Graph {
	t.Helper()
	b := engine.NewBuilder()
	g, err := b.Compile(double.Call(trip.Call(engine.Const(b, "not"))))
	require.NoError(t, err)
	return g
}

// ms is a moment of a written run.
const ms = int64(time.Millisecond)

// attempt is the end of an attempt that was ready at a moment, and took a millisecond for each thing.
func attempt(node engine.NodeID, epoch, number, worker uint16, o engine.Outcome, ready int64) engine.Step {
	return engine.Step{
		Kind: engine.AttemptEnded, Node: node, Epoch: epoch, Attempt: number, Worker: worker, Outcome: o, Head: true, Ready: ready * ms,
		Claimed: (ready + 1) * ms, Started: (ready + 3) * ms, Fetch: ms, Ended: (ready + 4) * ms, Updated: (ready + 5) * ms, Became: engine.NoNode,
	}
}

// numbered numbers steps, starting after the given number.
func numbered(after int, steps ...engine.Step) []engine.Step {
	for i := range steps {
		steps[i].Seq = uint64(after + i + 1)
		if steps[i].Kind != engine.AttemptEnded {
			steps[i].Became = engine.NoNode
		}
	}
	return steps
}

// troubled records a run of three workers in two revisions. In the first, task 0 ends on worker 0, worker 1 is lost with
// task 1, and task 1 fails on worker 2; in the second, task 0 is made again and task 1 ends well.
func (w *world) troubled(id engine.RunID) api.RunSummary {
	w.t.Helper()
	began := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	rules := engine.Rules{NoDelay: true}.WithDefaults()
	info := engine.RunInfo{ID: id, Workflow: "trip", Params: map[string]string{"mode": "not"}, StartedAt: began, SubmittedAt: began, Rules: &rules}
	first := attempt(0, 0, 1, 0, engine.OutcomeOK, 0)
	first.Location, first.OutputBytes, first.StoredBytes, first.Readied = engine.LocationStored, 8, 8, []engine.NodeID{1}
	started := attempt(1, 0, 1, 1, engine.NoOutcome, 5)
	started.Kind, started.Ended, started.Updated = engine.AttemptStarted, 0, 0
	lost := attempt(1, 0, 1, 1, engine.OutcomeLost, 5)
	lost.Announced, lost.Ended, lost.Updated = true, 25*ms, 25*ms
	w.revision(info, numbered(0,
		engine.Step{Kind: engine.RunStarted, Readied: []engine.NodeID{0}},
		engine.Step{Kind: engine.WorkerStarted, Worker: 0}, engine.Step{Kind: engine.WorkerStarted, Worker: 1, Started: ms},
		first, started, lost,
		engine.Step{Kind: engine.WorkerStopped, Worker: 1, Outcome: engine.OutcomeLost, Ended: 25 * ms},
		attempt(1, 0, 2, 2, engine.OutcomeFailed, 25),
		engine.Step{Kind: engine.RunFinished, Outcome: engine.OutcomeFailed, Ended: 40 * ms},
	), []engine.Detail{
		{Node: 1, Attempt: 1, Error: &engine.ErrorRecord{Kind: engine.WorkerLostError, Node: 1, Message: "its worker died", Worker: "b-1", Host: "b", Attempt: 1}},
		{Node: 1, Attempt: 2, Error: &engine.ErrorRecord{Kind: engine.UserError, Node: 1, Message: "tripped", Attempt: 2}, Inputs: []engine.InputDetail{
			{From: 0, Source: "store", Bytes: 8, Fetch: time.Millisecond},
		}},
	}, []engine.WorkerRecord{
		{Worker: 0, Name: "a-1", Host: "a", PID: 1, Width: 2, Slots: 2, Ended: 40 * ms, Warm: true, Saved: &engine.Savings{
			Became: 1, Invoked: 2, Clustered: 3, DelayedHeld: 4, DelayedStored: 5, NotStoredBytes: 6, StoredBytes: 7, InlineBytes: 8,
			FetchedBytes: 9, Preloaded: 10, Preload: 11, Invalidated: 12, Commands: 13, RoundTrips: 14,
		}},
		{Worker: 1, Name: "b-1", Host: "b", PID: 2, Width: 2},
	}, engine.Failed)
	info.Revision = 1
	w.revision(info, numbered(9,
		engine.Step{Kind: engine.RunStarted, Ended: 100 * ms},
		engine.Step{Kind: engine.WorkerStarted, Worker: 3, Started: 100 * ms},
		attempt(0, 1, 1, 3, engine.OutcomeOK, 100), attempt(1, 1, 1, 3, engine.OutcomeOK, 105),
		engine.Step{Kind: engine.RunFinished, Outcome: engine.OutcomeOK, Ended: 120 * ms},
	), []engine.Detail{
		{Node: 1, Epoch: 1, Attempt: 1, Inputs: []engine.InputDetail{{From: 0, Source: "local", Bytes: 8}, {From: 0, Source: "inline", Bytes: 3}}},
	}, []engine.WorkerRecord{{Worker: 3, Name: "a-2", Host: "a", PID: 3, Width: 2, Slots: 1, Started: 100 * ms, Ended: 120 * ms}}, engine.Succeeded)
	var run api.RunSummary
	w.get("/runs/"+string(id), &run)
	return run
}

// revision records one revision of a run.
func (w *world) revision(info engine.RunInfo, steps []engine.Step, details []engine.Detail, workers []engine.WorkerRecord, status engine.Status) {
	w.t.Helper()
	require.NoError(w.t, w.record.Begin(info, tripGraph(w.t.(*testing.T))))
	w.record.Steps(info.ID, steps)
	w.record.Details(info.ID, details, workers)
	ended := info.StartedAt.Add(time.Duration(steps[len(steps)-1].Ended))
	require.NoError(w.t, w.record.End(info.ID, engine.RunEnd{Status: status, EndedAt: ended}))
}

// TestTimelineOfWhatIsNotRun: a task that nothing claims before its run is cancelled is ready until then.
func TestTimelineOfWhatIsNotRun(t *testing.T) {
	w := newWorld(t)
	began := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	info := engine.RunInfo{ID: "cut", Workflow: "trip", Params: map[string]string{"mode": "not"}, StartedAt: began, SubmittedAt: began}
	first := attempt(0, 0, 1, 0, engine.OutcomeOK, 0) // claimed at 1 ms, over at 5 ms
	first.Readied = []engine.NodeID{1}
	w.revision(info, numbered(0,
		engine.Step{Kind: engine.RunStarted, Readied: []engine.NodeID{0}},
		engine.Step{Kind: engine.WorkerStarted, Worker: 0}, first,
		engine.Step{Kind: engine.RunFinished, Outcome: engine.OutcomeCancelled, Ended: 10 * ms},
	), nil, nil, engine.Cancelled)
	var run api.RunSummary
	w.get("/runs/cut", &run)
	assert.Equal(t, int64(1), run.Tasks.NotRun)
	var line api.Timeline
	w.get(at(run, "/timeline?buckets=10"), &line)
	assert.Equal(t, ms, line.StepNS)
	assert.Equal(t, []float64{1, 0, 0, 0, 0, 1, 1, 1, 1, 1}, line.Ready)
}

// TestRunOfManyWorkers: what several workers did, lost and repeated is reported correctly, over revisions.
func TestRunOfManyWorkers(t *testing.T) {
	w := newWorld(t)
	run := w.troubled("troubled")
	assert.Equal(t, 1, run.Revision)
	assert.Equal(t, engine.Succeeded, run.Status)
	assert.Equal(t, api.TaskCounts{Total: 2, Done: 2}, run.Tasks, "what was run again counts once")
	assert.Equal(t, int64(5), run.Attempts)
	assert.Equal(t, int64(1), run.Lost)
	assert.Empty(t, run.MissingFunctions)
	assert.Equal(t, 109*ms, run.MakespanNS, "of both revisions")

	assert.Equal(t, &api.Rules{NoDelay: true, ClusterBytes: 4 << 20, InlineBytes: 16 << 10, HoldFor: 2 * time.Second, Invokers: 16, PoisonAfter: 3}, run.Rules)
	w.post(at(run, "/retry"), nil, http.StatusCreated, nil)
	assert.True(t, w.jobs.last().Options.Rules.NoDelay, "another like it has its rules")

	var task api.Task
	w.get(at(run, "/tasks/1"), &task)
	require.Len(t, task.Attempts, 3)
	type life struct {
		epoch, attempt, worker int
		outcome                engine.Outcome
		started, updated       int64
	}
	var lives []life
	for _, a := range task.Attempts {
		lives = append(lives, life{a.Epoch, a.Attempt.Attempt, a.Worker, a.Outcome, a.StartedNS / ms, a.UpdatedNS / ms})
	}
	assert.Equal(t, []life{
		{0, 1, 1, engine.OutcomeLost, 8, 25}, {0, 2, 2, engine.OutcomeFailed, 28, 30}, {1, 1, 3, engine.OutcomeOK, 108, 110},
	}, lives)
	require.NotNil(t, task.Attempts[0].Error, "of the revision before")
	assert.Equal(t, engine.WorkerLostError, task.Attempts[0].Error.Kind)
	assert.Equal(t, "b", task.Attempts[0].Error.Host)
	eight, three := int64(8), int64(3)
	assert.Equal(t, []api.Input{{Task: "trip", Source: "store", Bytes: &eight, FetchNS: ms}}, task.Attempts[1].Inputs)
	assert.Equal(t, []api.Input{{Task: "trip", Source: "local", Bytes: &eight}, {Task: "trip", Source: "inline", Bytes: &three}}, task.Attempts[2].Inputs)

	var workers api.RunWorkerList
	w.get(at(run, "/workers"), &workers)
	require.Len(t, workers.Workers, 3)
	a, b := workers.Workers[0], workers.Workers[1]
	assert.True(t, a.Warm)
	assert.False(t, b.Warm)
	assert.Equal(t, &api.Savings{
		Became: 1, Invoked: 2, Clustered: 3, DelayedHeld: 4, DelayedStored: 5, NotStoredBytes: 6, StoredBytes: 7, InlineBytes: 8,
		FetchedBytes: 9, Preloaded: 10, Preload: 11, Invalidated: 12, Commands: 13, RoundTrips: 14,
	}, a.Saved)
	assert.Nil(t, b.Saved)
	assert.Nil(t, b.EndedNS)

	var list api.TaskList
	w.get(at(run, "/tasks?outcome=lost"), &list)
	assert.Equal(t, 1, list.Total)
	w.get(at(run, "/tasks?worker=3"), &list)
	assert.Equal(t, 2, list.Total)
	var stats api.RunStatistics
	w.get(at(run, "/stats?group_by=worker"), &stats)
	assert.Len(t, stats.Groups, 2, "of attempts that ended well")
	var events api.EventList
	w.get(at(run, "/events"), &events)
	kinds := map[engine.EventKind]int{}
	for _, e := range events.Events {
		kinds[e.Kind]++
	}
	assert.Equal(t, 1, kinds[engine.TaskLostEvent])
	assert.Equal(t, 1, kinds[engine.RunSubmittedEvent])
	assert.Equal(t, 1, kinds[engine.RunRetriedEvent])
	assert.Equal(t, 3, kinds[engine.TaskFinishedEvent])
}

func TestRules(t *testing.T) {
	w := newWorld(t)
	w.finished(w.submit("spread", nil, func(s *api.Submission) {
		s.Rules = api.Rules{NoBecome: true, StoreAll: true, ClusterBytes: 1 << 20, HoldFor: time.Second, Invokers: 3}
	}).Run)
	assert.Equal(t, engine.Rules{
		NoBecome: true, StoreAll: true, ClusterBytes: 1 << 20, InlineBytes: 16 << 10, HoldFor: time.Second, Invokers: 3, PoisonAfter: 3,
	}, w.jobs.last().Options.Rules)
	w.run("spread", nil)
	assert.Equal(t, engine.Rules{}.WithDefaults(), w.jobs.last().Options.Rules)
	for body, detail := range map[string]string{
		`{"workflow":"spread","rules":{"no_hope":true}}`:    "body.rules.no_hope: unexpected property, expected cluster_bytes, hold_for_ns, inline_bytes, invokers, no_become, no_clustering, no_delay, no_inline, no_preload, poison_after, store_all",
		`{"workflow":"spread","rules":{"invokers":-1}}`:     "body.rules.invokers: expected number >= 0",
		`{"workflow":"spread","rules":{"hold_for_ns":0.5}}`: "body.rules.hold_for_ns: expected integer",
	} {
		assert.Equal(t, detail, w.refused(http.MethodPost, "/runs", body, http.StatusUnprocessableEntity).Detail)
	}
}

func TestServerTellsWhatItIs(t *testing.T) {
	var s api.Server
	newWorld(t).get("/server", &s)
	assert.Equal(t, api.Server{WorkerCommand: "dagscope serve", Program: "dagscope"}, s)
	newWorld(t, func(c *api.Config) {
		c.Shared, c.WorkerCommand, c.Program, c.Place = true, "dagscope worker", "mine", "--data /srv/runs"
	}).get("/server", &s)
	assert.Equal(t, api.Server{Shared: true, WorkerCommand: "dagscope worker", Program: "mine", Place: "--data /srv/runs"}, s)
}

func TestWorkersOfOtherProcesses(t *testing.T) {
	w := newWorld(t, func(c *api.Config) {
		c.Workers = func(context.Context) ([]api.WorkerState, error) {
			return []api.WorkerState{
				{
					Name: "a-1", Host: "a", Functions: []string{"double"}, Running: map[engine.RunID]int{"r": 2},
					Sessions: []api.WorkerSession{{Run: "s", Number: 4, Claims: 7}, {Run: "r", Number: 0, Claims: 3}},
				},
				{Name: "b-1", Host: "b", Lost: true},
			}, nil
		}
	})
	var got api.WorkerList
	w.get("/workers", &got)
	require.Len(t, got.Workers, 2)
	zero, three, four, seven := 0, 3, 4, 7
	assert.Equal(t, []string{"double"}, got.Workers[0].Functions)
	for i := range got.Workers[0].Runs {
		got.Workers[0].Runs[i].Name = ""
	}
	assert.Equal(t, []api.WorkerRun{{Run: "r", Running: 2, Number: &zero, Claims: &three}, {Run: "s", Number: &four, Claims: &seven}}, got.Workers[0].Runs)
	assert.True(t, got.Workers[1].Lost)
	assert.Empty(t, got.Workers[1].Functions)
	assert.NotNil(t, got.Workers[1].Functions)
}

// TestRetryOfSharedRuns: where something is left of a run it is continued, else it is a new one.
func TestRetryOfSharedRuns(t *testing.T) {
	var asked []engine.RunID
	var answer error
	w := newWorld(t, func(c *api.Config) {
		c.Shared = true
		c.Retry = func(ctx context.Context, run engine.RunID) (*engine.Run, error) {
			asked = append(asked, run)
			return nil, answer
		}
	})
	failed := w.run("trip", map[string]string{"mode": "error"})
	retry := func(path string, status int) (s api.RunSummary) {
		t.Helper()
		w.post(path, nil, status, &s)
		return s
	}
	assert.Equal(t, failed.Run, retry(at(failed, "/retry"), http.StatusOK).Run, "the same run continues")
	assert.Equal(t, []engine.RunID{failed.Run}, asked)

	assert.NotEqual(t, failed.Run, retry(at(failed, "/retry?new=true"), http.StatusCreated).Run)
	assert.Len(t, asked, 1, "it was not wanted")
	answer = fmt.Errorf("%w: nothing is left", engine.ErrUnknownRun)
	assert.NotEqual(t, failed.Run, retry(at(failed, "/retry"), http.StatusCreated).Run)
	assert.Len(t, asked, 2)

	answer = engine.ErrClosed
	w.refused(http.MethodPost, at(failed, "/retry"), nil, http.StatusServiceUnavailable)
	well := w.run("spread", nil)
	assert.NotEqual(t, well.Run, retry(at(well, "/retry"), http.StatusCreated).Run)
	assert.Len(t, asked, 3, "what succeeded has nothing left to do")
}

// TestControlElsewhere: what another process executes is asked of that one, and where none can be asked, a command that
// can is named.
func TestControlElsewhere(t *testing.T) {
	var asked []api.Control
	status, answer := engine.Running, error(nil)
	w := newWorld(t, func(c *api.Config) {
		c.Program = "mine"
		c.Ask = func(_ context.Context, _ engine.RunID, control api.Control) (engine.Status, error) {
			asked = append(asked, control)
			return status, answer
		}
	})
	id := engine.NewRunID(time.Now())
	require.NoError(t, w.record.Begin(engine.RunInfo{ID: id, Workflow: "trip", StartedAt: time.Now()}, tripGraph(t)))
	var run api.RunSummary
	w.get("/runs/"+string(id), &run)
	assert.True(t, run.Local)

	for control, becomes := range map[api.Control]engine.Status{api.PauseRun: engine.Paused, api.ResumeRun: engine.Running} {
		status = becomes
		w.post(at(run, "/"+string(control)), nil, http.StatusOK, &run)
		assert.Equal(t, becomes, run.Status, "as reported by the other process")
	}
	w.post(at(run, "/cancel"), nil, http.StatusAccepted, &run)
	assert.Len(t, asked, 3)

	answer = api.ErrUnreached
	p := w.refused(http.MethodPost, at(run, "/cancel"), nil, http.StatusConflict)
	assert.Contains(t, p.Detail, "mine cancel "+string(id)+" --server URL")
}
