package snakemake_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/snakemake"
)

func load(t testing.TB, name string) []byte { return droptest.Load(t, "snakemake", name) }

func made(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return text
}

func one(t testing.TB, name string, text []byte) *records.Run {
	t.Helper()
	runs := droptest.Read(t, snakemake.New(), droptest.Sniffed(t, snakemake.New(), name, text))
	require.Len(t, runs, 1)
	if noteOf(runs[0], "a dry run") == 0 {
		recordstest.Laws(t, runs[0])
	}
	return runs[0]
}

func noteOf(r *records.Run, part string) int64 {
	for _, n := range r.Notes {
		if strings.Contains(n.Text, part) {
			return n.Count
		}
	}
	return 0
}

func taskOf(t testing.TB, r *records.Run, id string) *records.Task {
	t.Helper()
	for i := range r.Tasks {
		if r.Tasks[i].ID == id {
			return &r.Tasks[i]
		}
	}
	require.Fail(t, "no task "+id)
	return nil
}

func parents(r *records.Run, t *records.Task) []string {
	out := []string{}
	for _, p := range t.Parents {
		out = append(out, r.Tasks[p].Name)
	}
	return out
}

// TestLogsAreReadAsAPlainCountReadsThem counts lines.
func TestLogsAreReadAsAPlainCountReadsThem(t *testing.T) {
	for name, text := range map[string][]byte{
		"log.txt": load(t, "log.txt"), "failed-retries.log.txt": load(t, "failed-retries.log.txt"), "interrupted.txt": made(t, "interrupted.txt"),
	} {
		starts, ok, failed := map[string]int{}, 0, 0
		var first, last time.Time
		for _, line := range strings.Split(string(text), "\n") {
			f := strings.Fields(line)
			switch {
			case len(f) == 2 && (f[0] == "rule" || f[0] == "localrule"):
				starts[strings.Trim(f[1], ":")]++
			case len(f) == 3 && f[0] == "Finished":
				ok++
			case strings.HasPrefix(line, "Error in rule"):
				failed++
			case strings.HasPrefix(line, "["):
				at, err := time.Parse("[Mon Jan _2 15:04:05 2006]", line)
				require.NoError(t, err)
				last = at
				if first.IsZero() {
					first = at
				}
			}
		}
		r := one(t, name, text)
		got := map[string]int{}
		gotOK, gotFailed, makespan := 0, 0, time.Duration(0)
		for i := range r.Tasks {
			for _, a := range r.Tasks[i].Attempts {
				got[r.Tasks[i].Function]++
				makespan = max(makespan, a.Ended.Time().Sub(first))
				switch a.Outcome {
				case record.OutcomeOK:
					gotOK++
				case record.OutcomeFailed:
					gotFailed++
				}
			}
		}
		require.Equal(t, starts, got, name)
		require.Equal(t, []int{ok, failed}, []int{gotOK, gotFailed}, name)
		require.Equal(t, last.Sub(first), makespan, name)
		require.Empty(t, r.Incomplete)
	}
}

func TestALogOfARunThatSucceeded(t *testing.T) {
	r := one(t, "log.txt", load(t, "log.txt"))
	require.Equal(t, record.Succeeded, r.Status)
	require.Equal(t, "2026-11-30T061303.642791", r.Key)
	require.Equal(t, 2, r.Workers[0].Cores)
	require.ElementsMatch(t, []string{"b", "c"}, parents(r, taskOf(t, r, "1")))
	require.Len(t, taskOf(t, r, "0").Parents, 10)
	require.Equal(t, "fan i=7", taskOf(t, r, "12").Name)
	require.Contains(t, taskOf(t, r, "13").Attempts[0].Log, "output out/multi1.txt, out/multi2.txt")
}

