package record_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// ended is a step of a successful attempt.
func ended(node dag.NodeID, bytes int64) record.Step {
	return record.Step{
		Kind: record.AttemptEnded, Outcome: record.OutcomeOK, Node: node, Attempt: 1, OutputBytes: bytes, Became: dag.NoNode,
	}
}

// TestMetricsOfCached: nothing was executed, and the phases still add up to the time from ready to the end.
func TestMetricsOfCached(t *testing.T) {
	m := record.NewDecoder(enginetest.TreeGraph(t, 4), runInfo).Metrics(nil, []record.Step{{
		Seq: 1, Kind: record.AttemptEnded, Outcome: record.OutcomeCached, Attempt: 1, Ready: 1, Claimed: 3, Started: 6, Fetch: 2, Ended: 10,
		Updated: 15, Became: dag.NoNode,
	}})[0]
	require.Equal(t, record.Phases{Queue: 2, Wait: 1, Fetch: 6, Update: 5}, m.Phases)
	require.Equal(t, runInfo.StartedAt.Add(10), m.StartedAt)
}

func TestMetricsJSON(t *testing.T) {
	s := ended(1, 80)
	s.Epoch, s.Attempt, s.Worker, s.Slot, s.Outcome = 1, 2, 3, 4, record.OutcomeRetrying
	s.Ready, s.Claimed, s.Started, s.Fetch, s.Ended, s.Updated = 100, 110, 150, 30, 250, 260
	s.Location, s.StoredBytes, s.Readied, s.Became = record.LocationStored, 90, []dag.NodeID{0, 2, 1}, 0
	records := record.NewDecoder(enginetest.FanOutGraph(t), runInfo).Metrics(nil, []record.Step{s})
	require.Len(t, records, 1)
	text, err := json.Marshal(records[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"run": "r1", "revision": 2, "workflow": "w", "task": {"function": "sum", "version": 0}, "node": 1,
		"epoch": 1, "attempt": 2, "worker": 3, "slot": 4, "outcome": "retrying", "started_at": "2024-05-01T12:00:00.00000115Z",
		"queue_ns": 10, "wait_ns": 10, "fetch_ns": 30, "execute_ns": 100, "store_ns": 10, "update_ns": 0,
		"input_bytes": -1, "output_bytes": 80, "stored_bytes": 90, "invocations": 1}`, string(text))
	var back record.TaskMetrics
	require.NoError(t, json.Unmarshal(text, &back))
	require.Empty(t, cmp.Diff(records[0], back))
}

func TestInputBytes(t *testing.T) {
	expanded := record.Step{Kind: record.FanOutExpanded, Outcome: record.OutcomeOK, Node: 2, Width: 2, Became: dag.NoNode}
	failed := ended(4, 700)
	failed.Outcome = record.OutcomeRetrying
	cases := []struct {
		name  string
		graph *dag.Graph
		steps []record.Step
		want  []int64
	}{
		{"two parents", enginetest.TreeGraph(t, 4), []record.Step{ended(0, 10), ended(1, 20), ended(2, 1)}, []int64{0, 0, 30}},
		{"unknown parent", enginetest.TreeGraph(t, 4), []record.Step{ended(0, codec.UnknownSize), ended(1, 20), ended(2, 1)}, []int64{0, 0, codec.UnknownSize}},
		{"parent unknown", enginetest.TreeGraph(t, 4), []record.Step{ended(1, 20), ended(2, 1)}, []int64{0, codec.UnknownSize}},
		{"hostile sizes", enginetest.TreeGraph(t, 4), []record.Step{ended(0, 1<<63-1), ended(1, 1<<63-1), ended(2, 1)}, []int64{0, 0, codec.UnknownSize}},
		{"elements are unknown, a join adds up, failures do not count", enginetest.FanOutGraph(t), []record.Step{
			ended(0, 16), expanded, ended(4, 3), ended(5, 4), failed, ended(6, 7), ended(7, 5), ended(1, 8),
		}, []int64{0, codec.UnknownSize, codec.UnknownSize, codec.UnknownSize, codec.UnknownSize, codec.UnknownSize, 9}},
		{"a join without one of its parts", enginetest.FanOutGraph(t), []record.Step{expanded, ended(5, 4), ended(1, 8)}, []int64{
			codec.UnknownSize, codec.UnknownSize,
		}},
		{"a join before its expansion", enginetest.FanOutGraph(t), []record.Step{ended(1, 8)}, []int64{codec.UnknownSize}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := record.NewDecoder(c.graph, runInfo)
			var got []int64
			for _, m := range d.Metrics(nil, c.steps) {
				got = append(got, m.Input)
			}
			require.NoError(t, d.Err())
			require.Equal(t, c.want, got)
		})
	}
}

func TestPhasesFitBetweenReadyAndEnd(t *testing.T) {
	g := enginetest.TreeGraph(t, 4)
	rapid.Check(t, func(t *rapid.T) {
		moment := rapid.Int64Range(-50, 50)
		s := ended(0, 1)
		s.Ready, s.Claimed, s.Started = moment.Draw(t, "ready"), moment.Draw(t, "claimed"), moment.Draw(t, "started")
		s.Ended, s.Updated, s.Fetch = moment.Draw(t, "ended"), moment.Draw(t, "updated"), moment.Draw(t, "fetch")
		s.Location = record.Location(rapid.IntRange(0, 3).Draw(t, "location"))
		m := record.NewDecoder(g, runInfo).Metrics(nil, []record.Step{s})[0]
		sum := time.Duration(0)
		for _, p := range []time.Duration{m.Queue, m.Wait, m.Fetch, m.Execute, m.Store, m.Update} {
			require.GreaterOrEqual(t, p, time.Duration(0))
			sum += p
		}
		require.Equal(t, max(0, max(s.Ended, s.Updated)-s.Ready), int64(sum))
		if slices.IsSorted([]int64{s.Ready, s.Claimed, s.Started, s.Ended, s.Updated}) {
			require.Equal(t, s.Claimed-s.Ready, int64(m.Queue))
			require.Equal(t, s.Started-s.Claimed, int64(m.Wait+m.Fetch))
			require.Equal(t, s.Ended-s.Started, int64(m.Execute))
			require.Equal(t, s.Updated-s.Ended, int64(m.Store+m.Update))
		}
	})
}

func TestMetricsHaveOneRecordForEachAttempt(t *testing.T) {
	type attempt struct {
		task  string
		node  dag.NodeID
		tries int
	}
	for name, g := range enginetest.Compiled(t) {
		steps := enginetest.SimulateSteps(g, 21, 2)
		d := record.NewDecoder(g, runInfo)
		records := d.Metrics(nil, steps)
		require.NoError(t, d.Err())
		seen := map[attempt]bool{}
		for _, m := range records {
			seen[attempt{m.Task.String(), m.Node, m.Attempt}] = true
		}
		require.Len(t, seen, len(records), name)
		want := 0
		for _, s := range steps {
			if s.Kind == record.AttemptEnded {
				want++
			}
		}
		require.Len(t, records, want, name)
	}
}

func BenchmarkMetrics(b *testing.B) {
	g := enginetest.TreeGraph(b, 16_384)
	steps := enginetest.SimulateSteps(g, 1, 2)
	var dst []record.TaskMetrics
	b.ReportAllocs()
	for b.Loop() {
		dst = record.NewDecoder(g, runInfo).Metrics(dst[:0], steps)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(steps)), "ns/step")
}

func BenchmarkEvents(b *testing.B) {
	g := enginetest.TreeGraph(b, 16_384)
	steps := enginetest.SimulateSteps(g, 1, 2)
	var dst []record.Event
	b.ReportAllocs()
	for b.Loop() {
		dst = record.NewDecoder(g, runInfo).Events(dst[:0], steps)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(steps)), "ns/step")
}

func BenchmarkEventCount(b *testing.B) {
	g := enginetest.TreeGraph(b, 16_384)
	steps := enginetest.SimulateSteps(g, 1, 2)
	for b.Loop() {
		record.NewDecoder(g, runInfo).Skip(steps)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(steps)), "ns/step")
}
