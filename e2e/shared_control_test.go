package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
)

// The tests below steer runs of three worker processes through the API of a service that executes none of them.

// submitChains starts four chains of tasks that take 50 ms each, on so many workers as there are.
func (s *service) submitChains(length int, deadline time.Duration) summary {
	s.t.Helper()
	what := submission{Workflow: "wfformat", Params: map[string]string{"time_scale": "1"}, Deadline: deadline}
	return s.submitFile(what, "file", chains(4, length, 0.05).file(s.t))
}

// order sends a command for a run, which has to be accepted.
func (s *service) order(run, word string) summary {
	s.t.Helper()
	var got summary
	s.post("/api/v1/runs/"+run+"/"+word, nil).is(http.StatusOK).json(&got)
	return got
}

// TestSharedPause: a paused run comes to rest in all processes and continues when it is resumed.
func TestSharedPause(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3, "--slots", "2")
	s := f.serves()
	run := s.submitChains(20, 0).Run
	s.until(run, "some ends", func(got summary) bool { return got.Tasks.Done > 8 })
	s.order(run, "pause")
	var got summary
	eventually(t, "rest", func() bool {
		before := s.summaryOf(run)
		time.Sleep(300 * time.Millisecond)
		got = s.summaryOf(run)
		return got.Status == "paused" && got.Tasks.Running == 0 && got.LastSeq == before.LastSeq
	})
	assert.Less(t, got.Tasks.Done, 80)
	s.order(run, "resume")
	got = s.ended(run)
	assert.Equal(t, []any{"succeeded", 80}, []any{got.Status, got.Tasks.Done})
	steps := f.recorded(run)
	requireOnce(t, steps, 80)
	paused, resumed := momentOf(t, steps, record.RunPaused), momentOf(t, steps, record.RunResumed)
	require.Greater(t, resumed-paused, int64(300*time.Millisecond))
	for i := range steps {
		if at := &steps[i]; at.Kind == record.AttemptEnded {
			resting := at.Started > resumed-int64(250*time.Millisecond) && at.Started < resumed
			assert.False(t, resting, "node %d starts while the run rests: %+v", at.Node, at)
		}
	}
	s.ends()
	f.endWorkers()
}

// momentOf is when the one step of a kind happened.
func momentOf(t *testing.T, steps []record.Step, kind record.StepKind) int64 {
	t.Helper()
	var moments []int64
	for i := range steps {
		if steps[i].Kind == kind {
			moments = append(moments, steps[i].Ended)
		}
	}
	require.Len(t, moments, 1, "steps of kind %d", kind)
	return moments[0]
}

// TestSharedCancel: a cancelled run ends in all processes at once, and its next revision does what was left, not more.
func TestSharedCancel(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3, "--slots", "2")
	s := f.serves()
	long := s.submit(submission{Workflow: "fixed-times", Params: map[string]string{"unit": "1h"}}).Run
	s.until(long, "tasks under way", func(got summary) bool { return got.Tasks.Running > 0 })
	cancelled := time.Now()
	s.order(long, "cancel")
	assert.Equal(t, "cancelled", s.ended(long).Status)
	assert.Less(t, time.Since(cancelled), 10*time.Second, "bodies are cancelled")
	s.post("/api/v1/runs/"+long+"/cancel", nil).is(http.StatusConflict)

	run := s.submitChains(20, 0).Run
	s.until(run, "some ends", func(got summary) bool { return got.Tasks.Done > 8 })
	s.order(run, "cancel")
	got := s.ended(run)
	assert.Equal(t, "cancelled", got.Status)
	assert.Less(t, got.Tasks.Done, 80)
	done := got.Tasks.Done

	assert.Equal(t, 1, s.order(run, "retry").Revision)
	got = s.until(run, "the end of the next revision", func(got summary) bool { return !got.Live && got.Revision == 1 && got.Records.Complete })
	assert.Equal(t, []any{"succeeded", 80}, []any{got.Status, got.Tasks.Done})
	steps := f.recorded(run)
	require.Len(t, endsOf(steps, record.OutcomeOK), 80, "what could not be stored before the end is made again, in its next epoch")
	assert.Equal(t, done, okBefore(steps, 1), "what had ended well before")
	s.ends()
	f.endWorkers()
}

// okBefore counts the tasks that ended well before a revision began.
func okBefore(steps []record.Step, revision int) int {
	starts, ok := 0, 0
	for i := range steps {
		switch s := &steps[i]; {
		case s.Kind == record.RunStarted:
			if starts++; starts > revision {
				return ok
			}
		case s.Kind == record.AttemptEnded && s.Outcome == record.OutcomeOK:
			ok++
		}
	}
	return ok
}

// TestSharedDeadline: a run that takes too long fails, and continues from there at each retry, until it is done.
func TestSharedDeadline(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3, "--slots", "2")
	s := f.serves()
	run := s.submitChains(20, 400*time.Millisecond).Run
	got := s.ended(run)
	require.Equal(t, "failed", got.Status)
	require.NotNil(t, got.Error)
	assert.Equal(t, "deadline", got.Error.Kind)
	// A revision may have done less than the one before: what that could not store before its deadline is made again.
	for revision := 1; got.Status != "succeeded"; revision++ {
		require.Less(t, revision, 30, "revisions get on")
		s.order(run, "retry")
		got = s.until(run, "the end of the next revision", func(got summary) bool {
			return !got.Live && got.Revision == revision && got.Records.Complete
		})
	}
	assert.Equal(t, 80, got.Tasks.Done)
	require.Len(t, endsOf(f.recorded(run), record.OutcomeOK), 80, "what could not be stored before a deadline is made again, in its next epoch")
	s.ends()
	f.endWorkers()
}

// TestSharedFailure: by its policy a run ends with the first failure, or does what does not depend on it. A retry begins
// with what failed.
func TestSharedFailure(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	s := f.serves()
	runs := map[string]string{}
	for _, policy := range []string{"fail-fast", "continue"} {
		runs[policy] = s.submit(submission{Workflow: "flaky", Params: map[string]string{"fails": "9"}, Policy: policy}).Run
	}
	for policy, skipped := range map[string]int{"fail-fast": 0, "continue": 1} {
		got := s.ended(runs[policy])
		assert.Equal(t, []any{"failed", 1, 1, skipped, 3},
			[]any{got.Status, got.Tasks.Done, got.Tasks.Failed, got.Tasks.Skipped, got.Retries}, "%s: status, done, failed, skipped, retries", policy)
		require.NotNil(t, got.Error)
		assert.Equal(t, "user", got.Error.Kind)
		s.order(runs[policy], "retry")
	}
	for policy, skipped := range map[string]int{"fail-fast": 0, "continue": 1} {
		run := runs[policy]
		got := s.until(run, "the end of the next revision", func(got summary) bool { return !got.Live && got.Revision == 1 && got.Records.Complete })
		assert.Equal(t, []any{"failed", 1, 1, skipped}, []any{got.Status, got.Tasks.Done, got.Tasks.Failed, got.Tasks.Skipped}, policy)
		steps := f.recorded(run)
		requireOnce(t, steps, 1)
		for node, n := range endsOf(steps, record.OutcomeFailed) {
			assert.Equal(t, 2, n, "%s: node %d fails once in each revision", policy, node)
		}
	}
	s.ends()
	f.endWorkers()
}
