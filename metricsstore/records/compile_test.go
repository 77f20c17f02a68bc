package records_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
)

const second = records.Moment(time.Second)

// newRun has n tasks, of which each ran once for a second, one after the other.
func newRun(n int) *records.Run {
	r := records.NewRun("Tool", "Tool log 1")
	w := r.AddWorker("w")
	for i := range n {
		task := records.NewTask(fmt.Sprint("t", i))
		a := records.NewAttempt()
		a.Started, a.Ended, a.Outcome, a.Worker = records.Moment(i+1)*second, records.Moment(i+2)*second, record.OutcomeOK, w
		task.Attempts = []records.Attempt{a}
		if i > 0 {
			task.Parents = []int32{int32(i - 1)}
		}
		r.Tasks = append(r.Tasks, task)
	}
	return r
}

func ends(t require.TestingT, rec *records.Recording) []record.Step {
	var out []record.Step
	for _, s := range recordstest.Replayed(t, rec).Steps {
		if s.Kind == record.AttemptEnded {
			out = append(out, s)
		}
	}
	return out
}

func noteOf(rec *records.Recording, text string) int64 {
	for _, n := range rec.Info.Origin.Notes {
		if n.Text == text {
			return n.Count
		}
	}
	return 0
}

func TestRetries(t *testing.T) {
	r := newRun(2)
	failed := records.NewAttempt()
	failed.Started, failed.Ended, failed.Outcome = 0, second/2, record.OutcomeFailed
	failed.Error = &records.Failure{Message: "no space", ExitCode: 3}
	r.Tasks[0].Attempts = []records.Attempt{failed, r.Tasks[0].Attempts[0]}
	rec := recordstest.Laws(t, r)
	require.Equal(t, record.Succeeded, rec.End.Status)
	steps := ends(t, rec)
	require.Equal(t, []record.Outcome{record.OutcomeRetrying, record.OutcomeOK, record.OutcomeOK}, []record.Outcome{steps[0].Outcome, steps[1].Outcome, steps[2].Outcome})
	failure := recordstest.Replayed(t, rec).Details[0].Error
	require.Equal(t, 3, failure.ExitCode)
	require.Equal(t, "t0", failure.Task)
	require.Equal(t, "unknown", rec.Workers[steps[0].Worker].Name, "an unknown worker stays unknown")
}

// TestSpeculation has two attempts at the same time: the one that succeeded counts, though the other ended later.
func TestSpeculation(t *testing.T) {
	r := newRun(1)
	other := r.Tasks[0].Attempts[0]
	other.Ended, other.Outcome = other.Ended+second, record.OutcomeCancelled
	r.Tasks[0].Attempts = append(r.Tasks[0].Attempts, other)
	rec := recordstest.Laws(t, r)
	require.Equal(t, record.Succeeded, rec.End.Status)
	require.Equal(t, record.OutcomeOK, ends(t, rec)[1].Outcome)
}

func TestMissingEnds(t *testing.T) {
	r := newRun(2)
	r.Tasks[1].Attempts[0].Ended, r.Tasks[1].Attempts[0].Outcome = records.Unknown, record.NoOutcome
	r.Ended = 10 * second
	rec := recordstest.Laws(t, r)
	require.Equal(t, record.Interrupted, rec.End.Status)
	require.Equal(t, record.OutcomeLost, ends(t, rec)[1].Outcome)
	require.EqualValues(t, 9*second, ends(t, rec)[1].Ended, "lost at the end of the run")

	r = newRun(1)
	r.Incomplete, r.Status = "the file ends in the middle of line 7", record.Succeeded
	rec = recordstest.Laws(t, r)
	require.Equal(t, record.Interrupted, rec.End.Status, "no run that is cut off has succeeded")
	require.Equal(t, r.Incomplete, rec.Info.Origin.Incomplete)
}

