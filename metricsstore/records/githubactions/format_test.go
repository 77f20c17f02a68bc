package githubactions_test

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
	"github.com/dagscope/dagscope/metricsstore/records/githubactions"
)

func files(t testing.TB, names ...string) []records.File {
	t.Helper()
	var list []records.File
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		list = append(list, droptest.Sniffed(t, githubactions.New(), name, text))
	}
	return list
}

func one(t testing.TB, list ...records.File) *records.Run {
	t.Helper()
	runs := droptest.Read(t, githubactions.New(), list...)
	require.Len(t, runs, 1)
	return runs[0]
}

func recording(t testing.TB) records.File {
	return droptest.Sniffed(t, githubactions.New(), "run-jobs.json", droptest.Load(t, "github-actions", "run-jobs.json"))
}

func task(t testing.TB, r *records.Run, name string) *records.Task {
	t.Helper()
	for i := range r.Tasks {
		if r.Tasks[i].Name == name {
			return &r.Tasks[i]
		}
	}
	require.Fail(t, "no task "+name)
	return nil
}

func parents(r *records.Run, of *records.Task) []string {
	list := []string{}
	for _, p := range of.Parents {
		list = append(list, r.Tasks[p].Name)
	}
	return list
}

func TestRecording(t *testing.T) {
	var raw struct {
		Jobs []struct {
			Name  string
			Steps []map[string]any
		}
	}
	require.NoError(t, json.Unmarshal(droptest.Load(t, "github-actions", "run-jobs.json"), &raw))
	want, steps := map[string]time.Duration{}, 0
	for _, j := range raw.Jobs {
		for _, s := range j.Steps {
			steps++
			start, err := time.Parse(time.RFC3339, s["started_at"].(string))
			require.NoError(t, err)
			end, err := time.Parse(time.RFC3339, s["completed_at"].(string))
			require.NoError(t, err)
			want[fmt.Sprintf("%s / %s", j.Name, s["name"])] += end.Sub(start)
		}
	}
	r, got := one(t, recording(t)), map[string]time.Duration{}
	for _, task := range r.Tasks {
		require.Equal(t, record.OutcomeOK, task.Attempts[0].Outcome)
		got[task.Function] += time.Duration(task.Attempts[0].Ended - task.Attempts[0].Started)
	}
	require.Equal(t, want, got)
	require.Len(t, r.Tasks, steps)
	require.Equal(t, "719643947/1", r.Key)
	require.Equal(t, "my runner", r.Workers[0].Name)
	require.Len(t, r.Workers, 1)
	require.Equal(t, "15:42:56", r.Tasks[0].Attempts[0].Started.Time().Format(time.TimeOnly), "with an offset of two hours")
}

func TestNeedsFromTheWorkflow(t *testing.T) {
	r := one(t, files(t, "jobs.json", "ci.yml", "run.json")...)
	require.Equal(t, "1/2", r.Key)
	require.Equal(t, "CI", r.Workflow)
	require.Equal(t, record.Failed, r.Status)
	require.Empty(t, r.Incomplete)
	for name, want := range map[string][]string{
		"lint / Run make lint":              {},
		"test (ubuntu) / Set up job":        {"lint / Run make lint"},
		"test (ubuntu) / Run make test":     {"test (ubuntu) / Set up job"},
		"test (ubuntu) / Only on Windows":   {"test (ubuntu) / Run make test"},
		"test (ubuntu) / Post checkout":     {"test (ubuntu) / Run make test"},
		"Docs for refs/heads/main":          {"lint / Run make lint"},
		"Deploy / upload (eu) / Set up job": {"Docs for refs/heads/main", "test (ubuntu) / Post checkout", "test (macos) / Run make test"},
		"Deploy / upload (eu)":              {"Deploy / upload (eu) / Upload"},
		"notify":                            {"Deploy / upload (eu)"},
	} {
		require.ElementsMatch(t, want, parents(r, task(t, r, name)), name)
	}
	require.Equal(t, "test / Run make test", task(t, r, "test (macos) / Run make test").Function)
	require.Equal(t, "docs", task(t, r, "Docs for refs/heads/main").Function)
	require.Equal(t, "Deploy / upload / Upload", task(t, r, "Deploy / upload (eu) / Upload").Function)

	setUp := task(t, r, "test (ubuntu) / Set up job").Attempts[0]
	require.Equal(t, 5*time.Second, time.Duration(setUp.Claimed-setUp.Ready))
	require.Equal(t, time.Second, time.Duration(setUp.Started-setUp.Claimed))
	require.Equal(t, "labels ubuntu", setUp.Log)
	post := task(t, r, "test (ubuntu) / Post checkout").Attempts[0]
	require.Equal(t, 2*time.Second, time.Duration(post.Over-post.Ended))
	require.True(t, task(t, r, "test (ubuntu) / Only on Windows").Skipped)
	require.True(t, task(t, r, "notify").Skipped)
	require.Equal(t, record.OutcomeCancelled, task(t, r, "test (macos) / Run make test").Attempts[0].Outcome)
	require.Equal(t, record.TimeoutError, task(t, r, "Docs for refs/heads/main").Attempts[0].Error.Kind)
	failed := task(t, r, "Deploy / upload (eu)").Attempts[0]
	require.Equal(t, record.OutcomeFailed, failed.Outcome)
	require.Equal(t, "conclusion failure; its log is at https://github.com/o/r/runs/15", failed.Error.Message)
	require.Equal(t, failed.Started, failed.Ended)
}

