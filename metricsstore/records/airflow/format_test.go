package airflow_test

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
	"github.com/dagscope/dagscope/metricsstore/records/airflow"
)

func files(t testing.TB, names ...string) []records.File {
	t.Helper()
	var list []records.File
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		list = append(list, droptest.Sniffed(t, airflow.New(), name, text))
	}
	return list
}

func one(t testing.TB, names ...string) *records.Run {
	t.Helper()
	runs := droptest.Read(t, airflow.New(), files(t, names...)...)
	require.Len(t, runs, 1)
	return runs[0]
}

func task(t testing.TB, r *records.Run, id string) *records.Task {
	t.Helper()
	for i := range r.Tasks {
		if r.Tasks[i].ID == id {
			return &r.Tasks[i]
		}
	}
	require.Fail(t, "no task "+id)
	return nil
}

func parents(r *records.Run) map[string][]string {
	all := map[string][]string{}
	for i := range r.Tasks {
		list := []string{}
		for _, p := range r.Tasks[i].Parents {
			list = append(list, r.Tasks[p].ID)
		}
		all[r.Tasks[i].ID] = list
	}
	return all
}

// TestPlainCount compares sums with those of the raw rows.
func TestPlainCount(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "v2-instances.json"))
	require.NoError(t, err)
	var raw struct {
		Rows []map[string]any `json:"task_instances"`
	}
	require.NoError(t, json.Unmarshal(text, &raw))
	want := map[string]time.Duration{}
	for _, row := range raw.Rows {
		if row["state"] == "upstream_failed" || row["state"] == "skipped" && row["hostname"] == "" {
			continue
		}
		start, err := time.Parse(time.RFC3339, row["start_date"].(string))
		require.NoError(t, err)
		end, err := time.Parse(time.RFC3339, row["end_date"].(string))
		require.NoError(t, err)
		want[row["task_id"].(string)] += end.Sub(start)
	}
	r, got := one(t, "v2-instances.json"), map[string]time.Duration{}
	require.Len(t, r.Tasks, len(raw.Rows))
	for i := range r.Tasks {
		for _, a := range r.Tasks[i].Attempts {
			if a.Started.Known() {
				got[r.Tasks[i].Function] += time.Duration(a.Ended - a.Started)
			}
		}
	}
	require.Equal(t, want, got)
	require.Contains(t, fmt.Sprint(r.Notes), "no dependencies")
	require.Empty(t, r.Incomplete)
	require.Empty(t, r.Status)
}

func TestAllFilesTogether(t *testing.T) {
	r := one(t, "v2-instances.json", "v2-tasks.json", "v2-run.json", "v2-tries.json")
	require.Equal(t, "sales/scheduled__2026-01-02", r.Key)
	require.Equal(t, record.Failed, r.Status)
	require.Equal(t, 71*time.Second, time.Duration(r.Ended-r.Started))
	require.Equal(t, map[string][]string{
		"start": {}, "extract[0]": {"start"}, "extract[1]": {"start"}, "wait": {"start"}, "load": {"extract[0]", "extract[1]", "wait"},
		"alert": {"extract[0]", "extract[1]"}, "report": {"load"}, "archive": {"alert"},
	}, parents(r))
	require.Contains(t, r.Notes, record.Note{Kind: record.NoteLeftOut, Text: "edges that the trigger rule of a task did not wait for", Count: 1})

	start := task(t, r, "start").Attempts
	require.Len(t, start, 1)
	require.Equal(t, records.None, start[0].Worker)
	require.Contains(t, start[0].Log, "no worker ran it")
	require.Equal(t, 30*time.Microsecond, time.Duration(start[0].Ended-start[0].Started))

	south := task(t, r, "extract[1]")
	require.Equal(t, "extract[south]", south.Name)
	require.Equal(t, "extract", south.Function)
	require.Len(t, south.Attempts, 2)
	require.Equal(t, record.OutcomeFailed, south.Attempts[0].Outcome)
	require.False(t, south.Attempts[0].Started.Known())
	require.Equal(t, "operator PythonOperator\npool database\npool slots 2\nqueue heavy\nexecutor CeleryExecutor\nnote slow today", south.Attempts[1].Log)
	require.Equal(t, 5*time.Second, time.Duration(south.Attempts[1].Started-south.Attempts[1].Ready))

	load := task(t, r, "load").Attempts
	require.Len(t, load, 3)
	require.Equal(t, "w2", r.Workers[load[1].Worker].Name)
	require.Equal(t, 500*time.Millisecond, time.Duration(load[1].Ended-load[1].Started))
	require.False(t, load[0].Ended.Known())

	require.True(t, task(t, r, "report").Skipped)
	require.True(t, task(t, r, "archive").Skipped)
	require.Equal(t, record.OutcomeOK, task(t, r, "alert").Attempts[0].Outcome)
	wait := task(t, r, "wait").Attempts[0]
	require.False(t, wait.Ready.Known(), "it was queued again after its start")
	require.Contains(t, wait.Log, "recorded duration 12s")
}

func TestRunning(t *testing.T) {
	r := one(t, "v1-instances.json")
	require.Equal(t, record.Running, r.Status)
	require.Equal(t, "the lists are pages: 97 task instances of their totals are not in the files", r.Incomplete)
	require.False(t, task(t, r, "a").Attempts[0].Ended.Known())
	b := task(t, r, "b").Attempts
	require.Len(t, b, 1)
	require.False(t, b[0].Started.Known(), "moments of the try before")
	require.Equal(t, "05:07:00", b[0].Ready.Time().Format(time.TimeOnly))
	require.Empty(t, task(t, r, "c").Attempts)
	require.False(t, task(t, r, "c").Skipped)
}

