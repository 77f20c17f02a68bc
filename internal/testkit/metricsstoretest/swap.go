package metricsstoretest

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// swapper is the store as a Swapper, nil if it cannot be one; then it is only closed.
func (s *subject) swapper() metricsstore.Swapper {
	s.t.Helper()
	sw, ok := s.Store.(metricsstore.Swapper)
	if !ok || errors.Is(sw.Swap(s.ctx, wholeRun(header("probe"))), errors.ErrUnsupported) {
		s.t.Log("the store cannot swap runs")
		return nil
	}
	return sw
}

// wholeRun is a run with one row of each kind.
func wholeRun(h metricsstore.Header) *metricsstore.WholeRun {
	r := rollup(h.Info.ID, "f", metricsstore.ExecuteNS, "of the new one")
	r.Day = metricsstore.DayOf(h.Info.StartedAt)
	return &metricsstore.WholeRun{
		Header:      ended(h, 1),
		Attachments: map[string][]byte{metricsstore.AttachShape: []byte("new shape"), metricsstore.AttachEnd: []byte("new end")},
		Batch: metricsstore.Batch{
			Blocks: []metricsstore.Block{block(1, 5)}, Details: []metricsstore.DetailRow{detail(1, 1, "new")},
			Workers: []metricsstore.WorkerRow{{Worker: 1, Rank: 1, Data: []byte("new")}},
		},
		Rollups: []metricsstore.Rollup{r},
	}
}

// lawSwap puts a run in the place of none, of a longer one that began at another time, and of a live one.
func lawSwap(t *testing.T, s *subject) {
	sw := s.swapper()
	if sw == nil {
		return
	}
	h := s.begin("r")
	require.ErrorIs(t, sw.Swap(s.ctx, wholeRun(h)), metricsstore.ErrLive)
	s.append("r", metricsstore.Batch{
		Blocks: []metricsstore.Block{block(1, 5), block(6, 9)}, Details: []metricsstore.DetailRow{detail(1, 1, "old"), detail(2, 1, "old")},
		Workers: []metricsstore.WorkerRow{{Worker: 1, Rank: 2, Data: []byte("old")}, {Worker: 2, Rank: 2, Data: []byte("old")}},
	})
	s.archive(ended(h, 1), rollup("r", "f", metricsstore.ExecuteNS, "old"), rollup("r", "g", metricsstore.ExecuteNS, "old"))
	s.archive(ended(h, 2), rollup("r", "f", metricsstore.ExecuteNS, "old"), rollup("r", "g", metricsstore.ExecuteNS, "old"))
	require.NoError(t, s.Annotate(s.ctx, "r", metricsstore.Annotation{Note: "look", Tags: []string{"mine"}}))
	later := h
	later.Info.StartedAt, later.AddedAt = epoch().Add(-48*time.Hour), epoch().Add(time.Hour)
	want := wholeRun(later)
	for range 2 { // a repetition changes nothing
		require.NoError(t, sw.Swap(s.ctx, want))
		s.isWhole(t, want, h.AddedAt)
	}
	fresh := header("fresh")
	require.NoError(t, sw.Swap(s.ctx, wholeRun(fresh)))
	got := s.run("fresh")
	assert.Equal(t, fresh.AddedAt, got.AddedAt)
	assert.Equal(t, fresh.Info.Tags, got.Annotation.Tags)
	require.NoError(t, s.Acquire(s.ctx, "fresh", metricsstore.Lease{Owner: "next", Until: epoch().Add(time.Hour)}, epoch()), "no lease is left")
	assert.Equal(t, []record.RunID{"probe", "fresh", "r"}, s.listed())
}

// isWhole asserts that what is kept is a whole run, with the annotation of what was kept before.
func (s *subject) isWhole(t *testing.T, want *metricsstore.WholeRun, added time.Time) {
	t.Helper()
	got := s.run("r")
	header := want.Header
	header.AddedAt = added
	assert.Equal(t, header, got.Header)
	assert.Equal(t, metricsstore.Annotation{Note: "look", Tags: []string{"mine"}}, got.Annotation)
	assert.Equal(t, []string{"1-5"}, s.log("r", 0, 0))
	details, err := s.Details(s.ctx, "r", metricsstore.DetailKey{}, 0)
	require.NoError(t, err)
	assert.Equal(t, want.Batch.Details, details)
	workers, err := s.Workers(s.ctx, "r")
	require.NoError(t, err)
	assert.Equal(t, want.Batch.Workers, workers)
	assert.Equal(t, want.Rollups, s.rollups(metricsstore.RollupQuery{Run: "r"}))
	for name, data := range want.Attachments {
		kept, err := s.Attachment(s.ctx, "r", name)
		require.NoError(t, err)
		assert.Equal(t, data, kept)
	}
}

// listed lists the IDs of all runs, the latest first.
func (s *subject) listed() (ids []record.RunID) {
	s.t.Helper()
	runs, err := s.Runs(s.ctx, metricsstore.Position{}, 0)
	require.NoError(s.t, err)
	for i := range runs {
		ids = append(ids, runs[i].Info.ID)
	}
	return ids
}
