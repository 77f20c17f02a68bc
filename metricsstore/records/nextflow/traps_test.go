package nextflow_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/nextflow"
)

const defaults = "task_id\thash\tnative_id\tname\tstatus\texit\tsubmit\tduration\trealtime\t%cpu\tpeak_rss\tpeak_vmem\trchar\twchar"

func date(text string) records.Moment {
	at, err := time.Parse("2006-01-02 15:04:05", text)
	if err != nil {
		panic(err)
	}
	return records.At(at)
}

func parents(r *records.Run, name string) []string {
	out := []string{}
	for i := range r.Tasks {
		if r.Tasks[i].Name == name {
			for _, p := range r.Tasks[i].Parents {
				out = append(out, r.Tasks[p].Name)
			}
		}
	}
	return out
}

func TestRawColumnsInAnyOrder(t *testing.T) {
	r := table(t, "realtime\tcomplete\tstart\tsubmit\thostname\tcpus\tprocess\ttag\tstatus\ttask_id\t%cpu\trss\texit\r",
		"2000\t1700000013000\t1700000010000\t1700000000000\tnode1\t4\tWF:ALIGN\ts1\tCOMPLETED\t7\t350.5\t1048576\t0\r")
	task := &r.Tasks[0]
	require.Equal(t, "WF", r.Workflow)
	require.Equal(t, []any{"7", "WF:ALIGN (s1)", "WF:ALIGN", 4}, []any{task.ID, task.Name, task.Function, task.Cores})
	a := &task.Attempts[0]
	second := records.Moment(time.Second)
	base := 1_700_000_000 * second
	require.Equal(t, []records.Moment{base, base + 10*second, base + 11*second, base + 13*second}, []records.Moment{a.Ready, a.Claimed, a.Started, a.Ended})
	require.Equal(t, 2*time.Second, a.Runtime)
	require.Equal(t, "node1", r.Workers[a.Worker].Host)
	require.Equal(t, 7010*time.Millisecond, a.Usage.CPU)
	require.Equal(t, int64(1<<20), a.Usage.MemoryBytes)
	require.Equal(t, int64(-1), a.Usage.ReadBytes)
	require.Zero(t, noteOf(r, "no zone"))
	require.Equal(t, int64(6), noteOf(r, "numbers of tasks do not occur"))
}

func TestFormattedValues(t *testing.T) {
	r := table(t, defaults,
		"1\tab/123456\t99\tA (x)\tCOMPLETED\t0\t2024-03-01 10:00:00.500\t1d 2h 1m 3s\t1m 3s\t99.9%\t1.2 GB\t2 GB\t12.8 MB\t912 B")
	a := &r.Tasks[0].Attempts[0]
	require.Equal(t, date("2024-03-01 10:00:00").Add(500*time.Millisecond), a.Ready)
	require.Equal(t, 26*time.Hour+63*time.Second, time.Duration(a.Ended-a.Ready))
	require.Equal(t, 63*time.Second, a.Runtime)
	require.Equal(t, record.Usage{
		CPU: 62937 * time.Millisecond, MemoryBytes: 1288490189, ReadBytes: 13421773, WrittenBytes: 912, InputBytes: -1, OutsideBytes: -1, ResultBytes: -1, System: -1, Waits: -1, Preemptions: -1,
	}, *a.Usage)
	require.Contains(t, a.Log, "native_id 99\n")
	require.Contains(t, a.Log, "peak_vmem 2 GB")
	require.Equal(t, int64(-1), noteOf(r, "no zone"))
	require.Equal(t, "ab/123456@1709287200500000000", r.Key)
}

func TestColumnsTwice(t *testing.T) {
	for _, header := range []string{
		"task_id\thash\tname\tstatus\tsubmit\tduration\trealtime\tsubmit\tduration\trealtime\n1\ta\tA\tCOMPLETED\t2024-03-01 10:00:00.000\t1m 1s\t1m\t1709287200000\t61987\t60321\n",
		"task_id\thash\tname\tstatus\tsubmit\tduration\trealtime\tsubmit\tduration\trealtime\n1\ta\tA\tCOMPLETED\t1709287200000\t61987\t60321\t2024-03-01 10:00:00.000\t1m 1s\t1m\n",
	} {
		r := read(t, fileOf("trace.txt", []byte(header)))
		a := &r.Tasks[0].Attempts[0]
		require.Equal(t, 60321*time.Millisecond, a.Runtime)
		require.Equal(t, 61987*time.Millisecond, time.Duration(a.Ended-a.Ready))
		require.Equal(t, int64(3), noteOf(r, "columns occur again"))
		require.Zero(t, noteOf(r, "no zone"))
	}
}