func TestRetriesAndJobsThatNeverRan(t *testing.T) {
	r := one(t, "failed-retries.log.txt", load(t, "failed-retries.log.txt"))
	require.Equal(t, record.Failed, r.Status)
	f := taskOf(t, r, "2")
	require.Len(t, f.Attempts, 3)
	require.Contains(t, f.Command, "sleep 0.2; test -e ok")
	require.Contains(t, f.Attempts[0].Error.Message, "non-zero exit code")
	all := taskOf(t, r, "all, planned 1")
	require.True(t, all.Skipped)
	require.Equal(t, "all", all.Function)
}

// TestRulesThatRunPython: the log of a run: rule that fails has no error of it; what Snakemake prints has one, with the
// number that the job has in the process that it was run by.
func TestRulesThatRunPython(t *testing.T) {
	r := one(t, "stderr.txt", made(t, "run-rule-fails.txt"))
	py := taskOf(t, r, "6")
	require.Equal(t, record.OutcomeFailed, py.Attempts[0].Outcome)
	require.Contains(t, py.Attempts[0].Error.Message, "ValueError in file /demo/Snakefile, line 27:\nno")
	require.Equal(t, int64(1), noteOf(r, "have the number of another job"))
	r = one(t, "2026-11-30T183148.574105.snakemake.log", made(t, "2026-11-30T183148.574105.snakemake.log"))
	py = taskOf(t, r, "6")
	require.Equal(t, record.OutcomeFailed, py.Attempts[0].Outcome)
	require.Equal(t, records.Unknown, py.Attempts[0].Ended)
	require.Equal(t, int64(1), noteOf(r, "the record of the failed run is complete and has no end of them"))
	require.Equal(t, "2026-11-30 18:31:48.574105", r.Started.Time().Format("2006-01-02 15:04:05.999999"))
}

func TestJobsWithMessagesAndCommands(t *testing.T) {
	r := one(t, "stderr.txt", made(t, "run-rule-fails.txt"))
	f := taskOf(t, r, "4")
	require.Equal(t, []string{"making f 1", "f", "sleep 0.2\n\necho 1 > o/f1.txt"}, []string{f.Name, f.Function, f.Command})
	require.Equal(t, []string{"a"}, parents(r, f))
	require.Equal(t, "sleep 0.3; echo a > o/a.txt", taskOf(t, r, "2").Command)
	require.Equal(t, int64(3), noteOf(r, "only planned rule that has so many jobs left"))
}

func TestADryRunRanNothing(t *testing.T) {
	r := one(t, "dry-run.txt", made(t, "dry-run.txt"))
	require.Empty(t, r.Status)
	require.Equal(t, int64(-1), noteOf(r, "a dry run"))
	require.Len(t, r.Tasks, 3)
	for i := range r.Tasks {
		require.Empty(t, r.Tasks[i].Attempts)
	}
}

func TestGroups(t *testing.T) {
	r := one(t, "group.txt", made(t, "group.txt"))
	require.Equal(t, record.Succeeded, r.Status)
	require.Len(t, r.Tasks, 2)
	require.Equal(t, "group g: one, two x=q, two x=p", r.Tasks[0].Name)
	require.Equal(t, []int32{0}, r.Tasks[1].Parents)
	require.Equal(t, 10*time.Second, time.Duration(r.Tasks[0].Attempts[0].Ended-r.Tasks[0].Attempts[0].Started))
	r = one(t, "group-fails.txt", made(t, "group-fails.txt"))
	require.Len(t, r.Tasks, 2)
	require.Len(t, r.Tasks[0].Attempts, 2)
	for _, a := range r.Tasks[0].Attempts {
		require.Equal(t, record.OutcomeFailed, a.Outcome)
		require.Contains(t, a.Error.Message, "Removing output files of failed job one")
	}
}

func TestAnInterruptedRun(t *testing.T) {
	r := one(t, "interrupted.txt", made(t, "interrupted.txt"))
	require.Equal(t, record.Cancelled, r.Status)
	all := taskOf(t, r, "all, planned 1")
	require.False(t, all.Skipped)
	require.Empty(t, all.Attempts)
	text := strings.ReplaceAll(string(made(t, "interrupted.txt")), "[Mon Nov 30 18:36:12 2026]\nFinished job 1.\n", "")
	r = one(t, "interrupted.txt", []byte(text))
	require.Equal(t, record.OutcomeCancelled, taskOf(t, r, "1").Attempts[0].Outcome)
}

