package normal_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/index"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/metricsstore/normal"
)

const leaves = 40

// row is a graph of 40 tasks and one that reads them all.
func row(t testing.TB, version int) *dag.Graph {
	t.Helper()
	work := engine.Func1("work", func(_ context.Context, n int) (int, error) { return n, nil }).With(engine.Options{Version: version})
	sum := engine.FuncN("sum", func(_ context.Context, v []int) (int, error) { return len(v), nil })
	b := engine.NewBuilder()
	var refs []engine.Ref[int]
	for i := range leaves {
		refs = append(refs, work.Call(engine.Const(b, i)))
	}
	g, err := b.Compile(sum.Call(b, refs...))
	require.NoError(t, err)
	return g
}

// history is a store of runs, a day apart.
type history struct {
	t       testing.TB
	store   metricsstore.Store
	queries *metricsstore.Queries
	r       *rand.Rand
	runs    int
}

func newHistory(t testing.TB) *history {
	h := &history{t: t, store: memory.New(), r: rand.New(rand.NewPCG(21, 2026))}
	var err error
	h.queries, err = metricsstore.NewQueries(h.store)
	require.NoError(t, err)
	return h
}

// plan says what a run is like: how many times as long its tasks take, and its longest one.
type plan struct {
	version                 int
	params                  map[string]string
	machine, work, straggle float64
}

func usual() plan {
	return plan{params: map[string]string{"n": "40"}, machine: 1, work: 1, straggle: 1}
}

// add records a run of which every task takes about a millisecond.
func (h *history) add(p plan) metricsstore.Run {
	h.t.Helper()
	g := row(h.t, p.version)
	steps := []record.Step{{Seq: 1, Kind: record.RunStarted, Became: dag.NoNode}}
	machine, now := p.machine*math.Exp(0.05*h.r.NormFloat64()), int64(0)
	for node := range dag.NodeID(leaves + 1) {
		factor := machine * math.Exp(0.1*h.r.NormFloat64())
		if node < leaves {
			factor *= p.work
		}
		if node == 0 {
			factor *= p.straggle
		}
		ended := now + int64(1e6*factor)
		steps = append(steps, record.Step{
			Seq: uint64(node) + 2, Kind: record.AttemptEnded, Outcome: record.OutcomeOK, Node: node, Attempt: 1, Became: dag.NoNode, Head: true,
			Claimed: now, Started: now, Ended: ended, Updated: ended, OutputBytes: 8,
		})
		now = ended
	}
	steps = append(steps, record.Step{Seq: leaves + 3, Kind: record.RunFinished, Outcome: record.OutcomeOK, Ended: now, Became: dag.NoNode})
	return h.record(p, g, steps, now)
}

func (h *history) record(p plan, g *dag.Graph, steps []record.Step, took int64) metricsstore.Run {
	h.t.Helper()
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).AddDate(0, 0, h.runs)
	id := record.RunID(fmt.Sprintf("run-%03d", h.runs))
	h.runs++
	recorder, err := metricsstore.NewRecorder(metricsstore.Config{Store: h.store})
	require.NoError(h.t, err)
	require.NoError(h.t, recorder.Begin(record.RunInfo{
		ID: id, Workflow: "row", Params: p.params, Policy: record.FailFast, SubmittedAt: began, StartedAt: began,
	}, g))
	recorder.Steps(id, steps)
	require.NoError(h.t, recorder.End(id, record.RunEnd{Status: record.Succeeded, EndedAt: began.Add(time.Duration(took))}))
	run, err := h.store.Run(h.t.Context(), id)
	require.NoError(h.t, err)
	return run
}

// judge compares a run with its peers, which are those that the index of a service finds.
func (h *history) judge(run *metricsstore.Run) *normal.Judgement {
	h.t.Helper()
	peers, err := normal.FindPeers(h.t.Context(), h.queries, run, metricsstore.SamePeers)
	require.NoError(h.t, err)
	x := index.New()
	kept, err := h.store.Runs(h.t.Context(), metricsstore.Position{}, 0)
	require.NoError(h.t, err)
	for i := range kept {
		x.Put(metricsstore.NewEntry(&kept[i], ""), 1)
	}
	indexed, err := x.Peers(run, metricsstore.SamePeers)
	require.NoError(h.t, err)
	assert.Equal(h.t, indexed, peers)
	j, err := normal.Judge(h.t.Context(), h.queries, run, metricsstore.SamePeers, peers)
	require.NoError(h.t, err)
	return j
}

