package slurm_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/internal/testkit/recordstest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/slurm"
)

// realTable is a real table, which has no times, with the column Elapsed next to it.
func realTable(t *testing.T) []byte {
	var out strings.Builder
	for line := range strings.Lines(string(droptest.Load(t, "slurm", "sacct-parsable.txt"))) {
		cell := "00:01:40"
		if out.Len() == 0 {
			cell = "Elapsed"
		}
		fmt.Fprintf(&out, "%s|%s\n", strings.TrimSuffix(line, "\n"), cell)
	}
	return []byte(out.String())
}

func TestRealFile(t *testing.T) {
	content := realTable(t)
	want, steps, states := map[string]string{}, 0, map[string]int{}
	for line := range strings.Lines(string(content)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		switch {
		case cells[0] == "JobID":
		case strings.Contains(cells[0], "."):
			steps++
		default:
			want[cells[0]] = cells[5]
			states[strings.Fields(cells[5])[0]]++
		}
	}
	r := droptest.One(t, slurm.New(), "sacct.txt", content)
	require.Len(t, r.Tasks, len(want))
	got := map[string]int{}
	for _, task := range r.Tasks {
		require.NotEmpty(t, want[task.ID])
		require.Positive(t, task.Cores)
		if len(task.Attempts) == 0 {
			got["PENDING"]++
			continue
		}
		switch a := task.Attempts[0]; a.Outcome {
		case record.OutcomeOK:
			got["COMPLETED"]++
		case record.OutcomeFailed:
			got[a.Error.Message]++
		case record.OutcomeCancelled:
			got["CANCELLED"]++
		case record.NoOutcome:
			got["RUNNING"]++
		}
	}
	require.Equal(t, states, got)
	require.Contains(t, r.Notes, record.Note{Kind: record.NoteRecorded, Text: "steps are lines in the log of their job", Count: int64(steps)})
}

// TestWithoutTimes: columns that are missing are named.
func TestWithoutTimes(t *testing.T) {
	missing := "line 1: the columns Start, End and Elapsed are missing"
	droptest.Refused(t, slurm.New(), "sacct.txt", droptest.Load(t, "slurm", "sacct-parsable.txt"), missing)
	droptest.Refused(t, slurm.New(), "a.txt", []byte("JobID|State|Submit\n1|COMPLETED|2026-11-30T06:00:00\n"), missing)
	r := droptest.One(t, slurm.New(), "a.txt", []byte("JobID|State|End\n1|COMPLETED|2026-11-30T06:00:00\n"))
	require.Contains(t, fmt.Sprint(r.Notes), "the columns Start and Elapsed are not in the file")
}

const text = `JobID|JobIDRaw|JobName|State|ExitCode|Submit|Eligible|Start|End|Elapsed|TotalCPU|MaxRSS|NCPUS|NodeList|SubmitLine|Restarts|Reason
10|10|prepare|NODE_FAIL|0:0|2026-11-30T06:00:00|2026-11-30T06:00:00|2026-11-30T06:00:05|2026-11-30T06:00:09|00:00:04|00:01.500||4|n01|sbatch prep.sh|1|None
10|10|prepare|COMPLETED|0:0|2026-11-30T06:00:10|2026-11-30T06:00:20|2026-11-30T06:00:30|2026-11-30T06:01:30|00:01:00|01:02.250||4|n[01-02]|sbatch prep.sh|1|None
10.batch|10.batch|batch|COMPLETED|0:0|2026-11-30T06:00:30|2026-11-30T06:00:30|2026-11-30T06:00:30|2026-11-30T06:01:30|00:01:00|01:00.250|2048K|4|n01|||
10.extern|10.extern|extern|COMPLETED|0:0|||2026-11-30T06:00:30|2026-11-30T06:01:30|00:01:00|00:00.001|0|4|n[01-02]|||
10.0|10.0|solve|FAILED|7:0|||2026-11-30T06:00:31|2026-11-30T06:01:00|00:00:29|00:01.000|1.5M|4|n01|||
11_1|12|sweep|TIMEOUT|0:1|2026-11-30T06:00:01|2026-11-30T06:01:31|2026-11-30T06:01:32|2026-11-30T06:02:32|00:01:00|||1|n01|sbatch --array=1-9 --dependency=afterok:10:99 sweep.sh|0|None
11_2|13|sweep|CANCELLED by 1000|0:0|2026-11-30T06:00:01|2026-11-30T06:01:31|None|2026-11-30T06:02:32|00:00:00|||1|None assigned|sbatch --array=1-9 --dependency=afterok:10:99 sweep.sh|0|None
11_[3-9%2]|11|sweep|PENDING|0:0|2026-11-30T06:00:01|2026-11-30T06:01:31|Unknown|Unknown|00:00:00|||1|None assigned|sbatch --array=1-9 --dependency=afterok:10:99 sweep.sh|0|JobArrayTaskLimit
14|14|join|RUNNING|0:0|2026-11-30T06:00:01|2026-11-30T06:02:33|2026-11-30T06:02:34|Unknown|00:00:10|||1|n02|sbatch -d afterany:11,singleton join.sh|0|None
15.0|15.0|alone|COMPLETED|0:0|||2026-11-30T06:00:31|2026-11-30T06:01:00|00:00:29||||n01|||
`

