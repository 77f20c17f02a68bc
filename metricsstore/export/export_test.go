package export_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/export"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func began() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func graph(t *testing.T) *dag.Graph {
	t.Helper()
	split := engine.Func1("split", func(context.Context, int) ([]int, error) { return nil, nil })
	grey := engine.Func1("grey, \"light\"", func(_ context.Context, n int) (int, error) { return n, nil })
	join := engine.Func1("join", func(context.Context, []int) (int, error) { return 0, nil }).With(engine.Options{Version: 3})
	b := engine.NewBuilder()
	g, err := b.Compile(join.Call(engine.FanOut(b, split.Call(engine.Const(b, 1)), func(e engine.Ref[int]) engine.Ref[int] {
		return grey.Call(e)
	})))
	require.NoError(t, err)
	g, err = g.WithNames([]string{5: "grey,\tthe 2nd"})
	require.NoError(t, err)
	return g
}

// written is a run written down by hand: a stored and a held output, a retry, a fan-out and a child that was become.
func written(t *testing.T, g *dag.Graph) []record.Step {
	t.Helper()
	none, expansion, joined := dag.NoNode, dag.NodeID(2), dag.NodeID(1)
	return []record.Step{
		{Seq: 1, Kind: record.RunStarted, Became: none, Readied: []dag.NodeID{0}},
		{Seq: 2, Kind: record.WorkerStarted, Started: 50, Became: none},
		{
			Seq: 3, Kind: record.AttemptEnded, Outcome: record.OutcomeOK, Location: record.LocationHeld, Head: true, Node: 0, Attempt: 1,
			Claimed: 1000, Started: 1100, Ended: 2_000_100, Updated: 2_000_600, OutputBytes: codec.UnknownSize, Became: none,
			Readied: []dag.NodeID{expansion},
		},
		{
			Seq: 4, Kind: record.FanOutExpanded, Outcome: record.OutcomeOK, Node: expansion, Ready: 2_000_600, Claimed: 2_000_600, Started: 2_000_600,
			Ended: 2_000_600, Updated: 2_000_700, Width: 2, Became: none, Readied: []dag.NodeID{4, 5},
		},
		{
			Seq: 5, Kind: record.AttemptEnded, Outcome: record.OutcomeRetrying, Head: true, Node: 4, Attempt: 1, Ready: 2_000_700,
			Claimed: 2_001_000, Started: 2_001_500, Fetch: 400, Ended: 2_002_000, Updated: 2_002_100, Delay: 10, Became: none,
		},
		{
			Seq: 6, Kind: record.AttemptEnded, Outcome: record.OutcomeOK, Location: record.LocationHeld, Head: true, Node: 5, Attempt: 1,
			Slot: 1, Ready: 2_000_700, Claimed: 2_001_000, Started: 2_001_500, Fetch: 400, Ended: 2_005_000, Updated: 2_005_100,
			OutputBytes: 8, Became: none,
		},
		{
			Seq: 7, Kind: record.AttemptEnded, Outcome: record.OutcomeOK, Location: record.LocationStored, Head: true, Node: 4, Attempt: 2,
			Ready: 2_002_110, Claimed: 2_002_200, Started: 2_002_300, Ended: 2_007_000, Updated: 2_008_000, OutputBytes: 8, StoredBytes: 8,
			Became: joined, Readied: []dag.NodeID{joined},
		},
		{
			Seq: 8, Kind: record.AttemptEnded, Outcome: record.OutcomeOK, Location: record.LocationInline, Node: joined, Attempt: 1,
			Ready: 2_008_000, Claimed: 2_008_000, Started: 2_008_100, Ended: 3_000_000, Updated: 3_000_001, OutputBytes: 8, Became: none,
		},
		{Seq: 9, Kind: record.WorkerStopped, Ended: 3_000_100, Became: none},
		{Seq: 10, Kind: record.RunFinished, Outcome: record.OutcomeOK, Ended: 3_000_200, Became: none},
	}
}

func store(t *testing.T, g *dag.Graph, steps []record.Step) *metricsstore.Queries {
	t.Helper()
	s := memory.New()
	r, err := metricsstore.NewRecorder(metricsstore.Config{Store: s, BlockSteps: 100})
	require.NoError(t, err)
	require.NoError(t, r.Begin(record.RunInfo{ID: "r", Workflow: "w", SubmittedAt: began(), StartedAt: began()}, g))
	r.Steps("r", steps)
	r.Details("r", nil, []record.WorkerRecord{{Worker: 0, Name: "main", Host: "h<1>"}})
	require.NoError(t, r.End("r", record.RunEnd{Status: record.Succeeded, EndedAt: began().Add(3_000_200)}))
	q, err := metricsstore.NewQueries(s)
	require.NoError(t, err)
	return q
}

type writer func(*bytes.Buffer, *metricsstore.Queries, record.RunID) error

func writers(t *testing.T) map[string]writer {
	return map[string]writer{
		"run.csv": func(b *bytes.Buffer, q *metricsstore.Queries, id record.RunID) error {
			return export.WriteCSV(t.Context(), b, q, id)
		},
		"records.ndjson": func(b *bytes.Buffer, q *metricsstore.Queries, id record.RunID) error {
			return export.WriteRecords(t.Context(), b, q, id)
		},
		"events.ndjson": func(b *bytes.Buffer, q *metricsstore.Queries, id record.RunID) error {
			return export.WriteEvents(t.Context(), b, q, id)
		},
		"trace.json": func(b *bytes.Buffer, q *metricsstore.Queries, id record.RunID) error {
			return export.WriteChromeTrace(t.Context(), b, q, id)
		},
	}
}