func TestWithoutTheWorkflow(t *testing.T) {
	r := one(t, files(t, "jobs.json")...)
	require.Empty(t, task(t, r, "test (ubuntu) / Set up job").Parents)
	require.Equal(t, "test / Set up job", task(t, r, "test (ubuntu) / Set up job").Function)
	require.Contains(t, fmt.Sprint(r.Notes), "jobs do not say which they need")
	require.Empty(t, r.Status)
}

func TestUnderWay(t *testing.T) {
	r := one(t, files(t, "gh.json")...)
	require.Equal(t, "5/1", r.Key)
	require.Equal(t, record.Running, r.Status)
	require.Contains(t, r.Incomplete, "under way")
	require.Equal(t, record.NoOutcome, task(t, r, "build / Run make").Attempts[0].Outcome)
	require.False(t, task(t, r, "build / Run make").Attempts[0].Ended.Known())
	require.Empty(t, task(t, r, "build / Publish").Attempts)
	require.Empty(t, task(t, r, "later").Attempts)
}

func TestPagesAndAttempts(t *testing.T) {
	page := func(id, attempt, total int) string {
		return fmt.Sprintf(`{"total_count":%d,"jobs":[{"id":%d,"run_id":9,"run_attempt":%d,"status":"completed","conclusion":"success","name":"a"}]}`, total, id, attempt)
	}
	read := func(text string) []*records.Run {
		return droptest.Read(t, githubactions.New(), droptest.Sniffed(t, githubactions.New(), "a.json", []byte(text)))
	}
	runs := read(page(1, 1, 2) + "\n" + page(2, 2, 2))
	require.Len(t, runs, 2)
	require.Equal(t, []string{"9/1", "9/2"}, []string{runs[0].Key, runs[1].Key})
	require.Empty(t, runs[0].Incomplete)
	require.Equal(t, "the list is a page: 4 of 5 jobs are not in the files", read(page(1, 1, 5))[0].Incomplete)
	require.Len(t, read("[" + page(1, 1, 2) + "," + page(2, 1, 2) + "]")[0].Tasks, 2)
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		`{"jobs":[]}`:             "no jobs",
		`{"jobs":[{"name":1}]}`:   "name is a number, expected string",
		`{"jobs":[{"name":"a"}]`:  "ends in the middle of an object",
		"jobs: {a: {needs: [b]}}": "no jobs",
	} {
		_, err := githubactions.New().Read(t.Context(), []records.File{droptest.File("a.json", records.Main, []byte(text))})
		require.ErrorIs(t, err, records.ErrFormat, text)
		require.ErrorContains(t, err, want)
	}
}

func TestSniff(t *testing.T) {
	for name, want := range map[string]records.Part{
		"jobs.json": records.Main, "gh.json": records.Main, "run.json": records.Companion, "ci.yml": records.Companion,
	} {
		require.Equal(t, want, files(t, name)[0].Part, name)
	}
	droptest.Foreign(t, githubactions.New(), "github-actions")
}

func TestCut(t *testing.T) {
	droptest.Cut(t, githubactions.New(), []records.File{recording(t)}, 0, 200)
	droptest.Cut(t, githubactions.New(), files(t, "jobs.json", "ci.yml"), 0, 200)
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"jobs.json", "gh.json", "run.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(strings.Repeat(`{"jobs":[{"id":1,"name":"a (b)","steps":[{"number":1},{"number":1}]}]}`, 2)))
	droptest.Fuzz(f, githubactions.New(), "a.json")
}

func TestNoJobsAreAFaultOfTheAnswers(t *testing.T) {
	_, err := githubactions.New().Read(t.Context(), []records.File{
		droptest.File("ci.yml", records.Companion, []byte("jobs: {a: {steps: []}}")),
		droptest.File("jobs.json", records.Main, []byte(`{"total_count": 0, "jobs": []}`)),
	})
	require.EqualError(t, err, "jobs.json: no jobs, expected an answer of GET …/actions/runs/ID/jobs with some")
}