func TestClocks(t *testing.T) {
	r := newRun(3)
	late := r.AddWorker("late")
	r.Tasks[1].Attempts[0].Worker = late
	r.Tasks[1].Attempts[0].Started -= second / 4
	r.Tasks[1].Attempts[0].Ended -= second / 4
	rec := recordstest.Laws(t, r)
	require.EqualValues(t, second, ends(t, rec)[1].Started, "the task starts when its parent has ended")
	require.EqualValues(t, second, ends(t, rec)[1].Ended-ends(t, rec)[1].Started, "its duration stays")
	require.EqualValues(t, 1, noteOf(rec, "workers have clocks that are late, so all that ran on them was moved, by up to 250ms"))

	r.Tasks[1].Attempts[0].Started -= 60 * second // no clock explains that
	rec = recordstest.Laws(t, r)
	require.Zero(t, noteOf(rec, "workers have clocks that are late, so all that ran on them was moved, by up to 250ms"))
	require.Contains(t, rec.Info.Origin.Lanes, "1 of the tasks started before the recorded end of a parent")
}

func TestReversed(t *testing.T) {
	r := newRun(1)
	a := &r.Tasks[0].Attempts[0]
	a.Started, a.Ended = a.Ended, a.Started
	rec := recordstest.Laws(t, r)
	require.EqualValues(t, 1, noteOf(rec, "attempts end before their start, by clocks that disagree, and are drawn without a length"))
}

func TestSkippedAndNeverRun(t *testing.T) {
	r := newRun(1)
	r.Tasks[0].Attempts[0].Outcome = record.OutcomeFailed
	for _, id := range []string{"skipped", "never"} {
		task := records.NewTask(id)
		task.Parents, task.Skipped = []int32{0}, id == "skipped"
		r.Tasks = append(r.Tasks, task)
	}
	rec := recordstest.Laws(t, r)
	require.Equal(t, record.Failed, rec.End.Status)
	require.Equal(t, "the record does not say why", rec.End.First.Message)
	skipped := 0
	for _, s := range recordstest.Replayed(t, rec).Steps {
		if s.Kind == record.TaskSkipped {
			skipped++
			require.EqualValues(t, 1, s.Node)
		}
	}
	require.Equal(t, 1, skipped)
}

// TestGroups has two stages of which the second waits for the first.
func TestGroups(t *testing.T) {
	r := newRun(5)
	r.Groups = []records.Group{{Name: "map", Ready: records.Unknown}, {Name: "reduce", After: []int32{0}, Ready: records.Unknown}}
	for i := range r.Tasks {
		r.Tasks[i].Parents, r.Tasks[i].Group = nil, int32(i/3)
	}
	rec := recordstest.Laws(t, r)
	require.Equal(t, 2, len(rec.Graph.Functions()))
	for _, s := range ends(t, rec)[3:] {
		require.EqualValues(t, 3*second, s.Ready, "the stage was ready when the last task of the first had ended")
	}
}

func TestCyclesAreBroken(t *testing.T) {
	r := newRun(3)
	r.Tasks[0].Parents = []int32{2, 0, 77}
	rec := recordstest.Laws(t, r)
	require.EqualValues(t, 1, noteOf(rec, "edges would form a cycle"))
	require.EqualValues(t, 2, noteOf(rec, "edges lead to no other task"))
}

func TestKeys(t *testing.T) {
	id := func(key string, digest byte, index int) record.RunID {
		r := newRun(1)
		r.Key = key
		rec, err := records.Compile(r, records.Origin{Digest: [32]byte{digest}, Index: index})
		require.NoError(t, err)
		return rec.Info.ID
	}
	require.Equal(t, id("a", 1, 0), id("a", 2, 1), "a key identifies the run whatever the file")
	require.NotEqual(t, id("a", 1, 0), id("b", 1, 0))
	r := newRun(1)
	r.Key = "a"
	r.Tasks[0].Attempts[0].Started += 40 * 3600 * second
	r.Tasks[0].Attempts[0].Ended += 40 * 3600 * second
	later, err := records.Compile(r, records.Origin{})
	require.NoError(t, err)
	require.NotEqual(t, id("a", 1, 0), later.Info.ID)
	require.Contains(t, later.OtherIDs, id("a", 1, 0), "a record that begins earlier")
	require.Equal(t, id("", 1, 0), id("", 1, 0))
	require.NotEqual(t, id("", 1, 0), id("", 1, 1), "runs of one file differ")
	require.NotEqual(t, id("", 1, 0), id("", 2, 0))
}

func TestRefused(t *testing.T) {
	r := newRun(1)
	r.Tasks[0].Attempts = nil
	_, err := records.Compile(r, records.Origin{})
	require.ErrorIs(t, err, records.ErrFormat)
	require.ErrorContains(t, err, "no task was executed")
}

