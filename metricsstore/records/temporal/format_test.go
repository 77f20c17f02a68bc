package temporal_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/temporal"
)

var recordings = []string{
	"fan-out-10-out-of-order.json", "local-activity-markers.json", "old-integer-event-ids.json", "open-ends-with-timer.json",
	"parallel-children.json", "retries-attempt-3.json",
}

func load(t testing.TB, name string) records.File {
	return droptest.Sniffed(t, temporal.New(), name, droptest.Load(t, "temporal", name))
}

func one(t testing.TB, f records.File) *records.Run {
	t.Helper()
	runs := droptest.Read(t, temporal.New(), f)
	require.Len(t, runs, 1)
	return runs[0]
}

func small(t testing.TB) []byte {
	text, err := os.ReadFile(filepath.Join("testdata", "small.json"))
	require.NoError(t, err)
	return text
}

// plain is what a count over the raw events finds, by the words in their types.
type plain struct {
	operations, earlier, failed, workflowTasks int
	sums                                       map[string]time.Duration
	makespan                                   time.Duration
}

// count adds up pairs of events: an end names the event that ordered it and, for activities, the one that started it.
func count(t *testing.T, name string) plain {
	var file struct {
		Events []map[string]any `json:"events"`
	}
	require.NoError(t, json.Unmarshal(droptest.Load(t, "temporal", name), &file))
	p := plain{sums: map[string]time.Duration{}}
	times, names := map[string]time.Time{}, map[string]string{}
	for _, e := range file.Events {
		at, err := time.Parse(time.RFC3339Nano, e["eventTime"].(string))
		require.NoError(t, err)
		id := fmt.Sprint(e["eventId"])
		times[id] = at
		kind := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(e["eventType"].(string), "EVENT_TYPE_"), "_", ""))
		var a map[string]any
		for k, v := range e {
			if strings.HasSuffix(k, "Attributes") {
				a = v.(map[string]any)
			}
		}
		switch kind {
		case "activitytaskscheduled":
			p.operations++
			names[id] = a["activityType"].(map[string]any)["name"].(string)
		case "activitytaskstarted":
			if n, _ := a["attempt"].(float64); n > 1 {
				p.earlier += int(n) - 1
				p.failed += int(n) - 1
			}
		case "activitytaskcompleted":
			p.sums[names[fmt.Sprint(a["scheduledEventId"])]] += at.Sub(times[fmt.Sprint(a["startedEventId"])])
		case "timerstarted", "startchildworkflowexecutioninitiated", "nexusoperationscheduled", "signalexternalworkflowexecutioninitiated":
			p.operations++
		case "timerfired":
			p.sums["timer"] += at.Sub(times[fmt.Sprint(a["startedEventId"])])
		case "markerrecorded":
			if a["markerName"] == "LocalActivity" {
				p.operations++
				p.failed++ // the only one there is
			}
		case "workflowtaskcompleted":
			p.workflowTasks++
		case "workflowtaskfailed", "workflowtasktimedout":
			p.failed++
		case "workflowexecutioncompleted", "workflowexecutionfailed":
			p.makespan = at.Sub(times["1"])
		}
	}
	return p
}

func TestRecordings(t *testing.T) {
	for _, name := range recordings {
		t.Run(name, func(t *testing.T) {
			want, r := count(t, name), one(t, load(t, name))
			got := plain{sums: map[string]time.Duration{}}
			for i := range r.Tasks {
				task := &r.Tasks[i]
				if task.Function == "workflow task" {
					if task.Attempts[len(task.Attempts)-1].Outcome == record.OutcomeOK {
						got.workflowTasks++
					}
				} else {
					got.operations++
					got.earlier += len(task.Attempts) - 1
				}
				for _, a := range task.Attempts {
					if a.Outcome == record.OutcomeFailed {
						got.failed++
					}
					counted := task.Function == "timer" || strings.HasPrefix(task.ID, "activity ")
					if counted && a.Started.Known() && a.Ended.Known() {
						got.sums[task.Function] += time.Duration(a.Ended - a.Started)
					}
				}
			}
			if r.Ended.Known() {
				got.makespan = time.Duration(r.Ended - r.Started)
			}
			require.Equal(t, want, got)
			require.Equal(t, name == "open-ends-with-timer.json", r.Incomplete != "", r.Incomplete)
		})
	}
}

