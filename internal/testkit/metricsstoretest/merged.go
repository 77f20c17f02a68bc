package metricsstoretest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/digest"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// lawMerged: whatever is archived, archived again, deleted or comes late, a history over merged roll-ups is, to the
// bit, that over the roll-ups of each run.
func lawMerged(t *testing.T, s *subject) {
	m := newMergedRuns(t, s)
	for round := range 6 {
		for range 150 {
			m.change()
		}
		if round == 3 { // nearly all that is known goes
			for _, h := range m.archived[:len(m.archived)*9/10] {
				require.NoError(t, s.Delete(s.ctx, h.Info.ID))
			}
			m.archived = m.archived[len(m.archived)*9/10:]
		}
		m.compare()
	}
}

// mergedRuns changes runs at random.
type mergedRuns struct {
	t        *testing.T
	s        *subject
	random   *rand.Rand
	merged   *metricsstore.Queries
	plain    *metricsstore.Queries
	begun    int
	archived []metricsstore.Header
}

func newMergedRuns(t *testing.T, s *subject) *mergedRuns {
	merged, err := metricsstore.NewQueries(s.Store)
	require.NoError(t, err)
	plain, err := metricsstore.NewQueries(unmerged{s.Store})
	require.NoError(t, err)
	return &mergedRuns{t: t, s: s, random: rand.New(rand.NewPCG(7, 11)), merged: merged, plain: plain}
}

// unmerged returns every roll-up by itself.
type unmerged struct{ metricsstore.Store }

func (u unmerged) Rollups(ctx context.Context, q metricsstore.RollupQuery) ([]metricsstore.Rollup, error) {
	q.Merge = metricsstore.MergeNothing
	return u.Store.Rollups(ctx, q)
}

func (m *mergedRuns) change() {
	t, s := m.t, m.s
	known := len(m.archived)
	switch n := m.random.IntN(20); {
	case n < 2 && known > 0: // deleted
		i := m.random.IntN(known)
		require.NoError(t, s.Delete(s.ctx, m.archived[i].Info.ID))
		m.archived = slices.Delete(m.archived, i, i+1)
	case n < 4 && known > 0: // archived again, with other values
		h := &m.archived[m.random.IntN(known)]
		h.Rollup++
		s.archive(*h, m.rollups(h)...)
	case n < 5 && known > 0: // continued, with its old roll-ups until it ends
		h := &m.archived[m.random.IntN(known)]
		begun := header(h.Info.ID)
		begun.Info = h.Info
		begun.Info.Revision++
		require.NoError(t, s.Begin(s.ctx, begun, nil))
		m.compareSome(1)
		h.Info.Revision++
		h.Rollup++
		s.archive(*h, m.rollups(h)...)
	default:
		m.begun++
		h := header(record.RunID(fmt.Sprintf("run%d", m.begun)))
		h.Info.Workflow = []string{"w", "v"}[m.random.IntN(2)]
		h.Info.StartedAt = epoch().Add(time.Duration(m.random.IntN(30)) * time.Minute) // most of them within an hour
		if m.random.IntN(3) == 0 {
			h.Info.StartedAt = epoch().Add(time.Duration(m.random.IntN(5)) * 13 * time.Hour).Add(time.Duration(m.random.IntN(90)) * time.Minute)
		}
		require.NoError(t, s.Begin(s.ctx, h, nil))
		h = ended(h, 1)
		s.archive(h, m.rollups(&h)...)
		m.archived = append(m.archived, h)
	}
}

// rollups are some of a run; a run may have none at all, and one may have a function in two versions.
func (m *mergedRuns) rollups(h *metricsstore.Header) (out []metricsstore.Rollup) {
	for _, f := range []metricsstore.FunctionDigest{
		{Function: "f", Metric: metricsstore.ExecuteNS},
		{Function: "f", Version: 2, Metric: metricsstore.ExecuteNS},
		{Function: "g", Version: 1, Metric: metricsstore.ExecuteNS},
		{Function: "g", Version: 1, Metric: metricsstore.OutputBytes},
	} {
		if n := m.random.IntN(8); n < 3 || f.Version == 2 && n < 7 {
			continue
		}
		f.Sketch = &digest.Sketch{}
		for range 1 + m.random.IntN(40) {
			f.Sketch.Add(m.random.Int64N(1 << 40))
		}
		r, err := metricsstore.PackRollup(h, f)
		require.NoError(m.t, err)
		out = append(out, r)
	}
	return out
}

func (m *mergedRuns) compare() { m.compareSome(24) }

// compareSome compares the answers to some random questions.
func (m *mergedRuns) compareSome(n int) {
	for range n {
		q := m.question()
		want, err := m.plain.History(m.s.ctx, q)
		require.NoError(m.t, err)
		got, err := m.merged.History(m.s.ctx, q)
		require.NoError(m.t, err)
		m.same(q, want, got)
		each, err := m.plain.HistoryByFunction(m.s.ctx, q)
		require.NoError(m.t, err)
		merged, err := m.merged.HistoryByFunction(m.s.ctx, q)
		require.NoError(m.t, err)
		require.Len(m.t, merged, len(each), "%+v", q)
		for i := range each {
			require.Equal(m.t, each[i].FunctionName, merged[i].FunctionName, "%+v", q)
			m.same(q, each[i].History, merged[i].History)
		}
	}
}

// question draws one.
func (m *mergedRuns) question() metricsstore.HistoryQuery {
	pick := func(texts ...string) string { return texts[m.random.IntN(len(texts))] }
	q := metricsstore.HistoryQuery{
		Workflow: pick("", "", "w", "v"), Function: pick("", "f", "g", "none"),
		Metric: metricsstore.Metric(pick("execute_ns", "execute_ns", "output_bytes")), Bucket: metricsstore.Bucket(pick("", "day")),
	}
	if m.random.IntN(4) == 0 {
		v := m.random.IntN(3)
		q.Version = &v
	}
	moment := func() time.Time {
		return epoch().Add(time.Duration(m.random.IntN(60)) * time.Hour).Truncate(time.Duration(1+m.random.IntN(90)) * time.Minute)
	}
	if m.random.IntN(2) == 0 {
		q.From = moment()
	}
	if m.random.IntN(2) == 0 {
		q.To = moment()
	}
	if len(m.archived) > 0 && m.random.IntN(2) == 0 {
		q.Except = m.archived[m.random.IntN(len(m.archived))].Info.ID
	}
	return q
}

func (m *mergedRuns) same(q metricsstore.HistoryQuery, want, got metricsstore.History) {
	require.Len(m.t, got.Buckets, len(want.Buckets), "%+v", q)
	for i := range want.Buckets {
		w, g := &want.Buckets[i], &got.Buckets[i]
		require.Equal(m.t, []any{w.From, w.To, w.Runs, w.N}, []any{g.From, g.To, g.Runs, g.N}, "%+v", q)
		a, err := w.Sketch.MarshalBinary()
		require.NoError(m.t, err)
		b, err := g.Sketch.MarshalBinary()
		require.NoError(m.t, err)
		require.Equal(m.t, a, b, "%+v", q)
	}
}
