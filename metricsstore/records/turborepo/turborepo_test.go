package turborepo_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/turborepo"
)

var files = []string{"turbo-summary/diamond-miss.json", "turbo-summary/failed.json", "turbo-summary/failed-killed-neighbour.json"}

func TestClaims(t *testing.T) {
	droptest.Foreign(t, turborepo.New(), "turbo-summary")
	require.Equal(t, records.Foreign, turborepo.New().Sniff("x.json", []byte(`{"id":"1","version":"1"}`)))
}

// counts are the numbers of tasks that ran, of failed and cached ones and of dependencies between them, the sums of
// milliseconds by task, and the makespan.
type counts struct {
	ran, failed, cached, edges int
	sums                       map[string]int64
	makespan                   int64
}

// plain counts in the raw file.
func plain(t *testing.T, raw []byte) counts {
	var doc map[string]any
	require.NoError(t, json.Unmarshal(raw, &doc))
	c := counts{sums: map[string]int64{}}
	number := func(v any) int64 { return int64(v.(float64)) }
	run := doc["execution"].(map[string]any)
	c.makespan = number(run["endTime"]) - number(run["startTime"])
	tasks := doc["tasks"].([]any)
	ids := map[any]bool{}
	for _, v := range tasks {
		ids[v.(map[string]any)["taskId"]] = true
	}
	for _, v := range tasks {
		task := v.(map[string]any)
		e := task["execution"].(map[string]any)
		c.ran++
		if number(e["exitCode"]) != 0 {
			c.failed++
		}
		if task["cache"].(map[string]any)["status"] == "HIT" {
			c.cached++
		}
		for _, d := range task["dependencies"].([]any) {
			if ids[d] {
				c.edges++
			}
		}
		c.sums[task["task"].(string)] += number(e["endTime"]) - number(e["startTime"])
	}
	require.EqualValues(t, run["cached"], c.cached)
	require.EqualValues(t, run["failed"], c.failed)
	return c
}

func count(r *records.Run) counts {
	c := counts{sums: map[string]int64{}, makespan: time.Duration(r.Ended - r.Started).Milliseconds()}
	for _, task := range r.Tasks {
		for _, a := range task.Attempts {
			c.ran++
			switch a.Outcome {
			case record.OutcomeFailed:
				c.failed++
			case record.OutcomeCached:
				c.cached++
			}
			c.sums[task.Function] += time.Duration(a.Ended - a.Started).Milliseconds()
			for _, p := range task.Parents {
				if len(r.Tasks[p].Attempts) > 0 {
					c.edges++
				}
			}
		}
	}
	return c
}

func TestFiles(t *testing.T) {
	for _, path := range files {
		raw := droptest.Load(t, path)
		r := droptest.One(t, turborepo.New(), path, raw)
		require.Equal(t, plain(t, raw), count(r), path)
		require.Equal(t, "Turborepo run summary 2.11.11", r.Format)
		droptest.Cut(t, turborepo.New(), []records.File{droptest.Sniffed(t, turborepo.New(), path, raw)}, 0, 200)
	}
}

func find(r *records.Run, id string) *records.Task {
	i := slices.IndexFunc(r.Tasks, func(t records.Task) bool { return t.ID == id })
	return &r.Tasks[i]
}

func TestFailed(t *testing.T) {
	r := droptest.One(t, turborepo.New(), files[1], droptest.Load(t, files[1]))
	require.Equal(t, record.Failed, r.Status)
	require.Equal(t, "turbo run build test", r.Workflow)
	require.Equal(t, "3MoYyrgL3xN80eQpMNoHEDglddW", r.Key)
	bad := find(r, "bad#build").Attempts[0]
	require.Equal(t, 3, bad.Error.ExitCode)
	require.Contains(t, bad.Error.Message, "exited (3)")
	require.Equal(t, "cache hit local\nsaved 567ms\nhash a59ba7cd4712ed59", find(r, "app#build").Attempts[0].Log)
	// afterbad and the test of bad wait for what failed; the tests of app, left, notest and right are named as dependent
	// and not in the summary. Two of these were started.
	var skipped, never []string
	for _, task := range r.Tasks {
		if task.Skipped {
			skipped = append(skipped, task.ID)
		} else if len(task.Attempts) == 0 {
			never = append(never, task.ID)
		}
	}
	slices.Sort(never)
	require.Equal(t, []string{"afterbad#build", "bad#test"}, skipped)
	require.Equal(t, []string{"app#test", "left#test", "notest#test", "right#test"}, never)
	require.Contains(t, r.Notes, record.Note{
		Kind: record.NoteLeftOut, Count: 2, Text: "tasks were started and stopped when another one failed; the summary does not contain them",
	})
}

// The neighbour of a task that failed is nowhere but in the number of tasks that were started.
func TestStopped(t *testing.T) {
	r := droptest.One(t, turborepo.New(), files[2], droptest.Load(t, files[2]))
	require.Len(t, r.Tasks, 2)
	require.Contains(t, fmt.Sprint(r.Notes), "{left out tasks were started and stopped when another one failed; the summary does not contain them 1}")
}

const head = `{"id":"i","turboVersion":"1.9.0","execution":{"startTime":1000,"endTime":5000,"exitCode":0},"tasks":[`

func TestMissing(t *testing.T) {
	r := droptest.One(t, turborepo.New(), "x", []byte(head+
		`{"taskId":"build","cache":{"status":"HIT"},"command":"<NONEXISTENT>","execution":{"startTime":2000,"endTime":3000,"exitCode":null,"error":null}},
		{"taskId":"build","dependencies":["build"],"dependents":["build"],"command":"x","cliArguments":["-v"],"execution":{"startTime":2000}},
		{"taskId":"lint"}]}`))
	require.Equal(t, record.OutcomeCached, r.Tasks[0].Attempts[0].Outcome)
	require.Empty(t, r.Tasks[0].Command)
	require.Equal(t, "build (2)", r.Tasks[1].ID)
	require.Equal(t, "x -v", r.Tasks[1].Command)
	require.Equal(t, record.NoOutcome, r.Tasks[1].Attempts[0].Outcome)
	require.Equal(t, records.Unknown, r.Tasks[1].Attempts[0].Ended)
	require.Empty(t, r.Tasks[2].Attempts)
	require.Equal(t, "turbo run", r.Workflow)
}

func TestFaults(t *testing.T) {
	droptest.Refused(t, turborepo.New(), "x", []byte(`{"id":"i","turboVersion":"2","tasks":[]}`), "x: nothing ran: expected a run summary with execution, this is a dry run")
	droptest.Refused(t, turborepo.New(), "x", []byte(strings.Replace(head, "1000", `"now"`, 1)+"]}"), "x: byte ")
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(head + `{"taskId":"a#b","dependencies":["c#b"],"dependents":["d#b"],"execution":{"startTime":2000,"endTime":3000,"exitCode":1}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		droptest.Try(t, turborepo.New(), droptest.File("x", records.Main, raw))
	})
}
