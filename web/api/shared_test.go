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
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/web/api"
)

// tripGraph is that of the workflow trip: task 0, and task 1, which reads it.
func tripGraph(t *testing.T) *dag.Graph {
	t.Helper()
	b := engine.NewBuilder()
	g, err := b.Compile(double.Call(trip.Call(engine.Const(b, "not"))))
	require.NoError(t, err)
	return g
}

// ms is a moment of a written run.
const ms = int64(time.Millisecond)

// attempt is the end of an attempt that was ready at a moment, and took a millisecond for each thing.
func attempt(node dag.NodeID, epoch, number, worker uint16, o record.Outcome, ready int64) record.Step {
	return record.Step{
		Kind: record.AttemptEnded, Node: node, Epoch: epoch, Attempt: number, Worker: worker, Outcome: o, Head: true, Ready: ready * ms,
		Claimed: (ready + 1) * ms, Started: (ready + 3) * ms, Fetch: ms, Ended: (ready + 4) * ms, Updated: (ready + 5) * ms, Became: dag.NoNode,
	}
}

// numbered numbers steps, starting after the given number.
func numbered(after int, steps ...record.Step) []record.Step {
	for i := range steps {
		steps[i].Seq = uint64(after + i + 1)
		if steps[i].Kind != record.AttemptEnded {
			steps[i].Became = dag.NoNode
		}
	}
	return steps
}

// troubled records a run of three workers in two revisions. In the first, task 0 ends on worker 0, worker 1 is lost with
// task 1, and task 1 fails on worker 2; in the second, task 0 is made again and task 1 ends well.
func (w *world) troubled(id record.RunID) api.RunSummary {
	w.t.Helper()
	began := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	rules := record.Rules{NoDelay: true}.WithDefaults()
	info := record.RunInfo{ID: id, Workflow: "trip", Params: map[string]string{"mode": "not"}, StartedAt: began, SubmittedAt: began, Rules: &rules}
	first := attempt(0, 0, 1, 0, record.OutcomeOK, 0)
	first.Location, first.OutputBytes, first.StoredBytes, first.Readied = record.LocationStored, 8, 8, []dag.NodeID{1}
	started := attempt(1, 0, 1, 1, record.NoOutcome, 5)
	started.Kind, started.Ended, started.Updated = record.AttemptStarted, 0, 0
	lost := attempt(1, 0, 1, 1, record.OutcomeLost, 5)
	lost.Announced, lost.Ended, lost.Updated = true, 25*ms, 25*ms
	w.revision(info, numbered(0,
		record.Step{Kind: record.RunStarted, Readied: []dag.NodeID{0}},
		record.Step{Kind: record.WorkerStarted, Worker: 0}, record.Step{Kind: record.WorkerStarted, Worker: 1, Started: ms},
		first, started, lost,
		record.Step{Kind: record.WorkerStopped, Worker: 1, Outcome: record.OutcomeLost, Ended: 25 * ms},
		attempt(1, 0, 2, 2, record.OutcomeFailed, 25),
		record.Step{Kind: record.RunFinished, Outcome: record.OutcomeFailed, Ended: 40 * ms},
	), []record.Detail{
		{Node: 1, Attempt: 1, Error: &record.ErrorRecord{Kind: record.WorkerLostError, Node: 1, Message: "its worker died", Worker: "b-1", Host: "b", Attempt: 1}},
		{Node: 1, Attempt: 2, Error: &record.ErrorRecord{Kind: record.UserError, Node: 1, Message: "tripped", Attempt: 2}, Inputs: []record.InputDetail{
			{From: 0, Source: "store", Bytes: 8, Fetch: time.Millisecond},
		}},
	}, []record.WorkerRecord{
		{Worker: 0, Name: "a-1", Host: "a", PID: 1, Width: 2, Slots: 2, Ended: 40 * ms, Warm: true, Saved: &record.Savings{
			Became: 1, Invoked: 2, Clustered: 3, DelayedHeld: 4, DelayedStored: 5, NotStoredBytes: 6, StoredBytes: 7, InlineBytes: 8,
			FetchedBytes: 9, Preloaded: 10, Preload: 11, Invalidated: 12, Commands: 13, RoundTrips: 14,
		}},
		{Worker: 1, Name: "b-1", Host: "b", PID: 2, Width: 2, Preparations: []record.Preparation{
			{Key: "k", Name: "requirements.txt", Started: 1, Ended: 4, Bytes: 5, Done: true}, {Key: "l", Name: "python3", Started: 4},
		}},
	}, record.Failed)
	info.Revision = 1
	w.revision(info, numbered(9,
		record.Step{Kind: record.RunStarted, Ended: 100 * ms},
		record.Step{Kind: record.WorkerStarted, Worker: 3, Started: 100 * ms},
		attempt(0, 1, 1, 3, record.OutcomeOK, 100), attempt(1, 1, 1, 3, record.OutcomeOK, 105),
		record.Step{Kind: record.RunFinished, Outcome: record.OutcomeOK, Ended: 120 * ms},
	), []record.Detail{
		{Node: 1, Epoch: 1, Attempt: 1, Inputs: []record.InputDetail{{From: 0, Source: "local", Bytes: 8}, {From: 0, Source: "inline", Bytes: 3}}},
	}, []record.WorkerRecord{{Worker: 3, Name: "a-2", Host: "a", PID: 3, Width: 2, Slots: 1, Started: 100 * ms, Ended: 120 * ms}}, record.Succeeded)
	var run api.RunSummary
	w.get("/runs/"+string(id), &run)
	return run
}