func TestFanOut(t *testing.T) {
	r := one(t, load(t, "fan-out-10-out-of-order.json"))
	require.Equal(t, "ResearchWorkflow", r.Workflow)
	require.Equal(t, "0197c1cb-b463-748c-b871-7ae94b2add9a", r.Key)
	children := map[int32]int{}
	for i := range r.Tasks {
		if r.Tasks[i].Function == "invoke_model_activity" {
			require.Len(t, r.Tasks[i].Parents, 1)
			children[r.Tasks[i].Parents[0]]++
		}
	}
	var widths []int
	for i := range r.Tasks {
		if n := children[int32(i)]; n > 0 {
			widths = append(widths, n)
		}
	}
	require.Equal(t, []int{1, 10, 1}, widths)
	require.Contains(t, fmt.Sprint(r.Notes), "events have a moment before that of the event before them")
}

func task(t testing.TB, r *records.Run, prefix string) *records.Task {
	t.Helper()
	for i := range r.Tasks {
		if strings.HasPrefix(r.Tasks[i].ID, prefix) {
			return &r.Tasks[i]
		}
	}
	require.Fail(t, "no task "+prefix)
	return nil
}

func names(r *records.Run, numbers []int32) []string {
	list := []string{}
	for _, n := range numbers {
		list = append(list, r.Tasks[n].ID)
	}
	return list
}

func TestOperations(t *testing.T) {
	r := one(t, droptest.Sniffed(t, temporal.New(), "small.json", small(t)))
	require.Equal(t, record.Failed, r.Status)
	require.Equal(t, "order failed\nno ship", r.Error)
	require.Equal(t, "run-1", r.Key)
	require.Empty(t, r.Incomplete)

	charge := task(t, r, "activity a")
	require.Equal(t, `{"eur":5}`, charge.Command)
	require.Len(t, charge.Attempts, 3)
	require.Equal(t, "card service away\nconnection refused", charge.Attempts[1].Error.Message)
	require.Equal(t, "at pay()", charge.Attempts[1].Error.Stack)
	require.Nil(t, charge.Attempts[0].Error)
	require.Equal(t, time.Second, time.Duration(charge.Attempts[2].Ended-charge.Attempts[2].Started))
	require.Equal(t, charge.Attempts[2].Started, charge.Attempts[2].Ready, "the time before is no queueing")

	require.Equal(t, record.OutcomeCancelled, task(t, r, "timer t").Attempts[0].Outcome)
	mail := task(t, r, "activity b").Attempts[0]
	require.False(t, mail.Started.Known())
	require.Equal(t, record.TimeoutError, mail.Error.Kind)
	require.Equal(t, "activity ScheduleToStart timeout (schedule to start)", mail.Error.Message)
	ship := task(t, r, "child workflow ship-1").Attempts[0]
	require.Equal(t, "Harbour: no ship", ship.Error.Message)
	require.Equal(t, "run id run-2", ship.Log)

	round := task(t, r, "local activity 9")
	require.Equal(t, "Round", round.Function)
	require.False(t, round.Attempts[0].Started.Known())
	require.Equal(t, "03:00:05.25", round.Attempts[0].Ended.Time().Format("15:04:05.99"))

	first, second, third := task(t, r, "workflow task 2"), task(t, r, "workflow task 15"), task(t, r, "workflow task 24")
	require.Len(t, first.Attempts, 2)
	require.Equal(t, "non deterministic error: other order", first.Attempts[0].Error.Message)
	require.Empty(t, first.Parents)
	require.Equal(t, []string{"workflow task 2", "activity a (event 8)"}, names(r, second.Parents))
	require.Equal(t, []string{"workflow task 2", "activity a (event 8)"}, names(r, round.Parents))
	require.Equal(t, []string{
		"workflow task 15", "local activity 9 (event 18)", "activity b (event 11)", "child workflow ship-1 (event 10)",
	}, names(r, third.Parents))
	require.Equal(t, "beta", r.Workers[first.Attempts[1].Worker].Host)
}

