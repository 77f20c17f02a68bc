package goaction_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/goaction"
)

const (
	cold   = "go-actiongraph/build-cold.json"
	broken = "go-actiongraph/build-failed.json"
)

func TestClaims(t *testing.T) {
	droptest.Foreign(t, goaction.New(), "go-actiongraph")
}

// counts are the numbers of tasks, edges, and attempts by outcome, the sums of durations by function, and what lies
// between the first start and the last end.
type counts struct {
	tasks, edges, cached, failed, skipped int
	sums                                  map[string]time.Duration
	makespan                              time.Duration
}

// plain counts in a graph of builds as FORMATS says: by what is absent.
func plain(t *testing.T, raw []byte) counts {
	var actions []map[string]any
	require.NoError(t, json.Unmarshal(raw, &actions))
	c := counts{tasks: len(actions), sums: map[string]time.Duration{}}
	var first, last time.Time
	for _, a := range actions {
		if deps, ok := a["Deps"].([]any); ok {
			c.edges += len(deps)
		}
		start, err := time.Parse(time.RFC3339Nano, a["TimeStart"].(string))
		require.NoError(t, err)
		done, err := time.Parse(time.RFC3339Nano, a["TimeDone"].(string))
		require.NoError(t, err)
		if a["Mode"] == "build" || a["Mode"] == "link" {
			switch {
			case a["Cmd"] != nil && a["BuildID"] == nil:
				c.failed++
			case a["Cmd"] == nil && a["BuildID"] != nil:
				c.cached++
			case a["Cmd"] == nil && done.Sub(start) < time.Microsecond:
				c.skipped++
				continue
			}
		}
		if first.IsZero() || start.Before(first) {
			first = start
		}
		if done.After(last) {
			last = done
		}
		c.sums[a["Mode"].(string)] += done.Sub(start)
	}
	c.makespan = last.Sub(first)
	return c
}

func count(r *records.Run) counts {
	c := counts{tasks: len(r.Tasks), sums: map[string]time.Duration{}}
	var first, last records.Moment
	for _, task := range r.Tasks {
		c.edges += len(task.Parents)
		if task.Skipped {
			c.skipped++
		}
		for _, a := range task.Attempts {
			switch a.Outcome {
			case record.OutcomeCached:
				c.cached++
			case record.OutcomeFailed:
				c.failed++
			}
			c.sums[task.Function] += time.Duration(a.Ended - a.Started)
			if first == 0 || a.Started < first {
				first = a.Started
			}
			last = max(last, a.Ended)
		}
	}
	c.makespan = time.Duration(last - first)
	return c
}

func TestCold(t *testing.T) {
	raw := droptest.Load(t, cold)
	r := droptest.One(t, goaction.New(), cold, raw)
	require.Equal(t, plain(t, raw), count(r))
	require.Equal(t, 144, len(r.Tasks))
	require.Zero(t, count(r).cached)
	require.Equal(t, "go build example.org/demo/d", r.Workflow)
	require.Equal(t, "Go action graph 1.26", r.Format)
	require.Equal(t, "go-build518278125", r.Key)
	require.Empty(t, r.Status)
	a := find(r, "link example.org/demo/d").Attempts[0]
	require.Equal(t, 276217*time.Microsecond, a.Usage.CPU)
	require.Equal(t, "1 commands in 235.324ms", a.Log)
	require.Equal(t, records.At(time.Date(2026, 11, 30, 5, 58, 44, 331063921, time.UTC)), a.Ready)
}

func TestFailed(t *testing.T) {
	raw := droptest.Load(t, broken)
	r := droptest.One(t, goaction.New(), broken, raw)
	want, got := plain(t, raw), count(r)
	require.Equal(t, []int{1, 2, 66}, []int{want.failed, want.skipped, want.cached}, "the count of the test itself")
	// Of what has no build ID, the go build itself, and the check and the list of packages before the build of d never
	// ran either.
	require.Equal(t, want.skipped+3, got.skipped)
	want.skipped, want.sums, want.makespan = got.skipped, got.sums, got.makespan
	require.Equal(t, want, got)
	require.Equal(t, record.Failed, r.Status)
	require.Equal(t, "go build example.org/demo/...", r.Workflow)
	require.Equal(t, record.OutcomeFailed, find(r, "build example.org/demo/b").Attempts[0].Outcome)
	require.Contains(t, find(r, "build example.org/demo/b").Command, "compile -o ")
	require.True(t, find(r, "link example.org/demo/d").Skipped)
}

func TestCuts(t *testing.T) {
	for _, path := range []string{cold, broken} {
		raw := bytes.TrimSpace(droptest.Load(t, path))
		droptest.Cut(t, goaction.New(), []records.File{droptest.Sniffed(t, goaction.New(), path, raw)}, 0, 200)
	}
}

func find(r *records.Run, id string) *records.Task {
	for i := range r.Tasks {
		if r.Tasks[i].ID == id {
			return &r.Tasks[i]
		}
	}
	return &records.Task{ID: "no " + id}
}