// revision records one revision of a run.
func (w *world) revision(info record.RunInfo, steps []record.Step, details []record.Detail, workers []record.WorkerRecord, status record.Status) {
	w.t.Helper()
	require.NoError(w.t, w.record.Begin(info, tripGraph(w.t.(*testing.T))))
	w.record.Steps(info.ID, steps)
	w.record.Details(info.ID, details, workers)
	ended := info.StartedAt.Add(time.Duration(steps[len(steps)-1].Ended))
	require.NoError(w.t, w.record.End(info.ID, record.RunEnd{Status: status, EndedAt: ended}))
}

// TestRunOfAnotherEngine: a run's summary says what its recording says, cached tasks are done, and lists can be filtered
// by the engine.
func TestRunOfAnotherEngine(t *testing.T) {
	w := newWorld(t)
	own := w.run("trip", map[string]string{"mode": "not"})
	assert.Equal(t, "dagscope", own.Engine)
	assert.Nil(t, own.Imported.Value)
	began := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	info := record.RunInfo{ID: "spark", Workflow: "etl", StartedAt: began, SubmittedAt: began, Origin: &record.Origin{
		Format: "Spark event log 3.5", System: "Spark", Digest: "1", Incomplete: "the file ends in the middle of line 7",
		Notes: []record.Note{{Kind: record.NoteLeftOut, Text: "rows have no start", Count: 3}},
	}}
	w.revision(info, numbered(0,
		record.Step{Kind: record.RunStarted}, attempt(0, 0, 1, 0, record.OutcomeCached, 0), attempt(1, 0, 1, 0, record.OutcomeOK, 5),
		record.Step{Kind: record.RunFinished, Outcome: record.OutcomeOK, Ended: 20 * ms},
	), nil, nil, record.Succeeded)
	var run api.RunSummary
	w.get("/runs/spark", &run)
	assert.Equal(t, "Spark", run.Engine)
	assert.Equal(t, api.TaskCounts{Total: 2, Done: 2, Cached: 1}, run.Tasks)
	require.NotNil(t, run.Imported.Value)
	assert.Equal(t, "Spark", run.Imported.Value.System)
	assert.Equal(t, info.Origin.Incomplete, run.Imported.Value.Incomplete)
	assert.Nil(t, run.Imported.Value.BytesMoved, "nothing about files is recorded")
	assert.Nil(t, run.Imported.Value.CPUNS)
	require.Len(t, run.Imported.Value.Notes, 1)
	assert.Equal(t, info.Origin.Notes[0], record.Note(run.Imported.Value.Notes[0]))
	info.ID = "cut"
	w.revision(info, numbered(0,
		record.Step{Kind: record.RunStarted}, record.Step{Kind: record.RunFinished, Outcome: record.OutcomeLost, Ended: 20 * ms},
	), nil, nil, record.Interrupted)
	w.get("/runs/cut", &run)
	assert.Equal(t, "all of the recording, which does not say how the run ended: 2 of 2 steps, 0 of 0 details", run.Records.Text, "no process was cut off")
	assert.False(t, run.Records.Complete)
	require.NoError(t, w.store.Delete(t.Context(), "cut"))

	var tasks api.TaskList
	w.get("/runs/spark/tasks?outcome=cached", &tasks)
	assert.Equal(t, 1, tasks.Total)
	assert.Equal(t, record.OutcomeCached, tasks.Tasks[0].Outcome)
	assert.Zero(t, tasks.Tasks[0].ExecuteNS, "its body was not called")
	assert.Equal(t, []int64{ms, 4 * ms, 4 * ms}, []int64{tasks.Tasks[0].ClaimedNS, tasks.Tasks[0].StartedNS, tasks.Tasks[0].EndedNS})
	assert.Equal(t, 2*ms, tasks.Tasks[0].FetchNS, "one to fetch its inputs, one to take its output")
	var line api.Timeline
	w.get("/runs/spark/timeline?buckets=4", &line)
	assert.Zero(t, line.Running[0], "nothing is executed while the cached task is")
	assert.Positive(t, line.Moving[0])
	for engine, want := range map[string][]record.RunID{"spark": {"spark"}, "dagscope": {own.Run}, "unknown": nil} {
		var list api.RunList
		w.get("/runs?engine="+engine, &list)
		var got []record.RunID
		for _, r := range list.Runs {
			got = append(got, r.Run)
		}
		assert.Equal(t, want, got)
		assert.Equal(t, len(want), list.Counts["all"])
		assert.Equal(t, []string{"Spark", "dagscope"}, list.Engines)
	}
}