// TestSpellings reads the same history as an array, as lines, with numbers, and with the other spelling of types.
func TestSpellings(t *testing.T) {
	text := string(small(t))
	want := one(t, droptest.Sniffed(t, temporal.New(), "small.json", []byte(text)))
	array := strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(text, `{"events": `)), "}")
	var list []json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(array), &list))
	lines := ""
	for _, e := range list {
		lines += string(e) + "\n"
	}
	short := text
	for _, word := range []string{"WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_FAILED", "TIMER_CANCELED"} {
		words := ""
		for w := range strings.SplitSeq(word, "_") {
			words += w[:1] + strings.ToLower(w[1:])
		}
		short = strings.ReplaceAll(short, "EVENT_TYPE_"+word, words)
	}
	numbers := strings.NewReplacer(`"eventId": "1"`, `"eventId": 1`, `"scheduledEventId": "8"`, `"scheduledEventId": 8`).Replace(text)
	for name, other := range map[string]string{"array": array, "lines": lines, "short": short, "numbers": numbers} {
		got := one(t, droptest.Sniffed(t, temporal.New(), name, []byte(other)))
		require.Equal(t, name, got.Path)
		got.Path = want.Path
		require.Equal(t, want, got, name)
	}
	both := append([]byte(lines), lines...)
	require.Len(t, droptest.Read(t, temporal.New(), droptest.Sniffed(t, temporal.New(), "both.jsonl", both)), 2)
	cut := one(t, droptest.File("cut.jsonl", records.Main, []byte(lines[:len(lines)-20])))
	require.Contains(t, cut.Incomplete, "in the middle of event 27")
}

func TestGapsAreIncomplete(t *testing.T) {
	r := one(t, droptest.File("a.json", records.Main, []byte(strings.Replace(string(small(t)), `"eventId": "22"`, `"eventId": "99"`, 1))))
	require.Equal(t, "events 22 to 22 are not in the history", r.Incomplete)
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		`{"events":[]}`:                      "no events",
		`{"events":[{"eventTime":1}]}`:       "byte 11: event: no eventId",
		`{"events":[{"eventId":"x"}]}`:       "event: eventId is a value, expected int64",
		`{"events":[{"eventId":1},]`:         "byte",
		`{"other":1}`:                        "no events",
		`[{"eventId":1,"eventTime":"2026`:    "before its first event",
		`{"eventId":1}` + "\n" + `{"eventI}`: "", // cut
	} {
		runs, err := temporal.New().Read(t.Context(), []records.File{droptest.File("a.json", records.Main, []byte(text))})
		if want == "" {
			require.NoError(t, err)
			require.NotEmpty(t, runs[0].Incomplete)
			continue
		}
		require.ErrorIs(t, err, records.ErrFormat, text)
		require.ErrorContains(t, err, want)
	}
}

func TestCut(t *testing.T) {
	for _, name := range recordings {
		t.Run(name, func(t *testing.T) { droptest.Cut(t, temporal.New(), []records.File{load(t, name)}, 0, 200) })
	}
}

func TestForeign(t *testing.T) { droptest.Foreign(t, temporal.New(), "temporal") }

func FuzzRead(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "small.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"eventId":1,"eventTime":{"seconds":"5"}}` + "\n"))
	droptest.Fuzz(f, temporal.New(), "a.json")
}
