package parallel_test

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
	"github.com/dagscope/dagscope/metricsstore/records/parallel"
)

const header = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"

// TestRealFile compares with the fields of the lines; the second run begins with the second job 3.
func TestRealFile(t *testing.T) {
	content := droptest.Load(t, "parallel-joblog", "resume-failed.tsv")
	want, failed, sum := map[string]string{}, 0, 0.0
	for line := range strings.Lines(string(content)) {
		var seq, exit int
		var start, runtime float64
		var host string
		var send, receive int
		if n, _ := fmt.Sscan(line, &seq, &host, &start, &runtime, &send, &receive, &exit); n < 7 {
			continue
		}
		want[fmt.Sprintf("%d %.3f", seq, start)] = fmt.Sprintf("%.3f %d", runtime, exit)
		sum += runtime
		if exit != 0 {
			failed++
		}
	}
	runs := droptest.Read(t, parallel.New(), droptest.Sniffed(t, parallel.New(), "jobs.log", content))
	require.Len(t, runs, 2)
	require.Len(t, runs[0].Tasks, 5)
	require.Len(t, runs[1].Tasks, 2)
	require.NotEqual(t, runs[0].Key, runs[1].Key)
	got, gotFailed, gotSum := map[string]string{}, 0, time.Duration(0)
	for _, r := range runs {
		for _, task := range r.Tasks {
			a := task.Attempts[0]
			exit := 0
			if a.Outcome == record.OutcomeFailed {
				gotFailed++
				exit = a.Error.ExitCode
			}
			took := time.Duration(a.Ended - a.Started)
			gotSum += took
			got[fmt.Sprintf("%s %.3f", task.ID, float64(a.Started)/1e9)] = fmt.Sprintf("%.3f %d", took.Seconds(), exit)
			require.Equal(t, "sleep", task.Function)
		}
		recordstest.Laws(t, r)
	}
	require.Equal(t, want, got)
	require.Equal(t, failed, gotFailed)
	require.InDelta(t, sum, gotSum.Seconds(), 1e-9)
	require.Equal(t, int64(1796021058575e6), int64(runs[0].Tasks[0].Attempts[0].Started), "no digit is lost")
}

func row(seq int, start, runtime string, rest string) string {
	return fmt.Sprintf("%d\thost-1\t%s\t     %s\t5\t7\t%s\n", seq, start, runtime, rest)
}

func TestByHand(t *testing.T) {
	// Job 2 of the second run ends before job 1 of it, whose number is the first to occur again.
	text := header + row(1, "100000000.000", "1.000", "0\t0\tA=b /bin/echo one\ttab\nsecond line") + row(3, "100000000.500", "1.000", "0\t9\tx") +
		row(2, "100000010.500", "1.000", "0\t0\ty") + row(1, "100000010.000", "9.000", "0\t0\ty")
	runs := droptest.Read(t, parallel.New(), droptest.Sniffed(t, parallel.New(), "jobs.log", []byte(text)))
	require.Len(t, runs, 2)
	require.Len(t, runs[0].Tasks, 2)
	require.Len(t, runs[1].Tasks, 2)
	first := runs[0].Tasks[0]
	require.Equal(t, "A=b /bin/echo one\ttab\nsecond line", first.Command)
	require.Equal(t, "echo", first.Function)
	require.Equal(t, int64(7), first.OutputBytes)
	require.Equal(t, []records.Input{{From: records.None, Bytes: 5}}, first.Inputs)
	require.Equal(t, "9", runs[0].Tasks[1].Attempts[0].Error.Signal)
	require.Equal(t, "host-1", runs[0].Workers[0].Name)
	for _, r := range runs {
		recordstest.Laws(t, r)
	}
}

func TestRefused(t *testing.T) {
	droptest.Refused(t, parallel.New(), "a", []byte("Seq\tHost\n"), "line 1: no header")
	droptest.Refused(t, parallel.New(), "a", []byte(header+"x\n"), "line 2: no jobs")
}

func TestCutOff(t *testing.T) {
	droptest.CutLines(t, parallel.New(), "jobs.log", droptest.Load(t, "parallel-joblog", "resume-failed.tsv"), 200)
}

func TestClaims(t *testing.T) { droptest.Foreign(t, parallel.New(), "parallel-joblog") }

func FuzzRead(f *testing.F) {
	f.Add([]byte(header + row(1, "100000000.000", "1.000", "0\t0\tx") + row(1, "100000003.000", "1.000", "1\t0\tx")))
	f.Fuzz(func(t *testing.T, content []byte) {
		parallel.New().Sniff("a", content)
		droptest.Try(t, parallel.New(), droptest.File("a", records.Main, content))
	})
}