// TestTimelineOfWhatIsNotRun: a task that nothing claims before its run is cancelled is ready until then.
func TestTimelineOfWhatIsNotRun(t *testing.T) {
	w := newWorld(t)
	began := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	info := record.RunInfo{ID: "cut", Workflow: "trip", Params: map[string]string{"mode": "not"}, StartedAt: began, SubmittedAt: began}
	first := attempt(0, 0, 1, 0, record.OutcomeOK, 0) // claimed at 1 ms, over at 5 ms
	first.Readied = []dag.NodeID{1}
	w.revision(info, numbered(0,
		record.Step{Kind: record.RunStarted, Readied: []dag.NodeID{0}},
		record.Step{Kind: record.WorkerStarted, Worker: 0}, first,
		record.Step{Kind: record.RunFinished, Outcome: record.OutcomeCancelled, Ended: 10 * ms},
	), nil, nil, record.Cancelled)
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
	assert.Equal(t, record.Succeeded, run.Status)
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
		outcome                record.Outcome
		started, updated       int64
	}
	var lives []life
	for _, a := range task.Attempts {
		lives = append(lives, life{a.Epoch, a.Attempt.Attempt, a.Worker, a.Outcome, a.StartedNS / ms, a.UpdatedNS / ms})
	}
	assert.Equal(t, []life{
		{0, 1, 1, record.OutcomeLost, 8, 25}, {0, 2, 2, record.OutcomeFailed, 28, 30}, {1, 1, 3, record.OutcomeOK, 108, 110},
	}, lives)
	require.NotNil(t, task.Attempts[0].Error, "of the revision before")
	assert.Equal(t, record.WorkerLostError, task.Attempts[0].Error.Kind)
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
	assert.Empty(t, a.Preparations)
	require.Len(t, b.Preparations, 2)
	assert.Equal(t, int64(4), *b.Preparations[0].EndedNS)
	assert.Equal(t, []any{"requirements.txt", int64(1), int64(5)}, []any{b.Preparations[0].Name, b.Preparations[0].StartedNS, b.Preparations[0].Bytes})
	assert.Nil(t, b.Preparations[1].EndedNS, "it continues")
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
	kinds := map[record.EventKind]int{}
	for _, e := range events.Events {
		kinds[e.Kind]++
	}
	assert.Equal(t, 1, kinds[record.TaskLostEvent])
	assert.Equal(t, 1, kinds[record.RunSubmittedEvent])
	assert.Equal(t, 1, kinds[record.RunRetriedEvent])
	assert.Equal(t, 3, kinds[record.TaskFinishedEvent])
}

