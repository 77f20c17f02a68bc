package metricsstore_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/digest"
	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

func folded(t require.TestingT, g *dag.Graph, steps []record.Step, n int) *metricsstore.Fold {
	f := metricsstore.NewFold(g)
	for part := range slices.Chunk(steps, n) {
		require.NoError(t, f.Steps(part))
	}
	return f
}

func bytesOf(t require.TestingT, f *metricsstore.Fold) map[metricsstore.RollupKey][]byte {
	out := map[metricsstore.RollupKey][]byte{}
	for _, d := range f.Digests() {
		b, err := d.Sketch.MarshalBinary()
		require.NoError(t, err)
		out[metricsstore.RollupKey{Function: d.Function, Version: d.Version, Metric: d.Metric}] = b
	}
	return out
}

// TestFoldIsAFoldOfRecords: what the fold takes straight from steps is what the records say.
func TestFoldIsAFoldOfRecords(t *testing.T) {
	for seed := range uint64(10) {
		g, steps := simulated(t, seed, 700)
		if seed > 5 { // clocks that disagree
			for i := range steps {
				steps[i].Claimed -= int64(i%3) * 5000
				steps[i].Ended -= int64(i%5) * 3000
				steps[i].Fetch *= int64(i % 7)
			}
		}
		want := map[metricsstore.RollupKey]*digest.Sketch{}
		var counts metricsstore.Counts
		for _, m := range record.NewDecoder(g, info("r")).Metrics(nil, steps) {
			counts.Attempts++
			if m.Outcome != record.OutcomeOK {
				continue
			}
			counts.Succeeded++
			for _, metric := range metricsstore.Metrics() {
				k := metricsstore.RollupKey{Function: m.Task.Function, Version: m.Task.Version, Metric: metric}
				if v, ok := metric.Of(&m); ok {
					if want[k] == nil {
						want[k] = new(digest.Sketch)
					}
					want[k].Add(v)
				}
			}
		}
		f := folded(t, g, steps, 512)
		got := bytesOf(t, f)
		require.Len(t, got, len(want))
		for k, s := range want {
			b, err := s.MarshalBinary()
			require.NoError(t, err)
			require.Equal(t, b, got[k], "%+v", k)
		}
		assert.Equal(t, counts.Attempts, f.Counts().Attempts)
		assert.Equal(t, counts.Succeeded, f.Counts().Succeeded)
		assert.Positive(t, counts.Attempts-counts.Succeeded)
	}
}

func TestFoldCutsDoNotMatter(t *testing.T) {
	g, steps := simulated(t, 2, 800)
	want := folded(t, g, steps, len(steps))
	rapid.Check(t, func(rt *rapid.T) {
		f := metricsstore.NewFold(g)
		for at := 0; at < len(steps); {
			n := rapid.IntRange(1, 300).Draw(rt, "steps")
			back := rapid.IntRange(0, min(at, 50)).Draw(rt, "again")
			require.NoError(rt, f.Steps(steps[at-back:min(at+n, len(steps))]))
			if rapid.Bool().Draw(rt, "look") {
				f.Digests() // reading changes nothing
			}
			at += n
		}
		require.Equal(rt, want.Counts(), f.Counts())
		require.Equal(rt, bytesOf(rt, want), bytesOf(rt, f))
	})
}