func TestCachedRowsTakeNoTime(t *testing.T) {
	r := table(t, defaults,
		"2\tab/123456\t99\tB (x)\tCACHED\t0\t2020-03-01 10:00:00.000\t5s\t4s\t99.9%\t1.2 GB\t2 GB\t12.8 MB\t912 B",
		"1\tab/123457\t99\tA (x)\tCACHED\t0\t2020-03-01 09:00:00.000\t3s\t2s\t-\t-\t-\t-\t-")
	a := &r.Tasks[0].Attempts[0]
	require.Equal(t, record.OutcomeCached, a.Outcome)
	require.Equal(t, []records.Moment{records.Unknown, records.Unknown, records.Unknown}, []records.Moment{a.Ready, a.Started, a.Ended})
	require.Zero(t, a.Runtime)
	require.Nil(t, a.Usage)
	require.Contains(t, a.Log, "earlier run: submitted 2020-03-01 10:00:00.000, duration 5s, realtime 4s")
	require.Contains(t, a.Log, "peak_rss 1.2 GB")
	require.Equal(t, int64(2), noteOf(r, "were cached"))
	require.Equal(t, int64(-1), noteOf(r, "nothing ran"))
	require.True(t, r.Undated)
	require.Empty(t, r.Key, "cached rows occur in several runs")
}

func TestStates(t *testing.T) {
	r := table(t, defaults,
		"1\ta/1\t-\tA (a)\tFAILED\t137\t2024-03-01 10:00:00.000\t5s\t4s\t-\t-\t-\t-\t-",
		"2\ta/2\t-\tA (b)\tABORTED\t-\t2024-03-01 10:00:00.000\t-\t-\t-\t-\t-\t-\t-",
		"3\ta/3\t-\tA (c)\tRUNNING\t-\t2024-03-01 10:00:00.000\t7s\t-\t-\t-\t-\t-\t-",
		"4\ta/4\t-\tA (d)\tSUBMITTED\t2147483647\t-\t-\t-\t-\t-\t-\t-\t-",
		"5\ta/5\t-\tA (e)\tFAILED\t2147483647\t2024-03-01 10:00:00.000\t3s\t-\t-\t-\t-\t-\t-",
		"6\ta/6\t-\tA (f)\tODD\t0\tyesterday\t3 weeks\t-\t-\t-\t-\t-\t-")
	var got []record.Outcome
	for i := range r.Tasks {
		got = append(got, r.Tasks[i].Attempts[0].Outcome)
	}
	require.Equal(t, []record.Outcome{
		record.OutcomeFailed, record.OutcomeCancelled, record.NoOutcome, record.NoOutcome, record.OutcomeFailed, record.NoOutcome,
	}, got)
	require.Equal(t, &records.Failure{Message: "exit code 137", ExitCode: 137}, r.Tasks[0].Attempts[0].Error)
	require.Nil(t, r.Tasks[0].Attempts[0].Usage)
	require.Equal(t, 4*time.Second, r.Tasks[0].Attempts[0].Runtime, "failed rows keep their durations")
	require.Equal(t, records.Unknown, r.Tasks[2].Attempts[0].Ended, "the duration of a running task is its age")
	require.Equal(t, &records.Failure{Message: "the exit code is not recorded"}, r.Tasks[4].Attempts[0].Error)
	require.Equal(t, r.Tasks[4].Attempts[0].Ready, r.Tasks[4].Attempts[0].Started)
	require.Equal(t, int64(3), noteOf(r, "had not ended when the record was written"))
	require.Equal(t, int64(1), noteOf(r, `the status "ODD"`))
	require.Equal(t, int64(1), noteOf(r, "values of the column submit"))
	require.Equal(t, int64(1), noteOf(r, "values of the column duration"))
}

func TestRetriesWithTheColumnAttempt(t *testing.T) {
	r := table(t, "task_id\thash\tname\tstatus\texit\tsubmit\tduration\trealtime\tattempt",
		"3\ta/3\tA (x)\tCOMPLETED\t0\t2024-03-01 10:00:08.000\t1s\t1s\t1", // another task with the same tag
		"1\ta/1\tA (x)\tFAILED\t1\t2024-03-01 10:00:00.000\t5s\t4s\t1",
		"4\ta/4\tA (x)\tCOMPLETED\t0\t2024-03-01 10:00:06.000\t5s\t4s\t2",
		"5\ta/5\tB (x)\tCOMPLETED\t0\t2024-03-01 10:00:06.000\t5s\t4s\t3")
	require.Len(t, r.Tasks, 3)
	require.Equal(t, "1", r.Tasks[1].ID)
	require.Len(t, r.Tasks[1].Attempts, 2)
	require.Equal(t, record.OutcomeOK, r.Tasks[1].Attempts[1].Outcome)
	require.Equal(t, int64(1), noteOf(r, "the number of the attempt"))
	require.Equal(t, int64(1), noteOf(r, "begin with a later attempt"))
}