func byID(r *records.Run) map[string]*records.Task {
	all := map[string]*records.Task{}
	for i := range r.Tasks {
		all[r.Tasks[i].ID] = &r.Tasks[i]
	}
	return all
}

func TestText(t *testing.T) {
	for name, content := range map[string]string{
		"parsable2": text, "parsable": strings.ReplaceAll(text, "\n", "|\n"), "tabs": strings.ReplaceAll(text, "|", "\t"),
	} {
		t.Run(name, func(t *testing.T) {
			r := droptest.One(t, slurm.New(), "jobs.txt", []byte(content))
			recordstest.Laws(t, r)
			tasks := byID(r)
			require.Len(t, tasks, 6)
			a := tasks["10"]
			require.Equal(t, "prepare", a.Function)
			require.Len(t, a.Attempts, 2)
			require.Equal(t, record.OutcomeLost, a.Attempts[0].Outcome)
			last := a.Attempts[1]
			require.Equal(t, 10*time.Second, time.Duration(last.Started-last.Ready))
			require.Equal(t, time.Minute, time.Duration(last.Ended-last.Started))
			require.Equal(t, 62250*time.Millisecond, last.Usage.CPU)
			require.Equal(t, int64(2<<20), last.Usage.MemoryBytes)
			require.Contains(t, last.Log, "step 0 solve FAILED exit 7:0 from 06:00:31 for 29s")
			require.Contains(t, last.Log, "submitted 2026-11-30T06:00:10Z")
			timeout := tasks["11_1"]
			require.Equal(t, record.TimeoutError, timeout.Attempts[0].Error.Kind)
			require.Equal(t, "1", timeout.Attempts[0].Error.Signal)
			require.Equal(t, []int32{0}, timeout.Parents)
			require.Empty(t, tasks["11_2"].Attempts)
			require.Empty(t, tasks["11_[3-9%2]"].Attempts)
			join := tasks["14"]
			require.Len(t, join.Parents, 3)
			require.Equal(t, record.NoOutcome, join.Attempts[0].Outcome)
			require.Equal(t, records.Unknown, join.Attempts[0].Ended)
			require.Len(t, tasks["15"].Attempts, 1)
			notes := fmt.Sprint(r.Notes)
			for _, want := range []string{
				"read as UTC", "requeued", "cancelled before they started", "all waiting tasks of a job array", "jobs that are not in the file",
				"not on the end of certain jobs", "jobs have only steps",
			} {
				require.Contains(t, notes, want)
			}
			require.NotContains(t, notes, "attempts before a restart")
		})
	}
}