// TestNewerLogs reads the forms of Snakemake 8 and 9.
func TestNewerLogs(t *testing.T) {
	text := `
SNAKEMAKE
=========
  Date: 2026-02-03 10:00:00
  Workflow ID: 6f9d2c7e-1b1c-4c55-8a62-b5f9a4f7c001
  Platform: Linux
  Host: node7
  User: someone
  Snakemake version: 9.16.0
  Command: snakemake -c 4
  Snakefile: /demo/mapping/Snakefile

host: node7
Building DAG of jobs...
Using shell: /usr/bin/bash
Provided cores: 4
Rules claiming more threads will be scaled down.
Job stats:
job      count
-----  -------
all          1
map          2
total        3

Select jobs to execute...
Execute 2 jobs...
[Tue Feb  3 10:00:01 2026]
rule map:
    input: in/a.fq
    output: out/a.bam
    log: logs/a.log
    jobid: 1
    reason: Missing output files: out/a.bam
    wildcards: s=a
    threads: 2
    resources: mem_mb=1000
[Tue Feb  3 10:00:01 2026]
rule map:
    input: in/b.fq
    output: out/b.bam
    jobid: 2
    reason: Missing output files: out/b.bam
    wildcards: s=b
Shell command: map in/b.fq
[Tue Feb  3 10:00:04 2026]
Finished jobid: 2 (Rule: map)
1 of 3 steps (33%) done
[Tue Feb  3 10:00:05 2026]
Error in rule map:
    message: None
    jobid: 1
    input: in/a.fq
    output: out/a.bam
    log: logs/a.log (check log file(s) for error details)
    shell:
        map in/a.fq

        sort
        (command exited with non-zero exit code)
    external_jobid: 4711
Exiting because a job execution failed. Look below for error messages
WorkflowError:
At least one job did not complete successfully.
Complete log(s): /demo/.snakemake/log/2026-02-03T100000.123456.snakemake.log
`
	r := one(t, "out.txt", []byte(text))
	require.Equal(t, "2026-02-03T100000.123456", r.Key)
	require.Equal(t, []string{"mapping", "Snakemake log 9.16.0", "node7"}, []string{r.Workflow, r.Format, r.Workers[0].Host})
	require.Equal(t, []any{record.Failed, ""}, []any{r.Status, r.Incomplete})
	require.Contains(t, r.Error, "At least one job did not complete successfully.")
	a := taskOf(t, r, "1")
	require.Equal(t, []any{"map", 2, "map in/a.fq\n\nsort"}, []any{a.Function, a.Cores, a.Command})
	require.Contains(t, a.Attempts[0].Error.Message, "logs/a.log")
	require.Contains(t, a.Attempts[0].Log, "external_jobid 4711")
	require.Equal(t, 3*time.Second, time.Duration(taskOf(t, r, "2").Attempts[0].Ended-taskOf(t, r, "2").Attempts[0].Started))
}

func TestLogsOneBelowTheOther(t *testing.T) {
	text := append(load(t, "log.txt"), load(t, "failed-retries.log.txt")...)
	runs := droptest.Read(t, snakemake.New(), droptest.File("out.txt", records.Main, text))
	require.Len(t, runs, 2)
	require.Equal(t, []record.Status{record.Succeeded, record.Failed}, []record.Status{runs[0].Status, runs[1].Status})
	require.NotEqual(t, runs[0].Key, runs[1].Key)
}

