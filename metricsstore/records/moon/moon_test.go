package moon_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/moon"
)

const retries = "moon-runreport/failed-retries.json"

func TestClaims(t *testing.T) {
	droptest.Foreign(t, moon.New(), "moon-runreport")
	require.Equal(t, records.Foreign, moon.New().Sniff("runReport.json", []byte(`{"actions":[]}`)))
}

// counts are the numbers of tasks and attempts by outcome, and the nanoseconds of attempts by function.
type counts struct {
	tasks, ok, failed, cached int
	sums                      map[string]int64
}

// plain counts in the raw file: an action is one attempt, or as many as it has executions.
func plain(t *testing.T, raw []byte) counts {
	var doc map[string]any
	require.NoError(t, json.Unmarshal(raw, &doc))
	c := counts{sums: map[string]int64{}}
	for _, v := range doc["actions"].([]any) {
		action := v.(map[string]any)
		c.tasks++
		var tries []map[string]any
		for _, o := range action["operations"].([]any) {
			if op := o.(map[string]any); op["meta"].(map[string]any)["type"] == "task-execution" {
				tries = append(tries, op)
			}
		}
		if tries == nil {
			tries = append(tries, action)
		}
		kind := action["node"].(map[string]any)["action"].(string)
		if kind == "run-task" {
			kind = "build" // the only task
		}
		for _, try := range tries {
			switch try["status"] {
			case "passed":
				c.ok++
			case "failed":
				c.failed++
			case "cached":
				c.cached++
			}
			from, err := time.Parse("2006-01-02T15:04:05.999999999", try["startedAt"].(string))
			require.NoError(t, err)
			to, err := time.Parse("2006-01-02T15:04:05.999999999", try["finishedAt"].(string))
			require.NoError(t, err)
			c.sums[kind] += to.Sub(from).Nanoseconds()
		}
	}
	return c
}

func count(r *records.Run) counts {
	c := counts{sums: map[string]int64{}}
	for _, task := range r.Tasks {
		if len(task.Attempts) > 0 {
			c.tasks++
		}
		for _, a := range task.Attempts {
			switch a.Outcome {
			case record.OutcomeOK:
				c.ok++
			case record.OutcomeFailed:
				c.failed++
			case record.OutcomeCached:
				c.cached++
			}
			c.sums[task.Function] += int64(a.Ended - a.Started)
		}
	}
	return c
}

func find(r *records.Run, id string) *records.Task {
	i := slices.IndexFunc(r.Tasks, func(t records.Task) bool { return t.ID == id })
	return &r.Tasks[i]
}

func TestRetries(t *testing.T) {
	raw := droptest.Load(t, retries)
	r := droptest.One(t, moon.New(), retries, raw)
	require.Equal(t, plain(t, raw), count(r))
	require.Equal(t, []int{8, 5, 3, 2}, []int{count(r).tasks, count(r).ok, count(r).failed, count(r).cached})
	require.Equal(t, record.Failed, r.Status)
	require.Equal(t, 2121307493*time.Nanosecond, r.Makespan)
	require.Equal(t, "moon run afterbad:build left:build", r.Workflow)

	bad := find(r, "RunTask(bad:build)")
	require.Len(t, bad.Attempts, 3)
	require.Equal(t, "sleep 0.3 && mkdir -p dist && head -c 1 /dev/zero > dist/out && exit 3", bad.Command)
	require.Equal(t, "2026-11-30T06:12:39.921639615Z", bad.Attempts[0].Ready.Time().Format(time.RFC3339Nano))
	require.Equal(t, "2026-11-30T06:12:40.052382608Z", bad.Attempts[0].Started.Time().Format(time.RFC3339Nano))
	require.Equal(t, &records.Failure{Message: "Task bad:build failed to run.", ExitCode: 3}, bad.Attempts[2].Error)
	require.Equal(t, "exit code 3", bad.Attempts[1].Error.Message)
	require.Contains(t, bad.Attempts[2].Log, "hash-generation passed 124.807779ms 236e95c5")

	never := find(r, "RunTask(afterbad:build)")
	require.Empty(t, never.Attempts)
	require.False(t, never.Skipped)
	droptest.Cut(t, moon.New(), []records.File{droptest.Sniffed(t, moon.New(), retries, raw)}, 0, 200)
}

// Reports had a list of attempts before they had operations.
func TestOld(t *testing.T) {
	r := droptest.One(t, moon.New(), "x", []byte(`{"actions":[
		{"allowFailure":true,"label":"RunTask(a:lint)","createdAt":"2023-01-02T03:04:05","startedAt":"2023-01-02T03:04:05.5","finishedAt":"2023-01-02T03:04:09Z","status":"failed","flaky":true,
		 "attempts":[{"startedAt":"2023-01-02T03:04:06","finishedAt":"2023-01-02T03:04:07","status":"timed-out"},{"startedAt":"2023-01-02T03:04:07","finishedAt":null,"exitCode":1,"status":"failed"}]},
		{"label":"RunTask(a:lint)","status":"skipped"},{"status":"running"}],"context":{"primaryTargets":[":lint"]},"status":"passed"}`))
	require.Equal(t, record.Succeeded, r.Status)
	require.Equal(t, "moon run :lint", r.Workflow)
	lint := r.Tasks[0].Attempts
	require.Len(t, lint, 2)
	require.Equal(t, record.TimeoutError, lint[0].Error.Kind)
	require.Equal(t, records.Unknown, lint[1].Ended)
	require.Equal(t, "2023-01-02T03:04:09Z", lint[1].Over.Time().Format(time.RFC3339))
	require.Equal(t, "flaky", lint[1].Log)
	require.Equal(t, "RunTask(a:lint) (2)", r.Tasks[1].ID)
	require.True(t, r.Tasks[1].Skipped)
	require.Equal(t, record.NoOutcome, r.Tasks[2].Attempts[0].Outcome)
	require.Len(t, r.Tasks, 3)
	droptest.Refused(t, moon.New(), "x", []byte(`{"actions":[{"label":1}]}`), "x: byte 22: expected a run report of moon")
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"actions":[{"label":"l","createdAt":"2023-01-02T03:04:05","status":"failed","node":{"action":"run-task","params":{"target":"a:b"}},"operations":[{"meta":{"type":"task-execution"},"status":"passed"}]}],"context":{"initialTargets":["a:c"]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		droptest.Try(t, moon.New(), droptest.File("x", records.Main, raw))
	})
}
