package metricsstoretest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/metricsstore"
)

// equal compares results of a store; nil and empty lists are the same.
func equal(t testing.TB, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("-want +got:\n%s", d)
	}
}

func lawArchive(t *testing.T, s *subject) {
	h := s.begin("r")
	a := metricsstore.Archive{
		Owner: "me", Header: ended(h, 1), Rollups: []metricsstore.Rollup{rollup("r", "f", "m", "1"), rollup("r", "g", "m", "2")},
		Attachments: map[string][]byte{metricsstore.AttachEnd: []byte("end"), metricsstore.AttachShape: []byte("new shape")},
	}
	require.ErrorIs(t, s.Archive(s.ctx, "r", a), metricsstore.ErrLease, "no owner has the lease")
	s.acquire("r", "other")
	require.ErrorIs(t, s.Archive(s.ctx, "r", a), metricsstore.ErrLease, "another owner has the lease")
	equal(t, h, s.run("r").Header)
	require.NoError(t, s.Release(s.ctx, "r", "other"))
	require.NoError(t, s.Acquire(s.ctx, "r", metricsstore.Lease{Owner: "me", Until: epoch()}, epoch()))
	require.NoError(t, s.Archive(s.ctx, "r", a), "an expired lease that no other owner took still counts")
	equal(t, a.Header, s.run("r").Header)
	equal(t, a.Rollups, s.rollups(metricsstore.RollupQuery{}))
	for name, want := range a.Attachments {
		got, err := s.Attachment(s.ctx, "r", name)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got))
	}
}

func lawArchiveAgain(t *testing.T, s *subject) {
	h := s.begin("r")
	first := s.archive(ended(h, 1), rollup("r", "f", "m", "1"), rollup("r", "gone", "m", "2"))
	for range 3 {
		require.NoError(t, s.Archive(s.ctx, "r", first), "the same again")
	}
	skipped := first
	skipped.Header = ended(h, 3)
	require.ErrorIs(t, s.Archive(s.ctx, "r", skipped), metricsstore.ErrStale)

	s.archive(ended(h, 2), rollup("r", "f", "m", "3"), rollup("r", "new", "m", "4"))
	require.NoError(t, s.Archive(s.ctx, "r", first), "an older one again")
	equal(t, ended(h, 2), s.run("r").Header)
	equal(t, []metricsstore.Rollup{rollup("r", "f", "m", "3"), rollup("r", "new", "m", "4")}, s.rollups(metricsstore.RollupQuery{}))
	shape, err := s.Attachment(s.ctx, "r", metricsstore.AttachShape)
	require.NoError(t, err)
	assert.Equal(t, "shape of r", string(shape), "what is not named stays")
}

func lawArchiveBlocks(t *testing.T, s *subject) {
	h := s.begin("r")
	s.append("r", metricsstore.Batch{Blocks: []metricsstore.Block{block(1, 2), block(3, 4), block(5, 6), block(9, 9)}})
	s.acquire("r", "archiver")
	a := metricsstore.Archive{Owner: "archiver", Header: ended(h, 1), Blocks: []metricsstore.Block{block(2, 6)}}
	require.ErrorIs(t, s.Archive(s.ctx, "r", a), metricsstore.ErrConflict, "half of a block")
	equal(t, h, s.run("r").Header)
	a.Blocks = []metricsstore.Block{block(1, 5), block(6, 6)}
	require.NoError(t, s.Archive(s.ctx, "r", a))
	assert.Equal(t, []string{"1-5", "6-6", "9-9"}, s.log("r", 0, 0))
	got := s.run("r")
	assert.Equal(t, uint64(9), got.LastSeq)
	assert.Equal(t, uint64(7), got.Steps)
	s.append("r", metricsstore.Batch{Blocks: []metricsstore.Block{block(3, 4), block(5, 6)}})
	assert.Equal(t, []string{"1-5", "6-6", "9-9"}, s.log("r", 0, 0), "blocks that were replaced come late")
}

func lawAnnotate(t *testing.T, s *subject) {
	h := s.begin("r")
	want := metricsstore.Annotation{Tags: []string{"ä", "b c"}, Note: "slow,\nbut why?"}
	require.NoError(t, s.Annotate(s.ctx, "r", want))
	s.archive(ended(h, 1))
	equal(t, want, s.run("r").Annotation)
	require.NoError(t, s.Annotate(s.ctx, "r", metricsstore.Annotation{}))
	equal(t, metricsstore.Annotation{}, s.run("r").Annotation)
	equal(t, ended(h, 1), s.run("r").Header)
}

