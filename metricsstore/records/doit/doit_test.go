package doit_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/doit"
)

const failed = "doit-json/n2-failed.json"

func TestClaims(t *testing.T) {
	droptest.Foreign(t, doit.New(), "doit-json")
	require.Equal(t, records.Foreign, doit.New().Sniff("x", []byte(`{"tasks":[{"name":"a","result":"success"}]}`)))
}

// The raw file is counted by itself: what started, how it ended, and seconds by function.
func TestFailed(t *testing.T) {
	raw := droptest.Load(t, failed)
	r := droptest.One(t, doit.New(), failed, raw)
	var doc map[string][]map[string]any
	require.Error(t, json.Unmarshal(raw, &doc), "out and err are no lists")
	started, bad, sum := 0, 0, 0.0
	first, last := time.Time{}, time.Time{}
	for _, task := range doc["tasks"] {
		if task["started"] == nil {
			continue
		}
		started++
		sum += task["elapsed"].(float64)
		if task["result"] == "fail" {
			bad++
		}
		at, err := time.Parse("2006-01-02 15:04:05.000000", task["started"].(string))
		require.NoError(t, err)
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if end := at.Add(time.Duration(task["elapsed"].(float64) * 1e9)); end.After(last) {
			last = end
		}
	}
	require.Equal(t, []int{10, 1, 11}, []int{started, bad, len(doc["tasks"])}, "the count of the test itself")
	require.Len(t, r.Tasks, 11)
	got, from, to := 0.0, records.Moment(1<<62), records.Moment(0)
	fan := 0
	for _, task := range r.Tasks {
		if task.Function == "fan" {
			fan++
		}
		for _, a := range task.Attempts {
			started--
			got += a.Runtime.Seconds()
			from, to = min(from, a.Started), max(to, a.Ended)
			if a.Outcome == record.OutcomeFailed {
				bad--
				require.Equal(t, "Command failed: 'sleep 0.1; exit 1' returned 1", a.Error.Message)
			}
		}
	}
	require.Zero(t, started+bad)
	require.Equal(t, 5, fan)
	require.InDelta(t, sum, got, 1e-6)
	require.Equal(t, last.Sub(first), time.Duration(to-from))
	require.Equal(t, record.Failed, r.Status)

	ab := r.Tasks[8]
	require.True(t, ab.Skipped)
	require.Equal(t, []int32{5}, ab.Parents)
	require.Equal(t, "bad", r.Tasks[5].ID)
	droptest.Cut(t, doit.New(), []records.File{droptest.Sniffed(t, doit.New(), failed, raw)}, 0, 200)
}

func TestOther(t *testing.T) {
	r := droptest.One(t, doit.New(), "x", []byte(`{"tasks":[{"name":"a","result":"up-to-date","started":null,"elapsed":null},
		{"name":"a","result":"success","started":"2026-01-02 03:04:05","elapsed":1.5,"out":"o","err":"e"},
		{"name":"b","result":"ignore"},{"name":":","result":null,"started":"soon"}],"out":"","err":"warning\n"}`))
	require.Empty(t, r.Tasks[0].Attempts)
	require.False(t, r.Tasks[0].Skipped)
	require.Equal(t, "a (2)", r.Tasks[1].ID)
	require.Equal(t, "o\ne", r.Tasks[1].Attempts[0].Log)
	require.Equal(t, "2026-01-02T03:04:06.5Z", r.Tasks[1].Attempts[0].Ended.Time().Format(time.RFC3339Nano))
	require.True(t, r.Tasks[2].Skipped)
	require.Equal(t, record.NoOutcome, r.Tasks[3].Attempts[0].Outcome)
	require.Empty(t, r.Error)
	require.Contains(t, r.Notes[len(r.Notes)-1].Text, "warning")
	droptest.Refused(t, doit.New(), "x", []byte(`{"tasks":[{"name":1}]}`), "x: byte 19: expected a report of doit")
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"tasks":[{"name":"a:b","result":"fail","error":"c\n"},{"name":"c","result":"success","started":"2026-01-02 03:04:05","elapsed":1.5}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		droptest.Try(t, doit.New(), droptest.File("x", records.Main, raw))
	})
}