func TestStatesOfTheCommandLine(t *testing.T) {
	r := one(t, "states.json")
	require.Equal(t, "tutorial/2025-04-13T15:26:57.044494+00:00", r.Key)
	require.Equal(t, 235661*time.Microsecond, time.Duration(task(t, r, "print_date").Attempts[0].Ended-task(t, r, "print_date").Attempts[0].Started))
	require.Equal(t, records.None, task(t, r, "sleep[0]").Attempts[0].Worker)
}

func TestPagesAddUp(t *testing.T) {
	page := func(task string) []byte {
		return fmt.Appendf(nil, `{"task_instances":[{"dag_id":"d","dag_run_id":"r","task_id":%q,"state":"success"}],"total_entries":2}`, task)
	}
	list := []records.File{droptest.Sniffed(t, airflow.New(), "1.json", page("a")), droptest.Sniffed(t, airflow.New(), "2.json", page("b"))}
	runs := droptest.Read(t, airflow.New(), list...)
	require.Len(t, runs, 1)
	require.Len(t, runs[0].Tasks, 2)
	require.Empty(t, runs[0].Incomplete)
	require.NotEmpty(t, droptest.Read(t, airflow.New(), list[0])[0].Incomplete)
}

func TestRunsInOneDropAreCompleteByThemselves(t *testing.T) {
	runs := droptest.Read(t, airflow.New(), files(t, "v1-instances.json", "v2-instances.json", "states.json")...)
	require.Len(t, runs, 3)
	require.NotEmpty(t, runs[0].Incomplete)
	require.Empty(t, runs[1].Incomplete)
	require.Empty(t, runs[2].Incomplete)
}

func TestStructureOfThePage(t *testing.T) {
	graph := `{"nodes":[{"id":"start"}],"edges":[{"source_id":"start","target_id":"g.upstream_join_id"},{"source_id":"g.upstream_join_id","target_id":"wait"},
		{"source_id":"g.upstream_join_id","target_id":"extract"},{"source_id":"wait","target_id":"start"}]}`
	list := append(files(t, "v2-instances.json"), droptest.Sniffed(t, airflow.New(), "graph.json", []byte(graph)))
	r := droptest.Read(t, airflow.New(), list...)[0]
	require.Equal(t, []string{"start"}, parents(r)["wait"])
	require.Equal(t, []string{"start"}, parents(r)["extract[1]"])
}

func TestWideMapsBecomeGroups(t *testing.T) {
	var rows []string
	for i := range 300 {
		for _, name := range []string{"a", "b"} {
			rows = append(rows, fmt.Sprintf(`{"dag_id":"d","dag_run_id":"r","task_id":%q,"map_index":%d,"state":"success","start_date":"2026-01-02T00:00:00Z","end_date":"2026-01-02T00:00:01Z"}`, name, i))
		}
	}
	list := []records.File{
		droptest.Sniffed(t, airflow.New(), "i.json", []byte(`{"task_instances":[`+strings.Join(rows, ",")+`]}`)),
		droptest.Sniffed(t, airflow.New(), "t.json", []byte(`{"tasks":[{"task_id":"a","downstream_task_ids":["b"]},{"task_id":"b","downstream_task_ids":[]}]}`)),
	}
	r := droptest.Read(t, airflow.New(), list...)[0]
	require.Len(t, r.Groups, 2)
	require.Equal(t, []int32{0}, r.Groups[1].After)
	require.Equal(t, int32(1), task(t, r, "b[7]").Group)
	require.Empty(t, task(t, r, "b[7]").Parents)
}

func TestDamagedFilesBesideAreLeftOut(t *testing.T) {
	list := append(files(t, "v2-instances.json"), droptest.File("t.json", records.Companion, []byte(`{"tasks":[{"task_id":"start","downst`)))
	r := droptest.Read(t, airflow.New(), list...)[0]
	require.Contains(t, fmt.Sprint(r.Notes), "a file that could not be read: t.json: byte 36: the file ends in the middle")
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		`{"task_instances":[]}`:                               "no task instances",
		`{"task_instances":[{"task_id":"a"}]}`:                "no task_id or no dag_id",
		`{"task_instances":[{"task_id":1,"dag_id":"d"}]}`:     "task instance: ",
		`{"task_instances":{}}`:                               "task_instances is a object",
		`{"task_instances":[{"task_id":"a","dag_id":"d"}],"t`: "ends in the middle of an object",
	} {
		_, err := airflow.New().Read(t.Context(), []records.File{droptest.File("a.json", records.Main, []byte(text))})
		require.ErrorIs(t, err, records.ErrFormat, text)
		require.ErrorContains(t, err, want)
	}
}

func TestSniff(t *testing.T) {
	for name, want := range map[string]records.Part{
		"v2-instances.json": records.Main, "v1-instances.json": records.Main, "states.json": records.Main, "v2-tries.json": records.Main,
		"v2-tasks.json": records.Companion, "v2-run.json": records.Companion,
	} {
		require.Equal(t, want, files(t, name)[0].Part, name)
	}
	droptest.Foreign(t, airflow.New())
}

func TestCut(t *testing.T) {
	droptest.Cut(t, airflow.New(), files(t, "v2-instances.json", "v2-tasks.json"), 0, 200)
	droptest.Cut(t, airflow.New(), files(t, "states.json"), 0, 200)
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"v2-instances.json", "v1-instances.json", "states.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"task_instances":[{"task_id":"a","dag_id":"d"}]} {"tasks":[{"task_id":"a","downstream_task_ids":["a"]}]} {"dag_runs":[{}]}`))
	droptest.Fuzz(f, airflow.New(), "a.json")
}
