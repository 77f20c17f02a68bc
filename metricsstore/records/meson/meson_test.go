package meson_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/meson"
)

const log = "meson-test/testlog.json"

func TestClaims(t *testing.T) {
	droptest.Foreign(t, meson.New(), "meson-test")
	require.Equal(t, records.Foreign, meson.New().Sniff("x", droptest.Load(t, "meson-test/testlog.junit.xml")))
	long := `{"name": "a", "stdout": "` + strings.Repeat("x", 70000)
	require.Equal(t, records.Main, meson.New().Sniff("x", []byte(long)[:65536]))
	require.Equal(t, records.Foreign, meson.New().Sniff("testlog.json", []byte(`{"name": "a", "stdout": "x"}`+"\n")))
}

func TestLog(t *testing.T) {
	raw := droptest.Load(t, log)
	r := droptest.One(t, meson.New(), log, raw)
	tests, sum, failed := 0, 0.0, 0
	first, last := math.Inf(1), 0.0
	for l := range strings.Lines(string(raw)) {
		var test map[string]any
		require.NoError(t, json.Unmarshal([]byte(l), &test))
		start, took := test["starttime"].(float64), test["duration"].(float64)
		tests++
		sum += took
		first, last = min(first, start), max(last, start+took)
		if test["result"] == "FAIL" || test["result"] == "TIMEOUT" {
			failed++
		}
	}
	require.Equal(t, []int{10, 2}, []int{tests, failed}, "the count of the test itself")
	require.Len(t, r.Tasks, tests)
	var total time.Duration
	from, to := records.Moment(math.MaxInt64), records.Moment(0)
	sums := map[string]int{}
	for _, task := range r.Tasks {
		a := task.Attempts[0]
		total += a.Runtime
		from, to = min(from, a.Started), max(to, a.Ended)
		sums[task.Function]++
		if a.Outcome == record.OutcomeFailed {
			failed--
		}
	}
	require.Zero(t, failed)
	require.InDelta(t, sum, total.Seconds(), 1e-6)
	require.InDelta(t, last-first, time.Duration(to-from).Seconds(), 2e-6)
	require.Equal(t, map[string]int{"demo:fan": 4, "demo": 6}, sums)
	require.Equal(t, "meson test demo", r.Workflow)
	require.Equal(t, "2026-11-30T07:05:34.372029Z", r.Tasks[0].Attempts[0].Started.Time().Format("2006-01-02T15:04:05.999999Z07:00"))

	slow := r.Tasks[9].Attempts[0]
	require.Equal(t, &records.Failure{Kind: record.TimeoutError, Message: "TIMEOUT", Signal: "15"}, slow.Error)
	require.Equal(t, "/usr/bin/sh -c sleep 5", r.Tasks[9].Command)
	require.Equal(t, record.OutcomeOK, r.Tasks[3].Attempts[0].Outcome, "an expected failure")
	require.Equal(t, "result SKIP", r.Tasks[5].Attempts[0].Log)
	droptest.CutLines(t, meson.New(), log, raw, 200)
}

func TestOther(t *testing.T) {
	r := droptest.One(t, meson.New(), "x", []byte(`{"name": "a", "stdout": "", "result": "UNEXPECTEDPASS", "starttime": 0, "duration": -1, "returncode": 0}

{"name": "a", "stdout": null, "stderr": "no", "result": "ERROR", "returncode": 3}
{"name": "b", "stdout": null, "result": "INTERRUPT", "starttime": 1796022334.5}`))
	require.NotEmpty(t, r.Incomplete)
	require.Empty(t, r.Key)
	require.Equal(t, record.OutcomeFailed, r.Tasks[0].Attempts[0].Outcome)
	require.Equal(t, "a (2)", r.Tasks[1].ID)
	require.Equal(t, &records.Failure{Message: "ERROR\nno", ExitCode: 3}, r.Tasks[1].Attempts[0].Error)
	require.Equal(t, record.OutcomeCancelled, r.Tasks[2].Attempts[0].Outcome)
	require.Equal(t, records.Unknown, r.Tasks[2].Attempts[0].Ended)
	droptest.Refused(t, meson.New(), "x", bytes.Repeat([]byte("[]\n"), 2), "x: line 1: expected an object with name, result, starttime and duration of a test")
	droptest.Refused(t, meson.New(), "x", nil, "x: the log has no tests")
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"name": "p:s / a", "stdout": "x", "result": "FAIL", "starttime": 1796022334.5, "duration": 1.5, "returncode": -6, "command": ["a", "b"]}` + "\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		droptest.Try(t, meson.New(), droptest.File("x", records.Main, raw))
	})
}