func TestFoldCounts(t *testing.T) {
	g := nested(t, 3)
	step := func(seq uint64, node dag.NodeID, o record.Outcome, claimed int64) record.Step {
		return record.Step{
			Seq: seq, Kind: record.AttemptEnded, Node: node, Outcome: o, Attempt: 1, Head: seq%2 == 0, Claimed: claimed, Started: claimed + 1,
			Ended: claimed + 11, Updated: claimed + 12, OutputBytes: 100, Became: dag.NoNode,
		}
	}
	stored := step(5, 3, record.OutcomeOK, 50)
	stored.Location, stored.StoredBytes, stored.OutputBytes = record.LocationStored, 90, codec.UnknownSize
	steps := []record.Step{
		{Seq: 1, Kind: record.RunStarted, Became: dag.NoNode},
		{Seq: 2, Kind: record.WorkerStarted, Became: dag.NoNode},
		step(3, 1, record.OutcomeRetrying, 30),
		step(4, 1, record.OutcomeOK, 40),
		stored,
		step(6, 2, record.OutcomeFailed, 20),
		step(7, 0, record.OutcomeLost, 60),
		step(8, 0, record.OutcomeCancelled, 70),
		{Seq: 9, Kind: record.TaskSkipped, Node: 4, Became: dag.NoNode},
		{Seq: 10, Kind: record.RunFinished, Outcome: record.OutcomeFailed, Ended: 99, Became: dag.NoNode},
	}
	f := folded(t, g, steps, 3)
	assert.Equal(t, metricsstore.Counts{
		Tasks: int64(g.Tasks()), Attempts: 6, Succeeded: 2, Failed: 1, Retried: 1, Cancelled: 1, Lost: 1, Skipped: 1,
		OutputBytes: 100, StoredBytes: 90, UnknownOutputs: 1, Became: 3, Workers: 1,
		FirstClaim: 20, LastEnd: 82, MakespanNS: 62, ExecuteNS: 60,
	}, f.Counts())
	status, ended, ok := f.Finished()
	assert.True(t, ok)
	assert.Equal(t, record.Failed, status)
	assert.Equal(t, int64(99), ended)
}

// TestFoldCountsTasksByTheirLatestEnd: a task that is run again because its output was lost, or in the next revision
// of the run, is no second task; a lost attempt has begun when its start was announced.
func TestFoldCountsTasksByTheirLatestEnd(t *testing.T) {
	g := nested(t, 3)
	end := func(node dag.NodeID, epoch uint16, o record.Outcome, claimed int64) record.Step {
		return record.Step{
			Kind: record.AttemptEnded, Node: node, Epoch: epoch, Attempt: 1, Outcome: o, Head: true, Claimed: claimed, Started: claimed + 1,
			Ended: claimed + 11, Updated: claimed + 12, OutputBytes: 100, Became: dag.NoNode,
		}
	}
	lost := func(node dag.NodeID, ended int64) record.Step { // reported by a process that has not seen it begin
		return record.Step{Kind: record.AttemptEnded, Node: node, Attempt: 1, Outcome: record.OutcomeLost, Announced: true, Ended: ended, Updated: ended, Became: dag.NoNode}
	}
	steps := []record.Step{
		{Kind: record.AttemptStarted, Node: 0, Attempt: 1, Head: true, Claimed: 15, Started: 16, Became: dag.NoNode},
		lost(0, 40),
		lost(1, 41), // it is not known when it began
		end(0, 0, record.OutcomeOK, 50),
		end(1, 0, record.OutcomeOK, 60),
		end(0, 1, record.OutcomeOK, 70), // its output was lost
		end(2, 0, record.OutcomeFailed, 80),
		end(3, 0, record.OutcomeCancelled, 90),
		{Kind: record.TaskSkipped, Node: 4, Became: dag.NoNode},
		{Kind: record.RunFinished, Outcome: record.OutcomeFailed, Ended: 110, Became: dag.NoNode},
		{Kind: record.RunStarted, Became: dag.NoNode}, // the next revision
		end(2, 1, record.OutcomeOK, 200),
		end(3, 1, record.OutcomeFailed, 210),
		end(4, 1, record.OutcomeOK, 220),
	}
	for i := range steps {
		steps[i].Seq = uint64(i + 1)
	}
	f := folded(t, g, steps, 4)
	assert.Equal(t, metricsstore.Counts{
		Tasks: int64(g.Tasks()), Attempts: 10, Succeeded: 4, Failed: 1, Lost: 2, OutputBytes: 500,
		FirstClaim: 15, LastEnd: 232, MakespanNS: 217, ExecuteNS: 8*10 + 24,
	}, f.Counts())
	n := uint64(0)
	for _, d := range f.Digests() {
		if d.Metric == metricsstore.ExecuteNS {
			n += d.Sketch.N()
		}
	}
	assert.Equal(t, uint64(5), n, "every attempt that ended well is a measurement")
}