func TestGolden(t *testing.T) {
	g := graph(t)
	q := store(t, g, written(t, g))
	for name, write := range writers(t) {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, write(&b, q, "r"))
			golden := filepath.Join("testdata", name)
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(golden, b.Bytes(), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), b.String())
			require.ErrorIs(t, write(&b, q, "missing"), metricsstore.ErrNotFound)
		})
	}
}

// TestCached: what was cached is exported with its outcome, one event, and no time of execution.
func TestCached(t *testing.T) {
	g := graph(t)
	steps := written(t, g)
	steps[2].Outcome = record.OutcomeCached
	q := store(t, g, steps)
	out := map[string]string{}
	for name, write := range writers(t) {
		var b bytes.Buffer
		require.NoError(t, write(&b, q, "r"))
		out[name], _, _ = strings.Cut(b.String(), "grey")
	}
	assert.Contains(t, out["run.csv"], ",cached,2026-03-01T12:00:00.0020001Z,")
	assert.Contains(t, out["records.ndjson"], `"outcome":"cached"`)
	assert.Contains(t, out["records.ndjson"], `"execute_ns":0`)
	assert.Contains(t, out["events.ndjson"], `"kind":"task.cached"`)
	assert.NotContains(t, out["events.ndjson"], `"kind":"task.started"`)
	assert.Contains(t, out["trace.json"], `"name":"split","cat":"cached","ph":"X","ts":1.000,"dur":1999.600,`)
	assert.NotContains(t, out["trace.json"], `"execute"`)
}

// TestCounts holds the exports of a larger run against its records.
func TestCounts(t *testing.T) {
	g := graph(t)
	var steps []record.Step
	for seed := uint64(0); len(steps) < 25; seed++ { // the width of the fan-out is random
		steps = enginetest.SimulateSteps(g, seed, 3)
	}
	q := store(t, g, steps)
	decoder := record.NewDecoder(g, record.RunInfo{ID: "r", Workflow: "w", SubmittedAt: began(), StartedAt: began()})
	records := decoder.Metrics(nil, steps)
	require.Greater(t, len(records), 10)
	write := writers(t)

	var b bytes.Buffer
	require.NoError(t, write["run.csv"](&b, q, "r"))
	lines, err := csv.NewReader(&b).ReadAll()
	require.NoError(t, err)
	assert.Len(t, lines, len(records)+1)

	b.Reset()
	require.NoError(t, write["records.ndjson"](&b, q, "r"))
	for i, n := bufio.NewScanner(&b), 0; i.Scan(); n++ {
		var m record.TaskMetrics
		require.NoError(t, json.Unmarshal(i.Bytes(), &m))
		require.Equal(t, records[n], m)
	}

	b.Reset()
	require.NoError(t, write["events.ndjson"](&b, q, "r"))
	events := uint64(0)
	for i := bufio.NewScanner(&b); i.Scan(); {
		var e struct{ Seq uint64 }
		require.NoError(t, json.Unmarshal(i.Bytes(), &e))
		events++
		require.Equal(t, events, e.Seq)
	}
	assert.Greater(t, events, uint64(len(steps)))
	checkTrace(t, q, records, write["trace.json"])
}

// TestTraceOfNoTime: what took no time, as cached tasks of recordings do, has a slice of length 0 and is not left out.
func TestTraceOfNoTime(t *testing.T) {
	g := graph(t)
	steps := written(t, g)
	for i := range steps {
		s := &steps[i]
		s.Claimed, s.Started, s.Ended, s.Updated, s.Fetch = s.Ready, s.Ready, s.Ready, s.Ready, 0
	}
	q := store(t, g, steps)
	decoder := record.NewDecoder(g, record.RunInfo{ID: "r", Workflow: "w", SubmittedAt: began(), StartedAt: began()})
	checkTrace(t, q, decoder.Metrics(nil, steps), writers(t)["trace.json"])
}

// checkTrace: slices of one thread nest or follow one another, which Perfetto asks for, and each attempt has one.
func checkTrace(t *testing.T, q *metricsstore.Queries, records []record.TaskMetrics, write writer) {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, write(&b, q, "r"))
	var trace struct {
		TraceEvents []struct {
			Name, Cat, Ph string
			TS, Dur       json.Number
			PID, TID, ID  int
			BP            string
		}
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &trace))
	ns := func(n json.Number) int64 {
		if n == "" {
			return 0
		}
		f, err := strconv.ParseFloat(string(n), 64)
		require.NoError(t, err)
		return int64(f*1000 + 0.5)
	}
	attempts, ends := 0, map[int]string{}
	outer := map[[2]int][2]int64{} // of each thread: the attempt written last
	for _, e := range trace.TraceEvents {
		if e.Cat == "dependency" {
			ends[e.ID] += e.Ph + e.BP
		}
		if e.Ph != "X" {
			continue
		}
		assert.NotEmpty(t, e.Dur, "Perfetto drops %s, which has no length, not even 0", e.Name)
		lane, from, to := [2]int{e.PID, e.TID}, ns(e.TS), ns(e.TS)+ns(e.Dur)
		if e.Cat != "phase" {
			assert.GreaterOrEqual(t, from, outer[lane][1], "attempts of one slot follow one another")
			outer[lane] = [2]int64{from, to}
			attempts++
			continue
		}
		assert.True(t, outer[lane][0] <= from && to <= outer[lane][1], "%s lies within its attempt", e.Name)
	}
	assert.Equal(t, len(records), attempts)
	assert.NotEmpty(t, ends)
	for id, both := range ends {
		assert.Equal(t, "sfe", both, "arrow %d begins and ends, at the slice around its end", id)
	}
}
