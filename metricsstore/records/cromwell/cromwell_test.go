package cromwell_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/cromwell"
)

// plain counts the calls of a file without sub-workflows of their own.
type plain struct {
	attempts, failed, cached int
	byCall                   map[string]time.Duration // from start to end
}

func (p *plain) count(t *testing.T, workflow map[string]any) {
	for name, list := range workflow["calls"].(map[string]any) {
		for _, one := range list.([]any) {
			c := one.(map[string]any)
			if sub, ok := c["subWorkflowMetadata"]; ok {
				p.count(t, sub.(map[string]any))
				continue
			}
			p.attempts++
			if c["executionStatus"] == "Failed" {
				p.failed++
			}
			if c["callCaching"].(map[string]any)["hit"] == true {
				p.cached++
			}
			start, err := time.Parse(time.RFC3339, c["start"].(string))
			require.NoError(t, err)
			end, err := time.Parse(time.RFC3339, c["end"].(string))
			require.NoError(t, err)
			p.byCall[name] += end.Sub(start)
		}
	}
}

func TestRealFiles(t *testing.T) {
	for _, c := range []struct {
		name     string
		status   record.Status
		makespan time.Duration
		parents  int
	}{
		{"forkjoin-cloud.json", record.Succeeded, 583540 * time.Millisecond, 2},
		{"scatter-10-failed.json", record.Failed, 23864 * time.Millisecond, -1},
		{"subworkflows-cache-hits.json", record.Succeeded, 30729 * time.Millisecond, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			content := droptest.Load(t, "cromwell", c.name)
			var raw map[string]any
			require.NoError(t, json.Unmarshal(content, &raw))
			want := plain{byCall: map[string]time.Duration{}}
			want.count(t, raw)

			r := droptest.One(t, cromwell.New(), c.name, content)
			require.Equal(t, raw["id"], r.Key)
			require.Equal(t, raw["workflowName"], r.Workflow)
			require.Equal(t, c.status, r.Status)
			require.Equal(t, c.makespan, time.Duration(r.Ended-r.Started))
			got, parents := plain{byCall: map[string]time.Duration{}}, 0
			for _, task := range r.Tasks {
				parents += len(task.Parents)
				for _, a := range task.Attempts {
					got.attempts++
					switch a.Outcome {
					case record.OutcomeFailed:
						got.failed++
						require.NotEmpty(t, a.Error.Message)
					case record.OutcomeCached:
						got.cached++
					}
					require.True(t, a.Ready <= a.Claimed && a.Claimed <= a.Started && a.Started <= a.Ended && a.Ended <= a.Over, task.ID)
					got.byCall[task.Function] += time.Duration(a.Over - a.Ready)
				}
			}
			require.Equal(t, want, got)
			recordstest.Laws(t, r)
			if c.parents >= 0 {
				require.Equal(t, c.parents, parents)
			}
		})
	}
}

// TestCloud reads the time of the command itself, and the fetching of its inputs.
func TestCloud(t *testing.T) {
	r := droptest.One(t, cromwell.New(), "m.json", droptest.Load(t, "cromwell", "forkjoin-cloud.json"))
	for _, task := range r.Tasks {
		if task.ID == "forkjoin.grep" {
			a := task.Attempts[0]
			require.Equal(t, "2020-04-16T21:28:10.267Z", a.Started.Time().Format(time.RFC3339Nano))
			require.Equal(t, "2020-04-16T21:28:13.03Z", a.Ended.Time().Format(time.RFC3339Nano))
			require.Equal(t, 14537*time.Millisecond, a.Fetch)
			require.Equal(t, "forkjoin.mkFile", r.Tasks[task.Parents[0]].ID)
			require.Equal(t, 1, task.Cores)
			require.Contains(t, a.Log, `waiting for quota 2.771s`)
		}
	}
}