// states says of each task of the modes of tests, and of those that are not ok, how it ended.
func states(t *testing.T, name string) (*records.Run, map[string]string) {
	raw, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	r := droptest.One(t, goaction.New(), name, raw)
	all := map[string]string{}
	for _, task := range r.Tasks {
		id := strings.ReplaceAll(task.ID, "example.org/demo/", "")
		if task.Skipped {
			all[id] = "skipped"
		} else if o := task.Attempts[0].Outcome; o != record.OutcomeOK {
			all[id] = o.String()
		}
	}
	return r, all
}

// Packages a and b are tested, the test of c does not compile, d has none. That the test of b failed is not recorded.
func TestTests(t *testing.T) {
	r, got := states(t, "test-failed.json")
	require.Equal(t, map[string]string{
		"build c": "failed", "build c.test": "skipped", "build check cache c.test": "skipped", "nop (3)": "skipped",
		"link c.test": "skipped", "vet c": "skipped", "test run c": "skipped",
	}, got)
	require.Equal(t, record.Failed, r.Status)
	require.Equal(t, "go test example.org/demo/...", r.Workflow)
	require.Contains(t, r.Notes, record.Note{Kind: record.NoteRecorded, Text: "dependencies of test print and test barrier keep the order of packages", Count: 18})
}

// The result of the test of a is cached, so its program is not linked.
func TestCachedTests(t *testing.T) {
	r, got := states(t, "test-cached.json")
	require.Equal(t, map[string]string{
		"build a": "cached", "build a (2)": "cached", "build a.test": "cached", "build b": "cached", "build b (2)": "cached",
		"build b.test": "cached", "build d": "cached", "link a.test": "cached", "test run a": "cached",
	}, got)
	require.Empty(t, r.Status)
}

// A vet needs no build of what it checks, only what the build would be given.
func TestVet(t *testing.T) {
	_, got := states(t, "vet-failed.json")
	require.Equal(t, map[string]string{"build a": "cached", "build a (2)": "cached", "build b": "cached", "build b (2)": "cached"}, got)
}

// The command cgo failed, which only shows in that the build never ran although it has an action ID.
func TestCgo(t *testing.T) {
	r, got := states(t, "cgo-failed.json")
	require.Equal(t, map[string]string{
		"cgo run g": "failed", "cgo compile _cgo_export.c g": "skipped", "cgo compile g.cgo2.c g": "skipped",
		"collect cgo": "skipped", "build g": "skipped", "go build": "skipped",
	}, got)
	require.Contains(t, find(r, "cgo run example.org/demo/g").Command, "/cgo -objdir ")
}

const moments = `"TimeReady":"2026-01-02T03:04:05+01:00","TimeStart":"2026-01-02T03:04:06+01:00","TimeDone":"2026-01-02T03:04:07.5+01:00","Cmd":null`

func one(t *testing.T, text string) *records.Run {
	r := droptest.One(t, goaction.New(), "x", []byte(text))
	return r
}

func TestUnfinished(t *testing.T) {
	none := `"TimeReady":"0001-01-01T00:00:00Z","TimeStart":"0001-01-01T00:00:00Z","TimeDone":"0001-01-01T00:00:00Z","Cmd":null}`
	r := one(t, `[{"ID":0,"Mode":"build","Package":"a","Deps":[1,7,0],`+none+`,{"ID":1,"Mode":"nop","Package":"",`+moments+`}]`)
	require.Equal(t, record.Running, r.Status)
	require.NotEmpty(t, r.Incomplete)
	require.Empty(t, r.Tasks[0].Attempts)
	require.Equal(t, []int32{1}, r.Tasks[0].Parents)
	require.Equal(t, "2026-01-02T02:04:07.5Z", r.Tasks[1].Attempts[0].Ended.Time().Format(time.RFC3339Nano))
}

func TestNames(t *testing.T) {
	r := one(t, `[{"ID":0,"Mode":"nop","Package":"",`+moments+`},{"ID":0,"Mode":"nop (2)","Package":"",`+moments+`},{"ID":2,"Mode":"nop","Package":"",`+moments+`}]`)
	require.Equal(t, []string{"nop", "nop (2)", "nop (3)"}, []string{r.Tasks[0].ID, r.Tasks[1].ID, r.Tasks[2].ID})
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                         "x: byte 0: the graph is empty, expected at least one action",
		`{"ID":0}`:                   "x: byte 6: expected an array of actions",
		`[{"ID":"a"}]`:               "x: byte 1: expected an action with ID, Mode and moments",
		`[{"ID":0,"Mode":"nop"`:      "x: byte 21: the file ends before the first action does",
		`[{"ID":0,"TimeDone":"no"}]`: "x: byte 1: expected an action",
	} {
		droptest.Refused(t, goaction.New(), "x", []byte(text), want)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`[{"ID":0,"Mode":"link","Package":"a","Deps":[1],` + moments + `},{"ID":1,"Mode":"test barrier","Deps":[2],"Package":"",` + moments + `},{"ID":2,"Mode":"cgo run","Cmd":["x"]}]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		droptest.Try(t, goaction.New(), droptest.File("x", records.Main, raw))
	})
}
