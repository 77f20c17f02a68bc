package nx_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/nx"
)

const bail = "nx-run/failed-bail.json"

func TestClaims(t *testing.T) {
	droptest.Foreign(t, nx.New(), "nx-run")
	require.Equal(t, records.Foreign, nx.New().Sniff("run.json", []byte(`{"run":{"id":1},"tasks":[]}`)))
}

// counts are the numbers of tasks that ran, of failed and cached ones, the sums of milliseconds by target, and the
// makespan.
type counts struct {
	ran, failed, cached int
	sums                map[string]int64
	makespan            int64
}

// plain counts in the raw file.
func plain(t *testing.T, raw []byte) counts {
	var doc map[string]any
	require.NoError(t, json.Unmarshal(raw, &doc))
	ms := func(m any) int64 {
		from, err := time.Parse("2006-01-02T15:04:05.000Z", m.(map[string]any)["startTime"].(string))
		require.NoError(t, err)
		to, err := time.Parse("2006-01-02T15:04:05.000Z", m.(map[string]any)["endTime"].(string))
		require.NoError(t, err)
		return to.Sub(from).Milliseconds()
	}
	c := counts{sums: map[string]int64{}, makespan: ms(doc["run"])}
	for _, v := range doc["tasks"].([]any) {
		task := v.(map[string]any)
		c.ran++
		if task["status"].(float64) != 0 {
			c.failed++
		}
		if task["cacheStatus"] != "cache-miss" {
			c.cached++
		}
		c.sums[task["target"].(string)] += ms(v)
	}
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
		}
	}
	return c
}

func TestBail(t *testing.T) {
	raw := droptest.Load(t, bail)
	r := droptest.One(t, nx.New(), bail, raw)
	require.Equal(t, plain(t, raw), count(r))
	require.Equal(t, []int{7, 1, 4}, []int{count(r).ran, count(r).failed, count(r).cached})
	require.Equal(t, record.Failed, r.Status)
	require.Equal(t, "nx run-many -t build test --parallel=2 --nxBail", r.Workflow)
	require.Equal(t, "2026-11-30T06:07:51.623Z", r.Started.Time().Format("2006-01-02T15:04:05.999Z07:00"))
	require.Equal(t, 1, r.Tasks[5].Attempts[0].Error.ExitCode)
	require.Equal(t, "local-cache-hit\nhash 12856255463401511583", r.Tasks[0].Attempts[0].Log)
	droptest.Cut(t, nx.New(), []records.File{droptest.Sniffed(t, nx.New(), bail, raw)}, 0, 200)
}

func load(t *testing.T, name string) records.File {
	raw, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return droptest.Sniffed(t, nx.New(), name, raw)
}

// parents are the names of the parents of a task.
func parents(r *records.Run, id string) []string {
	i := slices.IndexFunc(r.Tasks, func(t records.Task) bool { return t.ID == id })
	var names []string
	for _, p := range r.Tasks[i].Parents {
		names = append(names, r.Tasks[p].ID)
	}
	slices.Sort(names)
	return names
}

// Record and graph of one command of Nx 20.
func TestGraph(t *testing.T) {
	r := droptest.Read(t, nx.New(), load(t, "graph.json"), load(t, "run.json"))[0]
	droptest.Compiles(t, r)
	require.Len(t, r.Tasks, 10)
	require.Equal(t, []string{"left:build", "right:build"}, parents(r, "app:build"))
	require.Equal(t, []string{"app:build"}, parents(r, "app:test"))
	require.Empty(t, parents(r, "core:build"))
	last := r.Tasks[9]
	require.Equal(t, "bad:test", last.ID)
	require.Equal(t, "test", last.Function)
	require.True(t, last.Skipped)
	require.Contains(t, r.Notes, record.Note{Kind: record.NoteRecorded, Count: 10, Text: "dependencies are those of the graph, which is that of the command and not of the run"})
}

func TestOther(t *testing.T) {
	main := droptest.Sniffed(t, nx.New(), "run.json", []byte(`{"run":{"command":"nx build a"},"tasks":[
		{"taskId":"a:build","startTime":"2026-01-02T03:04:05.006Z","endTime":"2026-01-02T03:04:06Z","cacheStatus":"remote-cache-hit","status":0},
		{"taskId":"b:build","startTime":"2026-01-02T03:04:05.006Z","status":null},
		{"taskId":"b:build","params":"-x","startTime":"soon","status":0}]}`))
	r := droptest.Read(t, nx.New(), main)[0]
	require.Empty(t, r.Key)
	require.Equal(t, record.OutcomeCached, r.Tasks[0].Attempts[0].Outcome)
	require.Equal(t, record.NoOutcome, r.Tasks[1].Attempts[0].Outcome)
	require.Equal(t, "b:build (2)", r.Tasks[2].ID)
	require.False(t, r.Tasks[2].Attempts[0].Started.Known())
	// A graph of another state of the repository: b waits for a, which ended later.
	other := droptest.Sniffed(t, nx.New(), "g.json", []byte(`{"graph":{"nodes":{}},"tasks":{"tasks":{"a:build":{},"b:build":{}},"dependencies":{"b:build":["a:build","x:y","b:build"]}}}`))
	r = droptest.Read(t, nx.New(), main, other)[0]
	require.Empty(t, parents(r, "b:build"))
	foreign := droptest.Sniffed(t, nx.New(), "g.json", []byte(`{"graph":{"nodes":{}},"tasks":{"tasks":{"z:build":{}},"dependencies":{}}}`))
	require.Len(t, droptest.Read(t, nx.New(), main, foreign)[0].Tasks, 3)
	droptest.Refused(t, nx.New(), "run.json", []byte(`{"run":{"command":"nx"},"tasks":{}}`), "run.json: byte 33: expected a record of a run of Nx")
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"run":{"command":"nx","startTime":"2026-01-02T03:04:05.006Z"},"tasks":[{"taskId":"a:b","target":"b","status":1},{"taskId":"a:b"}]}`),
		[]byte(`{"tasks":{"tasks":{"a:b":{},"c:b":{}},"dependencies":{"c:b":["a:b"]}}}`))
	f.Fuzz(func(t *testing.T, raw, graph []byte) {
		droptest.Try(t, nx.New(), droptest.File("r", records.Main, raw), droptest.File("g", records.Companion, graph))
	})
}