// TestJudge: of a run in which one function and one task take longer, these two are named; of a usual run nothing is.
func TestJudge(t *testing.T) {
	h := newHistory(t)
	few := h.add(usual())
	j := h.judge(&few)
	assert.Equal(t, []int{0, metricsstore.SlowPeers}, []int{j.Runs, j.Makespan.Needs})
	assert.Equal(t, normal.MinPeers, j.Functions.Each[0].Needs)
	assert.Nil(t, j.Functions.Each[0].LimitNS)
	assert.Equal(t, []int{0, leaves + 1, 100}, []int{j.Outliers.Judged, j.Outliers.Unjudged, j.Outliers.Needs})

	for range 29 {
		h.add(usual())
	}
	other := usual()
	other.params = map[string]string{"n": "41"}
	h.add(other)
	normally := h.add(usual())
	j = h.judge(&normally)
	assert.Equal(t, 30, j.Runs, "those with the same parameters")
	assert.Equal(t, []string{"n=40"}, j.Terms)
	assert.False(t, j.Makespan.Slow)
	assert.Zero(t, j.Functions.Slow)
	assert.Len(t, j.Functions.Each, 2)

	slow := usual()
	slow.work, slow.straggle = 1.6, 3
	run := h.add(slow)
	j = h.judge(&run)
	assert.True(t, j.Makespan.Slow)
	assert.Equal(t, []int{31, 0, 0}, []int{j.Makespan.SlowerThan, j.Makespan.Slower, j.Makespan.Needs})
	assert.InDelta(t, 1.65, *j.Makespan.Ratio, 0.25)
	require.Equal(t, 1, j.Functions.Slow)
	work := j.Functions.Each[0]
	assert.Equal(t, "work", work.Function)
	assert.Equal(t, []int{31, 31, 0, 0}, []int{work.Runs, work.SlowerThan, work.Slower, work.Needs})
	assert.InDelta(t, 1.6, *work.Ratio, 0.25)
	assert.Greater(t, work.MedianNS, *work.LimitNS)

	assert.Equal(t, 31, j.Outliers.Runs)
	assert.Equal(t, []int{leaves, 1}, []int{j.Outliers.Judged, j.Outliers.Unjudged}, "the sum has too few like it")
	assert.InDelta(t, 0.4, j.Outliers.Expected, 1e-9)
	require.NotEmpty(t, j.Outliers.Each)
	worst := j.Outliers.Each[0]
	assert.Equal(t, dag.NodeID(0), worst.Node)
	assert.Equal(t, uint64(31*leaves), worst.Like)
	assert.InDelta(t, float64(worst.ExecuteNS)/worst.LimitNS, worst.Ratio, 1e-9)

	failed := run
	failed.Status = record.Failed
	_, err := normal.Judge(t.Context(), h.queries, &failed, metricsstore.SamePeers, nil)
	assert.ErrorIs(t, err, normal.ErrNotComparable)
}

// TestReadTrend: the day from which a function takes longer is named, with the version that came with it.
func TestReadTrend(t *testing.T) {
	h := newHistory(t)
	read := func() *normal.Trend {
		trend, err := normal.ReadTrend(t.Context(), h.queries, normal.TrendQuery{Workflow: "row"})
		require.NoError(t, err)
		return trend
	}
	assert.Equal(t, normal.MinTrendRuns, read().Needs)
	p := usual()
	for p.version = 3; h.runs < 30; h.add(p) {
	}
	assert.Empty(t, read().Series[0].Changes)
	for p.version, p.work = 4, 1.3; h.runs < 50; h.add(p) {
	}
	other := usual()
	other.params = nil
	h.add(other)
	trend := read()
	assert.Equal(t, []int{50, 1}, []int{trend.Runs, trend.Others})
	require.Len(t, trend.Series, 3)
	for i, function := range []string{"", "sum", "work"} {
		assert.Equal(t, function, trend.Series[i].Function)
		assert.Equal(t, 50, trend.Series[i].Runs)
	}
	assert.Empty(t, trend.Series[1].Changes)
	require.Len(t, trend.Series[2].Changes, 1)
	change := trend.Series[2].Changes[0]
	assert.Equal(t, record.RunID("run-030"), change.Run)
	assert.Equal(t, record.RunID("run-029"), change.Previous)
	assert.Equal(t, []int{30, 20}, []int{change.Before, change.After})
	assert.InDelta(t, 1.3, change.Ratio, 0.1)
	assert.Equal(t, []string{"version 4 of work"}, change.With)
	assert.Regexp(t, `^Since 31 March 1\.[23]\d × \(1\.\d\d to 1\.\d\d\), with version 4 of work; 30 runs before, 20 after\.$`, change.Text)
	assert.Equal(t, change.Run, trend.Series[0].Changes[0].Run, "the makespan changed with it")
}