func TestWithoutTimes(t *testing.T) {
	r := newRun(1)
	r.Tasks[0].Attempts[0].Started, r.Tasks[0].Attempts[0].Ended = records.Unknown, records.Unknown
	_, err := records.Compile(r, records.Origin{})
	require.ErrorIs(t, err, records.ErrFormat)
	require.ErrorContains(t, err, "expected times of at least one")
}

// TestQueued: queues count as measured where it is recorded of every attempt that was executed when it could start.
func TestQueued(t *testing.T) {
	queued := func(change func(r *records.Run)) bool {
		r := newRun(2)
		for i := range r.Tasks {
			r.Tasks[i].Attempts[0].Ready = r.Tasks[i].Attempts[0].Started
		}
		change(r)
		out, err := records.Compile(r, records.Origin{})
		require.NoError(t, err)
		return out.Info.Origin.Queued
	}
	unready := func(r *records.Run) { r.Tasks[1].Attempts[0].Ready = records.Unknown }
	require.True(t, queued(func(*records.Run) {}))
	require.False(t, queued(unready))
	require.True(t, queued(func(r *records.Run) {
		unready(r)
		r.Tasks[1].Attempts[0].Outcome = record.OutcomeCached
	}))
}

// TestLaws draws records in which anything may be missing or wrong.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { recordstest.Laws(t, drawRun(t)) })
}

func drawRun(t *rapid.T) *records.Run {
	r := records.NewRun("Tool", "Tool log 1")
	moment := func(what string) records.Moment {
		if rapid.IntRange(0, 3).Draw(t, what+" is known") == 0 {
			return records.Unknown
		}
		return records.Moment(rapid.Int64Range(0, 5e9).Draw(t, what))
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "workers") {
		w := r.AddWorker(fmt.Sprint("w", i))
		r.Workers[w].Cores = rapid.IntRange(0, 4).Draw(t, "cores")
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "groups") {
		g := records.Group{Name: fmt.Sprint("g", i), Ready: moment("ready")}
		if rapid.Bool().Draw(t, "after") {
			g.After = []int32{int32(rapid.IntRange(0, 2).Draw(t, "group"))}
		}
		r.Groups = append(r.Groups, g)
	}
	r.Started, r.Ended = moment("started"), moment("ended")
	n := rapid.IntRange(1, 12).Draw(t, "tasks")
	for i := range n {
		task := records.NewTask(fmt.Sprint("t", i))
		task.Group = int32(rapid.IntRange(-1, len(r.Groups)-1).Draw(t, "group"))
		task.Skipped = rapid.Bool().Draw(t, "skipped")
		for range rapid.IntRange(0, 3).Draw(t, "parents") {
			task.Parents = append(task.Parents, int32(rapid.IntRange(0, n-1).Draw(t, "parent")))
		}
		attempts := rapid.IntRange(0, 3).Draw(t, "attempts")
		if i == 0 {
			attempts = max(attempts, 1)
		}
		for range attempts {
			task.Attempts = append(task.Attempts, drawAttempt(t, moment, len(r.Workers)))
		}
		if i == 0 {
			task.Attempts[0].Runtime = max(task.Attempts[0].Runtime, 0) // something has a time
		}
		r.Tasks = append(r.Tasks, task)
	}
	return r
}

func drawAttempt(t *rapid.T, moment func(string) records.Moment, workers int) records.Attempt {
	a := records.NewAttempt()
	a.Ready, a.Claimed, a.Started, a.Ended, a.Over = moment("ready"), moment("claimed"), moment("started"), moment("ended"), moment("over")
	a.Fetch = time.Duration(rapid.Int64Range(0, 2e9).Draw(t, "fetch"))
	a.Runtime = time.Duration(rapid.Int64Range(-1, 2e9).Draw(t, "runtime"))
	a.Worker = int32(rapid.IntRange(-1, workers-1).Draw(t, "worker"))
	a.Lane = int32(rapid.IntRange(-1, 2).Draw(t, "lane"))
	a.Outcome = rapid.SampledFrom([]record.Outcome{
		record.NoOutcome, record.OutcomeOK, record.OutcomeCached, record.OutcomeFailed, record.OutcomeCancelled, record.OutcomeLost,
	}).Draw(t, "outcome")
	return a
}