const document = `{"jobs": [
 {"job_id": 12, "array": {"job_id": 11, "task_id": {"set": true, "infinite": false, "number": 3}, "task": ""}, "name": "sweep", "nodes": "n01",
  "association": {}, "derived_exit_code": {}, "kill_request_user": null, "restart_cnt": 1, "submit_line": "sbatch a.sh",
  "state": {"current": ["FAILED"], "reason": "NonZeroExitCode"}, "exit_code": {"status": ["ERROR"], "return_code": {"set": true, "infinite": false, "number": 3}, "signal": {"id": {"set": false}}},
  "time": {"elapsed": 60, "eligible": 1796018400, "start": 1796018410, "end": 1796018470, "submission": 1796018390, "suspended": 5, "total": {"seconds": 1, "microseconds": 2500000}},
  "tres": {"allocated": [{"type": "cpu", "name": "", "id": 1, "count": 8}]},
  "steps": [{"state": ["FAILED"], "step": {"id": "12.batch", "name": "batch"}, "exit_code": {"return_code": {"set": true, "number": 3}}, "time": {"start": {"set": true, "number": 1796018410}, "end": {"set": true, "number": 1796018470}},
    "tres": {"requested": {"max": [{"type": "mem", "name": "", "count": 1048576}, {"type": "fs", "name": "disk", "count": 77}]}, "consumed": {"max": [{"type": "fs", "name": "disk", "count": 88}]}}}]},
 {"job_id": 20, "array": {"job_id": 0, "task_id": null}, "name": "next", "state": {"current": "PENDING", "reason": "Dependency"}, "submit_line": "sbatch --dependency=afterok:11 b.sh",
  "time": {"elapsed": 0, "eligible": 0, "start": 0, "end": 0, "submission": 1796018395}, "steps": []}
 ], "meta": {"slurm": {}}}`

func TestJSON(t *testing.T) {
	r := droptest.One(t, slurm.New(), "jobs.json", []byte(document))
	recordstest.Laws(t, r)
	tasks := byID(r)
	require.Len(t, tasks, 2)
	a := tasks["11_3"].Attempts[0]
	require.Equal(t, record.OutcomeFailed, a.Outcome)
	require.Equal(t, 3, a.Error.ExitCode)
	require.Equal(t, 10*time.Second, time.Duration(a.Started-a.Ready))
	require.Equal(t, time.Minute, time.Duration(a.Ended-a.Started))
	require.Equal(t, 3500*time.Millisecond, a.Usage.CPU)
	require.Equal(t, [3]int64{1 << 20, 77, 88}, [3]int64{a.Usage.MemoryBytes, a.Usage.ReadBytes, a.Usage.WrittenBytes})
	require.Equal(t, 8, tasks["11_3"].Cores)
	require.Empty(t, tasks["20"].Attempts)
	require.Equal(t, []int32{0}, tasks["20"].Parents)
	require.Contains(t, fmt.Sprint(r.Notes), "attempts before a restart")
	droptest.Cut(t, slurm.New(), []records.File{droptest.File("jobs.json", records.Main, []byte(document))}, 0, 200)
}

func TestRefused(t *testing.T) {
	droptest.Refused(t, slurm.New(), "a.txt", nil, "empty, expected a header")
	droptest.Refused(t, slurm.New(), "a.txt", []byte("Job|Name\n1|x\n"), "line 1: no header")
	droptest.Refused(t, slurm.New(), "a.txt", []byte("JobID|State|Elapsed\n"), "no jobs")
	droptest.Refused(t, slurm.New(), "a.json", []byte(`{"jobs": 3}`), "expected an object with jobs")
}

func TestCutOff(t *testing.T) {
	droptest.CutLines(t, slurm.New(), "jobs.txt", []byte(text), 200)
	droptest.CutLines(t, slurm.New(), "sacct.txt", realTable(t), 200)
}

func TestClaims(t *testing.T) { droptest.Foreign(t, slurm.New(), "slurm") }

func FuzzRead(f *testing.F) {
	f.Add([]byte(text))
	f.Add([]byte(document))
	f.Fuzz(func(t *testing.T, content []byte) {
		slurm.New().Sniff("a", content)
		droptest.Try(t, slurm.New(), droptest.File("a", records.Main, content))
	})
}