const byHand = `{"id": "w1", "workflowName": "wf", "status": "Running", "submission": "2026-11-30T06:00:00.000+01:00", "workflowRoot": "/r",
 "calls": {
  "wf.a": [
   {"executionStatus": "Done", "shardIndex": -1, "attempt": 2, "start": "2026-11-30T05:00:05Z", "end": "2026-11-30T05:00:09Z", "returnCode": 0, "outputs": {"o": ["/r/a.txt"]}},
   {"executionStatus": "RetryableFailure", "backendStatus": "Preempted", "shardIndex": -1, "attempt": 1, "start": "2026-11-30T05:00:01Z", "end": "2026-11-30T05:00:04Z"},
   {"executionStatus": "Done", "shardIndex": -1, "attempt": 2, "start": "2026-11-30T05:00:05Z", "end": "2026-11-30T05:00:09Z"}],
  "wf.b": [
   {"executionStatus": "Running", "shardIndex": 1, "attempt": 1, "start": "2026-11-30T05:00:10Z", "inputs": {"i": {"deep": "/r/a.txt"}}},
   {"executionStatus": "QueuedInCromwell", "shardIndex": 2, "attempt": 1, "start": "2026-11-30T05:00:10Z"},
   {"executionStatus": "Aborted", "shardIndex": 0, "attempt": 1, "start": "2026-11-30T05:00:10Z", "end": "2026-11-30T05:00:11Z"}],
  "wf.sub": [{"executionStatus": "Failed", "shardIndex": -1, "attempt": 1, "subWorkflowId": "w2", "start": "2026-11-30T05:00:10Z", "end": "2026-11-30T05:00:11Z",
    "failures": [{"message": "outer", "causedBy": [{"message": "inner", "causedBy": []}]}]}],
  "wf.c": [{"executionStatus": "Bypassed", "shardIndex": -1, "attempt": 1}]}}`

func TestByHand(t *testing.T) {
	r := droptest.One(t, cromwell.New(), "m.json", []byte(byHand))
	require.Equal(t, record.Running, r.Status)
	recordstest.Laws(t, r)
	require.Contains(t, r.Incomplete, "the workflow was Running")
	require.Equal(t, "2026-11-30T05:00:00Z", r.Started.Time().Format(time.RFC3339))
	tasks := map[string]*records.Task{}
	for i := range r.Tasks {
		tasks[r.Tasks[i].ID] = &r.Tasks[i]
	}
	require.Len(t, tasks, 6)
	a := tasks["wf.a"]
	require.Len(t, a.Attempts, 2)
	require.Equal(t, record.OutcomeLost, a.Attempts[0].Outcome)
	require.Equal(t, record.OutcomeOK, a.Attempts[1].Outcome)
	require.Equal(t, record.NoOutcome, tasks["wf.b[1]"].Attempts[0].Outcome)
	require.Equal(t, records.Unknown, tasks["wf.b[1]"].Attempts[0].Ended)
	require.Equal(t, "wf.a", r.Tasks[tasks["wf.b[1]"].Parents[0]].ID)
	require.Empty(t, tasks["wf.b[2]"].Attempts)
	require.Equal(t, record.OutcomeCancelled, tasks["wf.b[0]"].Attempts[0].Outcome)
	require.Equal(t, "outer\ninner", tasks["wf.sub"].Attempts[0].Error.Message)
	require.True(t, tasks["wf.c"].Skipped)
	notes := fmt.Sprint(r.Notes)
	require.Contains(t, notes, "in the file twice")
	require.Contains(t, notes, "are single tasks, because")
}

func TestRefused(t *testing.T) {
	droptest.Refused(t, cromwell.New(), "m.json", []byte(byHand[:400]), "byte 400: unexpected end of JSON input")
	droptest.Refused(t, cromwell.New(), "m.json", []byte(`{"status": "fail", "message": "Unrecognized workflow ID"}`), "Unrecognized workflow ID")
	droptest.Refused(t, cromwell.New(), "m.json", []byte(`{"calls": {}}`), "no calls")
	droptest.Refused(t, cromwell.New(), "m.json", []byte(strings.Replace(byHand, `"attempt": 2`, `"attempt": "x"`, 1)), "attempt is a string")
}

func TestCutOff(t *testing.T) {
	for _, name := range []string{"forkjoin-cloud.json", "scatter-10-failed.json", "subworkflows-cache-hits.json"} {
		content := droptest.Load(t, "cromwell", name)
		droptest.Cut(t, cromwell.New(), []records.File{droptest.File(name, records.Main, content)}, 0, 200)
	}
}

func TestClaims(t *testing.T) { droptest.Foreign(t, cromwell.New(), "cromwell") }

func FuzzRead(f *testing.F) {
	f.Add([]byte(byHand))
	f.Fuzz(func(t *testing.T, content []byte) {
		cromwell.New().Sniff("m.json", content)
		droptest.Try(t, cromwell.New(), droptest.File("m.json", records.Main, content))
	})
}