func TestRules(t *testing.T) {
	w := newWorld(t)
	w.finished(w.submit("spread", nil, func(s *api.Submission) {
		s.Rules = api.Rules{NoBecome: true, StoreAll: true, ClusterBytes: 1 << 20, HoldFor: time.Second, Invokers: 3}
	}).Run)
	assert.Equal(t, record.Rules{
		NoBecome: true, StoreAll: true, ClusterBytes: 1 << 20, InlineBytes: 16 << 10, HoldFor: time.Second, Invokers: 3, PoisonAfter: 3,
	}, w.jobs.last().Options.Rules)
	w.run("spread", nil)
	assert.Equal(t, record.Rules{}.WithDefaults(), w.jobs.last().Options.Rules)
	for body, detail := range map[string]string{
		`{"workflow":"spread","rules":{"no_hope":true}}`:    "body.rules.no_hope: unexpected property, expected cluster_bytes, hold_for_ns, inline_bytes, invokers, no_become, no_clustering, no_delay, no_inline, no_preload, poison_after, store_all",
		`{"workflow":"spread","rules":{"invokers":-1}}`:     "body.rules.invokers: expected number >= 0",
		`{"workflow":"spread","rules":{"hold_for_ns":0.5}}`: "body.rules.hold_for_ns: expected integer",
	} {
		assert.Equal(t, detail, w.refused(http.MethodPost, "/runs", body, http.StatusUnprocessableEntity).Detail)
	}
}

func TestServerSaysWhatItIs(t *testing.T) {
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
					Snapshot: worker.Snapshot{Name: "a-1", Host: "a", Running: map[record.RunID]int{"r": 2}}, Functions: []string{"double"},
					Sessions: []api.WorkerSession{{Run: "s", Number: 4, Claims: 7}, {Run: "r", Number: 0, Claims: 3}},
				},
				{Snapshot: worker.Snapshot{Name: "b-1", Host: "b"}, Lost: true},
				{Snapshot: worker.Snapshot{Name: "c-1", Preparing: []worker.Preparing{
					{Preparation: record.Preparation{Key: "k", Name: "requirements.txt", Bytes: 5}, Run: "r", Since: time.Unix(9, 0)},
				}}},
			}, nil
		}
	})
	var got api.WorkerList
	w.get("/workers", &got)
	require.Len(t, got.Workers, 3)
	require.Len(t, got.Workers[2].Preparing, 1)
	preparing := got.Workers[2].Preparing[0]
	assert.Equal(t, []any{"requirements.txt", int64(5), record.RunID("r"), time.Unix(9, 0).UTC()},
		[]any{preparing.Name, preparing.Bytes, preparing.Run, preparing.Since})
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
	var asked []record.RunID
	var answer error
	w := newWorld(t, func(c *api.Config) {
		c.Shared = true
		c.Retry = func(ctx context.Context, run record.RunID) (*engine.Run, error) {
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
	assert.Equal(t, []record.RunID{failed.Run}, asked)

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
	status, answer := record.Running, error(nil)
	w := newWorld(t, func(c *api.Config) {
		c.Program = "mine"
		c.Ask = func(_ context.Context, _ record.RunID, control api.Control) (record.Status, error) {
			asked = append(asked, control)
			return status, answer
		}
	})
	id := record.NewRunID(time.Now())
	require.NoError(t, w.record.Begin(record.RunInfo{ID: id, Workflow: "trip", StartedAt: time.Now()}, tripGraph(t)))
	var run api.RunSummary
	w.get("/runs/"+string(id), &run)
	assert.True(t, run.Local)

	for control, becomes := range map[api.Control]record.Status{api.PauseRun: record.Paused, api.ResumeRun: record.Running} {
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
