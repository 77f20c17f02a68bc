package engine_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// ended is a step of a successful attempt.
func ended(node engine.NodeID, bytes int64) engine.Step {
	return engine.Step{
		Kind: engine.AttemptEnded, Outcome: engine.OutcomeOK, Node: node, Attempt: 1, OutputBytes: bytes, Became: engine.NoNode,
	}
}

func TestMetricsJSON(t *testing.T) {
	s := ended(1, 80)
	s.Epoch, s.Attempt, s.Worker, s.Slot, s.Outcome = 1, 2, 3, 4, engine.OutcomeRetrying
	s.Ready, s.Claimed, s.Started, s.Fetch, s.Ended, s.Updated = 100, 110, 150, 30, 250, 260
	s.Location, s.StoredBytes, s.Readied, s.Became = engine.LocationStored, 90, []engine.NodeID{0, 2, 1}, 0
	records := engine.NewDecoder(fanOutGraph(t), runInfo).Metrics(nil, []engine.Step{s})
	require.Len(t, records, 1)
	text, err := json.Marshal(records[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"run": "r1", "revision": 2, "workflow": "w", "task": {"function": "sum", "version": 0}, "node": 1,
		"epoch": 1, "attempt": 2, "worker": 3, "slot": 4, "outcome": "retrying", "started_at": "2024-05-01T12:00:00.00000115Z",
		"queue_ns": 10, "wait_ns": 10, "fetch_ns": 30, "execute_ns": 100, "store_ns": 10, "update_ns": 0,
		"input_bytes": -1, "output_bytes": 80, "stored_bytes": 90, "invocations": 1}`, string(text))
	var back engine.TaskMetrics
	require.NoError(t, json.Unmarshal(text, &back))
	require.Empty(t, cmp.Diff(records[0], back))
}

func TestInputBytes(t *testing.T) {
	expanded := engine.Step{Kind: engine.FanOutExpanded, Outcome: engine.OutcomeOK, Node: 2, Width: 2, Became: engine.NoNode}
	failed := ended(4, 700)
	failed.Outcome = engine.OutcomeRetrying
	cases := []struct {
		name  string
		graph *engine.Graph
		steps []engine.Step
		want  []int64
	}{
		{"two parents", treeGraph(t, 4), []engine.Step{ended(0, 10), ended(1, 20), ended(2, 1)}, []int64{0, 0, 30}},
		{"unknown parent", treeGraph(t, 4), []engine.Step{ended(0, engine.UnknownSize), ended(1, 20), ended(2, 1)}, []int64{0, 0, engine.UnknownSize}},
		{"parent unknown", treeGraph(t, 4), []engine.Step{ended(1, 20), ended(2, 1)}, []int64{0, engine.UnknownSize}},
		{"hostile sizes", treeGraph(t, 4), []engine.Step{ended(0, 1<<63-1), ended(1, 1<<63-1), ended(2, 1)}, []int64{0, 0, engine.UnknownSize}},
		{"elements are unknown, a join adds up, failures do not count", fanOutGraph(t), []engine.Step{
			ended(0, 16), expanded, ended(4, 3), ended(5, 4), failed, ended(6, 7), ended(7, 5), ended(1, 8),
		}, []int64{0, engine.UnknownSize, engine.UnknownSize, engine.UnknownSize, engine.UnknownSize, engine.UnknownSize, 9}},
		{"a join without one of its parts", fanOutGraph(t), []engine.Step{expanded, ended(5, 4), ended(1, 8)}, []int64{
			engine.UnknownSize, engine.UnknownSize,
		}},
		{"a join before its expansion", fanOutGraph(t), []engine.Step{ended(1, 8)}, []int64{engine.UnknownSize}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := engine.NewDecoder(c.graph, runInfo)
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
	g := treeGraph(t, 4)
	rapid.Check(t, func(t *rapid.T) {
		moment := rapid.Int64Range(-50, 50)
		s := ended(0, 1)
		s.Ready, s.Claimed, s.Started = moment.Draw(t, "ready"), moment.Draw(t, "claimed"), moment.Draw(t, "started")
		s.Ended, s.Updated, s.Fetch = moment.Draw(t, "ended"), moment.Draw(t, "updated"), moment.Draw(t, "fetch")
		s.Location = engine.Location(rapid.IntRange(0, 3).Draw(t, "location"))
		m := engine.NewDecoder(g, runInfo).Metrics(nil, []engine.Step{s})[0]
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
		node  engine.NodeID
		tries int
	}
	for name, g := range compiled(t) {
		steps := enginetest.SimulateSteps(g, 21, 2)
		d := engine.NewDecoder(g, runInfo)
		records := d.Metrics(nil, steps)
		require.NoError(t, d.Err())
		seen := map[attempt]bool{}
		for _, m := range records {
			seen[attempt{m.Task.String(), m.Node, m.Attempt}] = true
		}
		require.Len(t, seen, len(records), name)
		want := 0
		for _, s := range steps {
			if s.Kind == engine.AttemptEnded {
				want++
			}
		}
		require.Len(t, records, want, name)
	}
}

func BenchmarkMetrics(b *testing.B) {
	g := treeGraph(b, 16_384)
	steps := enginetest.SimulateSteps(g, 1, 2)
	var dst []engine.TaskMetrics
	b.ReportAllocs()
	for b.Loop() {
		dst = engine.NewDecoder(g, runInfo).Metrics(dst[:0], steps)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(steps)), "ns/step")
}

func BenchmarkEvents(b *testing.B) {
	g := treeGraph(b, 16_384)
	steps := enginetest.SimulateSteps(g, 1, 2)
	var dst []engine.Event
	b.ReportAllocs()
	for b.Loop() {
		dst = engine.NewDecoder(g, runInfo).Events(dst[:0], steps)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(steps)), "ns/step")
}

func BenchmarkEventCount(b *testing.B) {
	g := treeGraph(b, 16_384)
	steps := enginetest.SimulateSteps(g, 1, 2)
	for b.Loop() {
		engine.NewDecoder(g, runInfo).Skip(steps)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(steps)), "ns/step")
}