// TestFoldCountsCached: a cached task is done, also in the next revision, and adds nothing that was measured.
func TestFoldCountsCached(t *testing.T) {
	g := nested(t, 3)
	end := func(seq uint64, node dag.NodeID, o record.Outcome, claimed int64) record.Step {
		return record.Step{
			Seq: seq, Kind: record.AttemptEnded, Node: node, Attempt: 1, Outcome: o, Claimed: claimed, Started: claimed + 1,
			Ended: claimed + 11, Updated: claimed + 12, OutputBytes: 100, Became: dag.NoNode, Usage: &record.Usage{CPU: 7, ResultBytes: 5},
		}
	}
	f := folded(t, g, []record.Step{
		end(1, 0, record.OutcomeCached, 10),
		end(2, 1, record.OutcomeOK, 40),
		end(3, 2, record.OutcomeCached, 90),
		{Seq: 4, Kind: record.RunFinished, Outcome: record.OutcomeFailed, Ended: 102, Became: dag.NoNode},
		{Seq: 5, Kind: record.RunStarted, Became: dag.NoNode},
	}, 2)
	counts := f.Counts()
	assert.Equal(t, metricsstore.Counts{
		Tasks: int64(g.Tasks()), Attempts: 3, Succeeded: 1, Cached: 2, OutputBytes: 100, Became: 1, FirstClaim: 10, LastEnd: 102,
		MakespanNS: 92, ExecuteNS: 10, CPUNS: 7, BytesOut: 5, CPUKnown: 1, BytesKnown: 1,
		Used: metricsstore.Used{CPUNS: 7, CPUKnown: 1, MemoryKnown: 1},
	}, counts)
	assert.Equal(t, int64(3), counts.Done())
	assert.Equal(t, counts.Tasks-3, counts.NotRun())
	for _, d := range f.Digests() {
		assert.Equal(t, uint64(1), d.Sketch.N(), "%s of %s", d.Metric, d.Function)
	}
}

func TestFoldRefuses(t *testing.T) {
	g := nested(t, 3)
	expansion := dag.NodeID(0)
	for n := dag.NewNumbering(g); ; expansion++ {
		p := n.Locate(expansion)
		if g.Scope(p.Block.Scope).Kind(p.Local) == dag.ExpandNode {
			break
		}
	}
	expand := record.Step{Seq: 1, Kind: record.FanOutExpanded, Outcome: record.OutcomeOK, Node: expansion, Width: 3}
	for name, steps := range map[string][]record.Step{
		"no such node":      {{Seq: 1, Kind: record.AttemptEnded, Node: 1000}},
		"no node":           {{Seq: 1, Kind: record.AttemptEnded, Node: dag.NoNode}},
		"not an expansion":  {{Seq: 1, Kind: record.FanOutExpanded, Outcome: record.OutcomeOK, Node: 0, Width: 1}},
		"expanded nowhere":  {{Seq: 1, Kind: record.FanOutExpanded, Outcome: record.OutcomeOK, Node: 1000, Width: 1}},
		"enormously wide":   {{Seq: 1, Kind: record.FanOutExpanded, Outcome: record.OutcomeOK, Node: expansion, Width: 1<<32 - 1}},
		"after the fan-out": {expand, {Seq: 2, Kind: record.AttemptEnded, Node: 1000}},
	} {
		require.ErrorIs(t, metricsstore.NewFold(g).Steps(steps), metricsstore.ErrCorrupt, name)
	}
	require.NoError(t, metricsstore.NewFold(g).Steps([]record.Step{expand, {Seq: 2, Kind: 99}}), "a kind of later versions")
	lost := metricsstore.NewFold(g)
	require.NoError(t, lost.Steps([]record.Step{{Seq: 1, Kind: record.AttemptEnded, Outcome: record.OutcomeLost, Node: expansion}}))
	require.Zero(t, lost.Counts().Attempts, "only tasks are counted")
	failed := expand
	failed.Outcome = record.OutcomeFailed
	f := metricsstore.NewFold(g)
	require.NoError(t, f.Steps([]record.Step{failed}))
	assert.Equal(t, int64(g.Tasks()), f.Counts().Tasks, "a fan-out that failed makes no tasks")
}