func TestGraphs(t *testing.T) {
	without := one(t, "log.txt", load(t, "log.txt"))
	runs := droptest.Read(t, snakemake.New(), droptest.File("log.txt", records.Main, load(t, "log.txt")), droptest.File("dag.dot", records.Companion, load(t, "dag.dot")))
	require.Equal(t, int64(strings.Count(string(load(t, "dag.dot")), "->")), noteOf(runs[0], "dependencies are in the graph"))
	for i := range without.Tasks {
		require.ElementsMatch(t, without.Tasks[i].Parents, runs[0].Tasks[i].Parents, "files and graph agree")
	}
	runs = droptest.Read(t, snakemake.New(), droptest.File("log.txt", records.Main, load(t, "failed-retries.log.txt")), droptest.File("dag.dot", records.Companion, load(t, "dag.dot")))
	require.Equal(t, int64(13), noteOf(runs[0], "did not have to run")+noteOf(runs[0], "fit no job of the log, or several"), "only all is in both")
}

func TestMetadataAreReadAsAPlainCountReadsThem(t *testing.T) {
	text := load(t, "metadata-c4-joined.json")
	var plain map[string]struct {
		Rule       string
		Start, End float64
		Starttime  float64
		Endtime    float64
		JobHash    int64 `json:"job_hash"`
		Input      []string
	}
	require.NoError(t, json.Unmarshal(text, &plain))
	type span struct{ start, end float64 }
	jobs := map[int64]span{}
	rules := map[int64]string{}
	for _, o := range plain {
		s, ok := jobs[o.JobHash]
		if !ok {
			s = span{o.Starttime, o.Endtime}
		}
		jobs[o.JobHash] = span{min(s.start, o.Starttime), max(s.end, o.Endtime)}
		rules[o.JobHash] = o.Rule
	}
	want := map[string]float64{}
	for hash, s := range jobs {
		want[rules[hash]] += s.end - s.start
	}
	r := one(t, "metadata.json", text)
	require.Len(t, r.Tasks, len(jobs))
	got := map[string]float64{}
	for i := range r.Tasks {
		a := &r.Tasks[i].Attempts[0]
		got[r.Tasks[i].Function] += time.Duration(a.Ended - a.Started).Seconds()
	}
	require.Len(t, got, len(want))
	for rule, sum := range want {
		require.InDelta(t, sum, got[rule], 1e-5, rule)
	}
	require.ElementsMatch(t, []string{"out/b.txt", "out/c.txt"}, parents(r, taskOf(t, r, "out/d.txt")))
	require.Equal(t, "sleep 0.5; echo a > out/a.txt", taskOf(t, r, "out/a.txt").Command)
	require.Equal(t, "out/multi1.txt, out/multi2.txt", taskOf(t, r, "out/multi1.txt").Name)
}

func TestStatisticsAreReadAsAPlainCountReadsThem(t *testing.T) {
	text := load(t, "stats-c4.json")
	var plain struct {
		Total float64 `json:"total_runtime"`
		Files map[string]struct{ Duration float64 }
	}
	require.NoError(t, json.Unmarshal(text, &plain))
	durations := map[float64]bool{}
	sum := 0.0
	for _, f := range plain.Files {
		if !durations[f.Duration] {
			sum += f.Duration
		}
		durations[f.Duration] = true
	}
	r := one(t, "stats.json", text)
	require.Len(t, r.Tasks, len(durations))
	got := 0.0
	for i := range r.Tasks {
		got += r.Tasks[i].Attempts[0].Runtime.Seconds()
	}
	require.InDelta(t, sum, got, 1e-6)
	require.InDelta(t, plain.Total, r.Makespan.Seconds(), 1e-6)
	require.Equal(t, "fan", taskOf(t, r, "out/fan/7.txt").Function)
	require.Equal(t, int64(7), noteOf(r, "least or greatest of one rule"))
	runs := droptest.Read(t, snakemake.New(), droptest.File("stats.json", records.Main, text), droptest.File("m.json", records.Main, load(t, "metadata-c4-joined.json")))
	require.Len(t, runs, 2)
	require.Len(t, taskOf(t, runs[0], "out/d.txt").Parents, 2)
	require.Equal(t, "sleep 0.5; echo a > out/a.txt", taskOf(t, runs[0], "out/a.txt").Command)
	require.Equal(t, int64(13), noteOf(runs[0], "from metadata of the same outputs"))
}
