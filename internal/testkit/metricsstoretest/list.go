package metricsstoretest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

func lawRuns(t *testing.T, s *subject) {
	var want []record.RunID
	starts := []struct {
		id    record.RunID
		start time.Duration
	}{
		{"b", 3 * time.Hour}, {"ab", time.Hour}, {"a", time.Hour}, {"A", time.Hour}, {"z", 0}, {"y", -1}, {"old", -40 * 24 * 365 * time.Hour},
	}
	for _, i := range []int{3, 0, 6, 5, 1, 2, 4} {
		h := header(starts[i].id)
		h.Info.StartedAt = epoch().Add(starts[i].start)
		require.NoError(t, s.Begin(s.ctx, h, nil))
	}
	var positions []metricsstore.Position
	all, err := s.Runs(s.ctx, metricsstore.Position{}, 0)
	require.NoError(t, err)
	got := []record.RunID{}
	for i, r := range all {
		got, want = append(got, r.Info.ID), append(want, starts[i].id)
		positions = append(positions, r.Position())
		equal(t, s.run(r.Info.ID), r)
	}
	require.Equal(t, want, got)
	require.Len(t, want, len(starts))

	h := ended(s.run("a").Header, 1)
	s.archive(h)
	require.NoError(t, s.Delete(s.ctx, "a"))
	want = slices.DeleteFunc(want, func(id record.RunID) bool { return id == "a" })
	for i, after := range positions {
		rest := want[min(i+1, len(want)):]
		if i >= 2 { // "a" was third
			rest = want[i:]
		}
		for _, limit := range []int{0, 1, 3} {
			runs, err := s.Runs(s.ctx, after, limit)
			require.NoError(t, err)
			got := []record.RunID{}
			for _, r := range runs {
				got = append(got, r.Info.ID)
			}
			expect := rest
			if limit > 0 {
				expect = rest[:min(limit, len(rest))]
			}
			assert.Equal(t, expect, got, "Runs(after %v, limit %d)", after, limit)
		}
	}
}

func lawRollups(t *testing.T, s *subject) {
	var all []metricsstore.Rollup
	for i, id := range []record.RunID{"r0", "r1", "r2"} {
		h := header(id)
		h.Info.StartedAt = epoch().AddDate(0, 0, i)
		require.NoError(t, s.Begin(s.ctx, h, nil))
		var rows []metricsstore.Rollup
		for _, function := range []string{"f", "g", "fg"} {
			for _, metric := range []metricsstore.Metric{"m", "k"} {
				row := rollup(id, function, metric, function+string(metric)+string(id))
				row.Day = metricsstore.DayOf(h.Info.StartedAt)
				rows = append(rows, row)
			}
		}
		s.archive(ended(h, 1), rows...)
		all = append(all, rows...)
	}
	slices.SortFunc(all, func(a, b metricsstore.Rollup) int { return a.Compare(b.RollupKey) })
	day := metricsstore.DayOf(epoch())
	for _, q := range []metricsstore.RollupQuery{
		{},
		{Function: "f"},
		{Metric: "k"},
		{Function: "fg", Metric: "m"},
		{Function: "missing"},
		{From: day, To: day + 1},
		{From: day + 1, To: day + 10},
		{Function: "g", From: day, To: day + 2},
		{From: day + 10, To: day + 20},
		{Run: "r1"},
		{Run: "r1", Function: "f"},
		{Run: "r1", Metric: "k", From: day + 1, To: day + 2},
		{Run: "r1", From: day, To: day + 1},
		{Run: "missing"},
	} {
		var want []metricsstore.Rollup
		for _, row := range all {
			if q.Match(row.RollupKey) {
				want = append(want, row)
			}
		}
		equal(t, want, s.rollups(q))
		paged, page := []metricsstore.Rollup{}, q
		for page.Limit = 2; ; page.After = &paged[len(paged)-1].RollupKey {
			rows := s.rollups(page)
			if paged = append(paged, rows...); len(rows) < page.Limit {
				break
			}
		}
		equal(t, want, paged)
	}
}

// lawRollupsFarApart: what a query selects may come after any number of roll-ups that it does not.
func lawRollupsFarApart(t *testing.T, s *subject) {
	h := s.begin("r")
	var rows []metricsstore.Rollup
	for i := range 600 {
		rows = append(rows, rollup("r", "f", metricsstore.Metric(fmt.Sprintf("a%03d", i)), ""))
	}
	rows = append(rows, rollup("r", "f", "z", "last"))
	s.archive(ended(h, 1), rows...)
	for _, limit := range []int{0, 1} {
		equal(t, rows[600:], s.rollups(metricsstore.RollupQuery{Metric: "z", Limit: limit}))
		equal(t, rows[600:], s.rollups(metricsstore.RollupQuery{Run: "r", Metric: "z", Limit: limit}))
	}
}

// lawRollupKeys: names with any characters survive and never mix.
func lawRollupKeys(t *testing.T, s *subject) {
	h := s.begin("r")
	names := []string{"a", "a:b", "a/b", "a b", "a\x00", "a\x00\x01", "a\x00\x02", "\x00", "\xff\xff", "*", "ä", "a\nb", "a{b}", "-", "_", "+", "%00"}
	var rows []metricsstore.Rollup
	for _, name := range names {
		for _, version := range []int{-1, 0, 1, 256} {
			row := rollup("r", name, "m:x", name)
			row.Version = version
			rows = append(rows, row)
		}
	}
	s.archive(ended(h, 1), rows...)
	slices.SortFunc(rows, func(a, b metricsstore.Rollup) int { return a.Compare(b.RollupKey) })
	equal(t, rows, s.rollups(metricsstore.RollupQuery{}))
	for _, name := range names {
		got := s.rollups(metricsstore.RollupQuery{Function: name})
		require.Len(t, got, 4, "%q", name)
		assert.Equal(t, name, got[0].Function)
		assert.Equal(t, -1, got[0].Version)
	}
	require.NoError(t, s.Delete(s.ctx, "r"))
	assert.Empty(t, s.rollups(metricsstore.RollupQuery{}))
}