func TestOutputRate(t *testing.T) {
	for _, c := range []struct {
		output, execute, want int64
		ok                    bool
	}{
		{1000, int64(time.Second), 1000, true},
		{1, int64(time.Hour), 0, true},
		{1 << 40, 1, 1<<63 - 1, true},
		{3, 2, 1_500_000_000, true},
		{0, 5, 0, false},
		{5, 0, 0, false},
		{codec.UnknownSize, 5, 0, false},
	} {
		m := record.TaskMetrics{Phases: record.Phases{Execute: time.Duration(c.execute)}, Bytes: record.Bytes{Output: c.output}}
		got, ok := metricsstore.OutputRate.Of(&m)
		assert.Equal(t, c.ok, ok, "%d bytes in %d ns", c.output, c.execute)
		assert.Equal(t, c.want, got, "%d bytes in %d ns", c.output, c.execute)
	}
}

func BenchmarkFold(b *testing.B) {
	g, steps := simulated(b, 2, 20_000)
	b.ReportAllocs()
	for b.Loop() {
		f := metricsstore.NewFold(g)
		for part := range slices.Chunk(steps, 512) {
			if err := f.Steps(part); err != nil {
				b.Fatal(err)
			}
		}
		f.Digests()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(steps)), "ns/step")
}

func BenchmarkPack(b *testing.B) {
	_, steps := simulated(b, 2, 20_000)
	p, err := metricsstore.NewPacker()
	require.NoError(b, err)
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		size = 0
		for part := range slices.Chunk(steps, 1000) {
			size += len(p.Pack(part).Data)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(steps)), "ns/step")
	b.ReportMetric(float64(size)/float64(len(steps)), "B/step")
}

// TestFoldCountsWhatIsNotRun: what an ended run has not run is what has neither begun nor been skipped.
func TestFoldCountsWhatIsNotRun(t *testing.T) {
	g := nested(t, 3)
	end := func(node dag.NodeID, attempt uint16, o record.Outcome) record.Step {
		return record.Step{Kind: record.AttemptEnded, Node: node, Attempt: attempt, Outcome: o, Announced: attempt > 1, Ended: 20, Became: dag.NoNode}
	}
	started := func(node dag.NodeID, attempt uint16) record.Step {
		return record.Step{Kind: record.AttemptStarted, Node: node, Attempt: attempt, Became: dag.NoNode}
	}
	f := metricsstore.NewFold(g)
	seq := uint64(0)
	counts := func(steps ...record.Step) []int64 {
		for i := range steps {
			seq++
			steps[i].Seq = seq
		}
		require.NoError(t, f.Steps(steps))
		c := f.Counts()
		return []int64{c.Succeeded, c.Failed, c.Unfinished, c.NotRun()}
	}
	tasks := int64(g.Tasks())
	assert.Equal(t, []int64{0, 0, 0, tasks}, counts(record.Step{Kind: record.RunStarted, Became: dag.NoNode}))
	assert.Equal(t, []int64{1, 0, 0, tasks - 1}, counts(end(0, 1, record.OutcomeOK)))
	assert.Equal(t, []int64{1, 0, 1, tasks - 2}, counts(end(1, 1, record.OutcomeRetrying)), "it waits for another try")
	assert.Equal(t, []int64{1, 0, 1, tasks - 2}, counts(started(1, 2)), "which is no second task")
	assert.Equal(t, []int64{1, 0, 2, tasks - 3}, counts(started(2, 1)), "it continues")
	assert.Equal(t, []int64{1, 0, 2, tasks - 3}, counts(end(2, 1, record.OutcomeLost)))
	assert.Equal(t, []int64{1, 1, 1, tasks - 3}, counts(end(1, 2, record.OutcomeFailed)))
	assert.Equal(t, []int64{1, 0, 0, tasks - 1}, counts(
		record.Step{Kind: record.RunFinished, Outcome: record.OutcomeFailed, Ended: 30, Became: dag.NoNode},
		record.Step{Kind: record.RunStarted, Became: dag.NoNode},
	), "the next revision has to do it again")
}