func lawLease(t *testing.T, s *subject) {
	s.begin("r")
	acquire := func(owner string, until, now time.Duration) error {
		return s.Acquire(s.ctx, "r", metricsstore.Lease{Owner: owner, Until: epoch().Add(until)}, epoch().Add(now))
	}
	require.NoError(t, acquire("a", 10, 0))
	require.ErrorIs(t, acquire("b", 20, 0), metricsstore.ErrLease)
	require.ErrorIs(t, acquire("b", 20, 9), metricsstore.ErrLease)
	require.NoError(t, acquire("a", 15, 5), "extended")
	require.ErrorIs(t, acquire("b", 30, 10), metricsstore.ErrLease)
	require.NoError(t, acquire("b", 30, 15), "expired")
	require.ErrorIs(t, acquire("a", 40, 20), metricsstore.ErrLease)
	require.NoError(t, s.Release(s.ctx, "r", "a"), "not the owner")
	require.ErrorIs(t, acquire("a", 40, 20), metricsstore.ErrLease)
	require.NoError(t, acquire("b", 21, 20), "shortened")
	require.NoError(t, acquire("a", 40, 21))
	require.NoError(t, s.Release(s.ctx, "r", "a"))
	require.NoError(t, s.Release(s.ctx, "r", "a"), "no owner has it")
	require.NoError(t, acquire("b", 50, 22))
}

func lawDelete(t *testing.T, s *subject) {
	h := s.begin("r")
	s.begin("other")
	s.append("r", metricsstore.Batch{
		Blocks: []metricsstore.Block{block(1, 2)}, Details: []metricsstore.DetailRow{detail(1, 1, "a")}, Workers: []metricsstore.WorkerRow{{Worker: 1}},
	})
	require.ErrorIs(t, s.Delete(s.ctx, "r"), metricsstore.ErrLive)
	s.archive(ended(h, 1), rollup("r", "f", "m", "1"))
	other := s.archive(ended(header("other"), 1), rollup("other", "f", "m", "2"))
	require.NoError(t, s.Delete(s.ctx, "r"))
	require.ErrorIs(t, s.Delete(s.ctx, "r"), metricsstore.ErrNotFound)
	require.ErrorIs(t, s.Append(s.ctx, "r", metricsstore.Batch{}), metricsstore.ErrNotFound, "a late batch does not bring it back")
	equal(t, other.Rollups, s.rollups(metricsstore.RollupQuery{}))
	require.NoError(t, s.Check(s.ctx))

	s.begin("r")
	assert.Empty(t, s.log("r", 0, 0))
	rows, err := s.Details(s.ctx, "r", metricsstore.DetailKey{}, 0)
	require.NoError(t, err)
	assert.Empty(t, rows)
	workers, err := s.Workers(s.ctx, "r")
	require.NoError(t, err)
	assert.Empty(t, workers)
	assert.Equal(t, int64(len("shape of r")), s.run("r").Bytes)
	require.NoError(t, s.Acquire(s.ctx, "r", metricsstore.Lease{Owner: "new", Until: epoch()}, epoch()), "the lease is gone too")
}

func lawBytes(t *testing.T, s *subject) {
	h := s.begin("r")
	want := len("shape of r")
	assert.Equal(t, int64(want), s.run("r").Bytes)
	batch := metricsstore.Batch{
		Blocks: []metricsstore.Block{block(1, 2)}, Details: []metricsstore.DetailRow{detail(1, 1, "four")},
		Workers: []metricsstore.WorkerRow{{Worker: 1, Rank: 1, Data: []byte("12345678")}},
	}
	want += len(block(1, 2).Data) + 4 + 8
	for range 2 {
		s.append("r", batch)
		assert.Equal(t, int64(want), s.run("r").Bytes)
	}
	s.append("r", metricsstore.Batch{Workers: []metricsstore.WorkerRow{{Worker: 1, Rank: 2, Data: []byte("1")}}})
	want -= 7
	s.archive(ended(h, 1), rollup("r", "f", "m", "123"))
	want += 3 + len("end")
	assert.Equal(t, int64(want), s.run("r").Bytes)
	s.archive(ended(h, 2))
	assert.Equal(t, int64(want-3), s.run("r").Bytes)
}
