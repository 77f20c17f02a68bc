package chrometrace_test

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/chrometrace"
)

// folders are those of the recordings in this format.
var folders = []string{"chrome-trace", "cmake-profile", "go-debug-trace", "turbo-profile", "nx-profile", "lage-profile", "cmake-instrumentation"}

// recordings are the names of all files in the folders.
func recordings(t testing.TB) (names []string) {
	t.Helper()
	for _, folder := range folders {
		files, err := os.ReadDir(filepath.Join(droptest.Traces(t), folder))
		require.NoError(t, err)
		for _, f := range files {
			names = append(names, folder+"/"+f.Name())
		}
	}
	require.NotEmpty(t, names)
	return names
}

func TestCutRecordingsAreIncomplete(t *testing.T) {
	for _, name := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			f := droptest.Sniffed(t, chrometrace.New(), name, droptest.Load(t, name))
			droptest.Cut(t, chrometrace.New(), []records.File{f}, 0, 200)
		})
	}
}

func TestRecordingsKeepTheLawsOfRuns(t *testing.T) {
	for _, name := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			recordstest.Laws(t, droptest.One(t, chrometrace.New(), name, droptest.Load(t, name)))
		})
	}
}

func TestOnlyChromeTracesAreClaimed(t *testing.T) {
	droptest.Foreign(t, chrometrace.New(), folders...)
}

func load(t *testing.T, name string) *records.Run {
	t.Helper()
	r := droptest.One(t, chrometrace.New(), name, droptest.Load(t, name))
	require.Empty(t, r.Incomplete)
	return r
}

func TestRay(t *testing.T) {
	const name = "chrome-trace/ray-0.7-timeline.json"
	r, events := load(t, name), eventsOf(t, name)
	count := map[string]int{}
	for _, e := range events {
		count[e.Cat]++
	}
	inTasks := ownTimes(events)["task:execute"]
	phases := count["task:deserialize_arguments"] + count["task:execute"] + count["task:store_outputs"]
	require.EqualValues(t, phases-1, note(r, "phases of tasks"), "one lies where its task was cut off")
	require.EqualValues(t, count["worker_idle"], note(r, "was idle"))
	require.Equal(t, len(events)-phases+1-count["worker_idle"], spans(r))
	got := executed(r, func(t *records.Task) string {
		if strings.Contains(t.Name, "update_and_evaluate") || strings.Contains(t.Name, "increment_step_count") || t.Name == "task:execute" {
			return "tasks"
		}
		return "others"
	})
	require.Greater(t, inTasks, 0.0)
	require.InDelta(t, inTasks, got["tasks"], 1)
}

func TestPyTorch(t *testing.T) {
	for _, c := range []struct {
		name    string
		started time.Time
	}{
		{"chrome-trace/pytorch-integer-us.json.gz", time.Date(2024, 2, 8, 18, 38, 45, 509_335_000, time.UTC)},
		{"chrome-trace/pytorch-rocm-float-us.json.gz", time.Unix(0, 1_735_632_360_000_000_000+4_203_669_603_018_756).UTC()},
	} {
		r, events := load(t, c.name), eventsOf(t, c.name)
		all := slices.DeleteFunc(phase(events, "X"), func(e event) bool { return e.Cat == "Trace" })
		require.Equal(t, len(all), spans(r))
		requireSums(t, ownTimes(all), executed(r, spanName))
		require.Equal(t, c.started, r.Started.Time())
		starts, ends := map[string]bool{}, 0
		for _, e := range phase(events, "s") {
			starts[e.Cat+jsonText(t, e.ID)] = true
		}
		arrived := 0
		for _, e := range phase(events, "f") {
			if starts[e.Cat+jsonText(t, e.ID)] {
				arrived++
			} else {
				ends++
			}
		}
		require.EqualValues(t, arrived, note(r, "edges are flow events"))
		require.EqualValues(t, ends, note(r, "flows end and have not begun"))
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

func TestGo(t *testing.T) {
	const name = "go-debug-trace/tiny-1.26.8.json"
	r, events := load(t, name), eventsOf(t, name)
	require.Equal(t, len(phase(events, "B")), spans(r))
	require.EqualValues(t, len(phase(events, "s")), note(r, "edges are flow events"))
	begun := map[string][]float64{}
	want := map[string]float64{}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.TS, b.TS) })
	for _, e := range events {
		switch times := begun[e.Name]; e.Ph {
		case "B":
			begun[e.Name] = append(times, e.TS)
		case "E":
			if strings.HasPrefix(e.Name, "Executing action") { // these have lanes of their own
				want[e.Name] += e.TS - times[len(times)-1]
			}
			begun[e.Name] = times[:len(times)-1]
		}
	}
	got := executed(r, spanName)
	for action, d := range want {
		require.InDelta(t, d, got[action], 1, action)
	}
	require.Equal(t, "go link-install tiny", r.Workflow)
	waits := 0 // edges between actions, as flows name them
	byName := map[string]bool{}
	for i := range r.Tasks {
		for _, p := range r.Tasks[i].Parents {
			byName[spanName(&r.Tasks[p])+" -> "+spanName(&r.Tasks[i])] = true
		}
	}
	for _, e := range phase(events, "s") {
		require.True(t, byName[e.Name], e.Name)
		waits++
	}
	require.Positive(t, waits)
}