func TestSameNamesAreOtherTasks(t *testing.T) {
	r := table(t, "task_id\thash\tname\tstatus\texit\tsubmit\tduration\trealtime",
		"1\ta/1\tA (null)\tCOMPLETED\t0\t2024-03-01 10:00:00.000\t5s\t4s",
		"2\ta/2\tA (null)\tFAILED\t1\t2024-03-01 10:00:00.000\t5s\t4s",
		"3\ta/3\tA (null)\tCOMPLETED\t0\t2024-03-01 10:00:01.000\t5s\t4s",
		"3\ta/9\tA (null)\tCOMPLETED\t0\t2024-03-01 10:00:02.000\t5s\t4s",
		"3\ta/3\tA (null)\tCOMPLETED\t0\t2024-03-01 10:00:01.000\t5s\t4s")
	require.Len(t, r.Tasks, 4, "none was submitted after the failure")
	require.Equal(t, int64(1), noteOf(r, "rows repeat a task with the same hash"))
	require.Equal(t, int64(1), noteOf(r, "have a task_id that another one has too"))
}

func TestScriptsHaveSeveralLines(t *testing.T) {
	for _, lines := range [][]string{
		{"task_id\tname\tscript\tstatus\trealtime", "1\tA\t\n    echo a\n      b\tc\n    \tCOMPLETED\t1s", "", "2\tB\t-\tCOMPLETED\t2s"},
		{"task_id\tname\tstatus\trealtime\tscript", "1\tA\tCOMPLETED\t1s\t", "    echo a\n      b\tc", "", "2\tB\tCOMPLETED\t2s\t-"},
	} {
		r := table(t, lines...)
		require.Len(t, r.Tasks, 2)
		require.Equal(t, "echo a\n  b\tc", r.Tasks[0].Command)
		require.Equal(t, time.Second, r.Tasks[0].Attempts[0].Runtime)
		require.Empty(t, r.Tasks[1].Command)
		require.True(t, r.Undated)
	}
}

func TestDamagedTables(t *testing.T) {
	f := nextflow.New()
	_, err := f.Read(context.Background(), []records.File{fileOf("trace.txt", []byte(defaults+"\n"))})
	require.ErrorIs(t, err, records.ErrFormat)
	require.ErrorContains(t, err, "trace.txt: line 1: expected rows of tasks below the header")
	r := table(t, defaults, "1\ta/1\tx", "2\ta/2\t-\tA (a)\tCOMPLETED\t0\t2024-03-01 10:00:00.000\t5s\t4s\t-\t-\t-\t-\t-")
	require.Len(t, r.Tasks, 1)
	require.Equal(t, int64(1), noteOf(r, "another number of columns"))
	r = read(t, fileOf("t", []byte(defaults+"\n1\ta/2\t-\tA (a)\tCOMPLETED\t0\t2024-03-01 10:00:00.000\t5s\t4s\t-\t-\t-\t-\t12.")))
	require.Equal(t, "the file ends in the middle of line 2", r.Incomplete)
	require.Nil(t, r.Tasks[0].Attempts[0].Usage, "12. can be the beginning of 12.5 MB")
}

func TestRunsOneBelowTheOther(t *testing.T) {
	content := defaults + "\n1\ta/1\t-\tA\tCOMPLETED\t0\t2024-03-01 10:00:00.000\t5s\t4s\t-\t-\t-\t-\t-\n" +
		defaults + "\n1\ta/2\t-\tA\tFAILED\t1\t2024-03-01 11:00:00.000\t5s\t4s\t-\t-\t-\t-\t-\n"
	runs, err := nextflow.New().Read(context.Background(), []records.File{fileOf("pipeline_info/mapping_trace.txt", []byte(content))})
	require.NoError(t, err)
	require.Len(t, runs, 2)
	require.NotEqual(t, runs[0].Key, runs[1].Key)
	require.Equal(t, "mapping", runs[1].Workflow)
	require.Equal(t, int64(-1), noteOf(runs[1], "this is number 2"))
}

func TestRealtimeAboveTheDuration(t *testing.T) {
	r := table(t, "task_id\tname\tstatus\tsubmit\tstart\tcomplete\trealtime",
		"1\tA\tCOMPLETED\t1700000000000\t1700000010000\t1700000012000\t9000",
		"2\tB\tCOMPLETED\t1700000000000\t1700000010000\t1700000012000\t2s")
	a := &r.Tasks[0].Attempts[0]
	require.Equal(t, a.Claimed, a.Started)
	require.Equal(t, 9*time.Second, a.Runtime)
	require.Equal(t, int64(1), noteOf(r, "above the time from start to completion"))
}

func TestNamesOfWorkflows(t *testing.T) {
	for path, want := range map[string]string{
		"traces/nextflow/tower-tasks-running.json": "pipeline", "execution_trace_2024-03-01_10-00-00.txt": "pipeline", "rnaseq/pipeline_info/trace.txt": "rnaseq",
		"results/mapping.trace.txt": "mapping",
	} {
		r := read(t, fileOf(path, []byte("task_id\tname\tstatus\trealtime\n1\tA\tCOMPLETED\t1s\n")))
		require.Equal(t, want, r.Workflow, path)
	}
}
