package tekton_test

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
	"github.com/dagscope/dagscope/metricsstore/records/tekton"
)

func files(t testing.TB, names ...string) []records.File {
	t.Helper()
	var list []records.File
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		list = append(list, droptest.Sniffed(t, tekton.New(), name, text))
	}
	return list
}

func recordings(t testing.TB) []records.File {
	return []records.File{
		droptest.Sniffed(t, tekton.New(), "pipelineRun.json", droptest.Load(t, "tekton", "pipelineRun.json")),
		droptest.Sniffed(t, tekton.New(), "taskRuns.json", droptest.Load(t, "tekton", "taskRuns.json")),
	}
}

func one(t testing.TB, list ...records.File) *records.Run {
	t.Helper()
	runs := droptest.Read(t, tekton.New(), list...)
	require.Len(t, runs, 1)
	return runs[0]
}

func task(t testing.TB, r *records.Run, id string) *records.Task {
	t.Helper()
	for i := range r.Tasks {
		if r.Tasks[i].ID == id || r.Tasks[i].Name == id {
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

func TestRecordings(t *testing.T) {
	var raw []struct {
		Metadata struct{ Labels map[string]string }
		Status   struct {
			Steps []struct {
				Terminated struct{ StartedAt, FinishedAt time.Time }
			}
			Conditions []struct{ Status string }
		}
	}
	require.NoError(t, json.Unmarshal(droptest.Load(t, "tekton", "taskRuns.json"), &raw))
	type count struct {
		took   time.Duration
		failed bool
	}
	want := map[string]count{}
	for _, o := range raw {
		first, last := o.Status.Steps[0].Terminated.StartedAt, o.Status.Steps[0].Terminated.FinishedAt
		for _, s := range o.Status.Steps {
			if s.Terminated.StartedAt.Before(first) {
				first = s.Terminated.StartedAt
			}
			if s.Terminated.FinishedAt.After(last) {
				last = s.Terminated.FinishedAt
			}
		}
		want[o.Metadata.Labels["tekton.dev/pipelineTask"]] = count{last.Sub(first), o.Status.Conditions[0].Status == "False"}
	}
	r := one(t, recordings(t)...)
	got := map[string]count{}
	for i := range r.Tasks {
		for _, a := range r.Tasks[i].Attempts {
			got[r.Tasks[i].Name] = count{time.Duration(a.Ended - a.Started), a.Outcome == record.OutcomeFailed}
		}
	}
	require.Equal(t, want, got)
	require.Equal(t, "demo-pipeline", r.Workflow)
	require.Equal(t, record.Failed, r.Status)
	require.Contains(t, r.Error, "build-skaffold-app-k4wxt has failed")
	require.Equal(t, 172*time.Second, time.Duration(r.Ended-r.Started))

	app := task(t, r, "build-skaffold-app")
	require.Equal(t, "build-push", app.Function)
	require.Equal(t, 1, app.Attempts[0].Error.ExitCode)
	require.Contains(t, app.Attempts[0].Log, "step build-and-push from 13:51:15, 2m19s, exit code 1")
	require.Equal(t, []string{app.ID}, parents(r)["task deploy-app"], "the annotation has the pipeline")
	require.Empty(t, task(t, r, "deploy-app").Attempts)
	require.Len(t, r.Tasks, 5)
	require.Empty(t, r.Incomplete)
}

func TestWithoutTaskRuns(t *testing.T) {
	r := one(t, recordings(t)[0])
	require.Empty(t, r.Tasks[0].Attempts)
	runs := droptest.Read(t, tekton.New(), recordings(t)[1])
	require.Len(t, runs, 3)
	require.Len(t, runs[0].Tasks, 1)
}

func TestPipeline(t *testing.T) {
	r := one(t, files(t, "runs.yaml")...)
	require.Equal(t, map[string][]string{
		"release-abc-fetch": {}, "release-abc-test-0": {"release-abc-fetch"}, "release-abc-test-1": {"release-abc-fetch"},
		"release-abc-approve": {"release-abc-test-1", "release-abc-test-0"}, "task publish": {"release-abc-test-1", "release-abc-test-0"},
		"release-abc-report": {"release-abc-approve", "task publish"},
	}, parents(r))
	require.Empty(t, r.Incomplete)
	require.Equal(t, "v1", r.Params["param tag"])
	require.True(t, task(t, r, "publish").Skipped)

	fetch := task(t, r, "release-abc-fetch")
	require.Equal(t, "# step clone\ngit clone x\n# step check\ngit status", fetch.Command)
	a := fetch.Attempts[0]
	require.Equal(t, []string{"03:00:00", "03:00:10", "03:00:20", "03:00:22"}, []string{
		a.Ready.Time().Format(time.TimeOnly), a.Started.Time().Format(time.TimeOnly), a.Ended.Time().Format(time.TimeOnly), a.Over.Time().Format(time.TimeOnly),
	})
	retried := task(t, r, "release-abc-test-0").Attempts
	require.Len(t, retried, 2)
	require.Equal(t, 2, retried[0].Error.ExitCode)
	require.Equal(t, record.TimeoutError, retried[1].Error.Kind)
	require.Equal(t, record.OutcomeCancelled, task(t, r, "release-abc-test-1").Attempts[0].Outcome)
	require.Equal(t, "make", task(t, r, "release-abc-test-1").Function)
}

func TestRunningWithEmbeddedTaskRuns(t *testing.T) {
	r := one(t, files(t, "running.json", "pipeline.yaml")...)
	require.Equal(t, record.Running, r.Status)
	require.Contains(t, r.Incomplete, "under way")
	require.Equal(t, []string{"nightly-1-a"}, parents(r)["nightly-1-b"])
	b := task(t, r, "nightly-1-b").Attempts[0]
	require.Equal(t, "03:00:15", b.Started.Time().Format(time.TimeOnly))
	require.False(t, b.Ended.Known())
	require.Equal(t, "test", task(t, r, "nightly-1-b").Function)
	require.Contains(t, fmt.Sprint(one(t, files(t, "running.json")...).Notes), "the pipeline is not in the files")
}

func TestAbsentTaskRunsMakeARunIncomplete(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "runs.yaml"))
	require.NoError(t, err)
	at := strings.Index(string(text), "- apiVersion: tekton.dev/v1\n  kind: TaskRun")
	r := one(t, droptest.Sniffed(t, tekton.New(), "a.yaml", text[:at]))
	require.Equal(t, "5 TaskRuns are in no file; kubectl get taskruns -o json writes them", r.Incomplete)
	only := one(t, droptest.Sniffed(t, tekton.New(), "a.yaml", append([]byte("kind: List\nitems:\n"), text[at:]...)))
	require.Contains(t, only.Incomplete, "PipelineRun release-abc is in no file")
	require.Len(t, only.Tasks, 5)
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		`{"kind":"PipelineRun","metadata":{"name":"a"}}`: "PipelineRun a has no status",
		`{"kind":"Pod"}`: "no object is a PipelineRun or TaskRun",
		`{"kind":"PipelineRun","status":{"steps":1}}`: "status.steps is a number",
		`{"kind":"PipelineRun","status":`:             "ends in the middle",
	} {
		_, err := tekton.New().Read(t.Context(), []records.File{droptest.File("a.json", records.Main, []byte(text))})
		require.ErrorIs(t, err, records.ErrFormat, text)
		require.ErrorContains(t, err, want)
	}
}

func TestSniff(t *testing.T) {
	for name, want := range map[string]records.Part{"runs.yaml": records.Main, "running.json": records.Main, "pipeline.yaml": records.Companion} {
		require.Equal(t, want, files(t, name)[0].Part, name)
	}
	droptest.Foreign(t, tekton.New(), "tekton")
}

func TestCut(t *testing.T) {
	droptest.Cut(t, tekton.New(), recordings(t), 0, 200)
	droptest.Cut(t, tekton.New(), recordings(t), 1, 200)
	droptest.Cut(t, tekton.New(), files(t, "runs.yaml"), 0, 200)
	droptest.Cut(t, tekton.New(), files(t, "running.json", "pipeline.yaml"), 0, 200)
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"runs.yaml", "running.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"kind":"PipelineRun","status":{"pipelineSpec":{"tasks":[{"name":"a","runAfter":["a","b"]},{"name":"b","runAfter":["a"]},{"name":"a"}]}}}`))
	droptest.Fuzz(f, tekton.New(), "a.yaml")
}