func TestCMake(t *testing.T) {
	const name = "cmake-profile/fatal-error-4.3.1.json"
	r, events := load(t, name), eventsOf(t, name)
	require.Equal(t, len(phase(events, "B")), spans(r))
	want := map[string]float64{}
	var stack []event // nesting is perfect here
	last := 0.0
	for _, e := range events {
		if len(stack) > 0 {
			want[stack[len(stack)-1].Name] += e.TS - last
		}
		last = e.TS
		if e.Ph == "B" {
			stack = append(stack, e)
		} else {
			stack = stack[:len(stack)-1]
		}
	}
	requireSums(t, want, executed(r, func(t *records.Task) string { return t.Function }))
	require.Equal(t, record.Failed, r.Status)
	require.Equal(t, "stop", r.Error)
	require.True(t, r.Undated)
	failed := slices.DeleteFunc(slices.Clone(r.Tasks), func(t records.Task) bool { return t.Attempts[0].Outcome != record.OutcomeFailed })
	require.Len(t, failed, 1)
	require.Equal(t, "message(FATAL_ERROR stop)", failed[0].Command)
}

func TestTurborepo(t *testing.T) {
	const name = "turbo-profile/diamond.json"
	r, events := load(t, name), eventsOf(t, name)
	begins, ends := phase(events, "b"), phase(events, "e")
	require.Equal(t, len(begins), spans(r))
	require.EqualValues(t, len(begins)-len(ends), note(r, "spans have no end and end with"))
	require.EqualValues(t, len(phase(events, "i")), note(r, "instant events"))
	require.Equal(t, record.Succeeded, r.Status)
	require.Equal(t, "turbo build", r.Workflow)
	var names []string
	for i := range r.Tasks {
		if r.Tasks[i].Function == "build" {
			names = append(names, spanName(&r.Tasks[i]))
		}
	}
	slices.Sort(names)
	require.Equal(t, []string{"app#build", "core#build", "left#build", "right#build"}, slices.Compact(names))
	started := time.Date(2026, 11, 30, 6, 6, 8, 152_591_260, time.UTC) // of the run in it, 69 ms after that of the program
	require.InDelta(t, 0, started.Sub(r.Tasks[0].Attempts[0].Started.Time()), float64(100*time.Millisecond))
}

func TestNxAndLage(t *testing.T) {
	for name, outcome := range map[string]func(event) record.Outcome{
		"nx-profile/failed-bail.json": func(e event) record.Outcome {
			return map[any]record.Outcome{
				"local-cache": record.OutcomeCached, "success": record.OutcomeOK, "failure": record.OutcomeFailed,
			}[e.Args["status"]]
		},
		"lage-profile/diamond.json": func(event) record.Outcome { return record.OutcomeOK },
	} {
		r, events := load(t, name), phase(eventsOf(t, name), "X")
		require.Len(t, r.Tasks, len(events))
		require.Zero(t, edges(r))
		slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.TS, b.TS) })
		slices.SortStableFunc(r.Tasks, func(a, b records.Task) int { return cmp.Compare(a.Attempts[0].Started, b.Attempts[0].Started) })
		for i, e := range events {
			a := r.Tasks[i].Attempts[0]
			require.Equal(t, e.Name, r.Tasks[i].ID)
			require.Equal(t, outcome(e), a.Outcome, e.Name)
			require.InDelta(t, e.Dur, float64(a.Ended-a.Started)/1e3, 1)
		}
	}
}

func TestPerfettoFlows(t *testing.T) {
	r := load(t, "chrome-trace/perfetto-flow-v1.json")
	require.Equal(t, 5, spans(r))
	require.EqualValues(t, 3, note(r, "edges are flow events"))
	parents := map[string][]string{}
	for i := range r.Tasks {
		for _, p := range r.Tasks[i].Parents {
			parents[spanName(&r.Tasks[i])] = append(parents[spanName(&r.Tasks[i])], spanName(&r.Tasks[p]))
		}
	}
	require.Equal(t, map[string][]string{
		"Blergh": {"SenderB"}, "OtherSlice": {"SenderA", "OtherSlice"}, "SomeSlice": {"OtherSlice"},
	}, parents)
}

func TestCMakeInstrumentation(t *testing.T) {
	const name = "cmake-instrumentation/build-4.3.1.json"
	r, events := load(t, name), eventsOf(t, name)
	links := map[any]bool{}
	others := 0
	for _, e := range events {
		if e.Cat == "link" {
			links[e.Args["target"]] = true
		} else {
			others++
		}
	}
	require.Equal(t, others+len(links), spans(r))
	compiled := map[string]float64{}
	for _, e := range events {
		if e.Cat == "compile" {
			compiled["compile C"] += e.Dur
		}
	}
	got := executed(r, func(t *records.Task) string { return t.Function })
	require.Equal(t, compiled["compile C"], got["compile C"])
	parents := map[string][]string{}
	for i := range r.Tasks {
		require.Equal(t, record.OutcomeOK, r.Tasks[i].Attempts[0].Outcome)
		for _, p := range r.Tasks[i].Parents {
			parents[r.Tasks[i].Name] = append(parents[r.Tasks[i].Name], r.Tasks[p].Name)
		}
	}
	require.Contains(t, parents["link: m"], "link: u")
	require.EqualValues(t, 10, note(r, "name the output of another"), "two of the program, eight of the library")
	require.Equal(t, time.Duration(1796018284091-1796018282067)*time.Millisecond, extent(r))
}
