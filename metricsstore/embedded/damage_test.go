package embedded

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// damagedHeader is a store of five runs of diamond-skip, written in format 1, in which a bit of the header of one is
// flipped.
const damagedHeader, damagedRun = "testdata/damaged-header.db.gz", record.RunID("06h2p9v4sewjj4wce92y")

func unzipped(t *testing.T, path string) string {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	z, err := gzip.NewReader(file)
	require.NoError(t, err)
	data, err := io.ReadAll(z)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, dataFile), data, 0o600))
	return dir
}

// TestDamagedHeader: a header that cannot be read hides no other run, and what else is kept of its run can be read.
func TestDamagedHeader(t *testing.T) {
	s := open(t, unzipped(t, damagedHeader))
	runs, err := s.Runs(t.Context(), metricsstore.Position{}, 0)
	require.NoError(t, err)
	require.Len(t, runs, 5)
	for i, r := range runs {
		assert.Equal(t, "diamond-skip", r.Info.Workflow, "also known by a roll-up")
		assert.Equal(t, record.Succeeded, r.Status, "also known by the end that is attached")
		assert.Equal(t, 4, r.Graph.Tasks)
		assert.Equal(t, r.Info.ID == damagedRun, r.Lacks(metricsstore.HeaderPart))
		if i > 0 {
			assert.True(t, runs[i-1].Position().Before(r.Position()))
		}
	}
	r, err := s.Run(t.Context(), damagedRun)
	require.NoError(t, err)
	assert.Equal(t, runs[4], r)
	assert.Contains(t, r.Damaged(), "header: maximum output size exceeded; 7 steps and 0 details are kept")
	q, err := metricsstore.NewQueries(s)
	require.NoError(t, err)
	page, err := q.Records(t.Context(), metricsstore.RecordQuery{Run: damagedRun})
	require.NoError(t, err)
	assert.Len(t, page.Records, 4)
	var archive bytes.Buffer
	require.NoError(t, metricsstore.WriteArchive(t.Context(), &archive, s, damagedRun))
	_, err = metricsstore.ReadArchive(&archive, 1<<20)
	require.NoError(t, err)

	require.ErrorContains(t, s.Check(t.Context()), string(damagedRun))
	require.NoError(t, s.Annotate(t.Context(), damagedRun, metricsstore.Annotation{Tags: []string{"a"}}))
	require.NoError(t, s.Delete(t.Context(), damagedRun))
	require.NoError(t, s.Check(t.Context()))
	require.NoError(t, s.Close())
}

// TestDamagedRows: whatever row of a run is damaged, the others are listed and written to, the archiver and retention
// continue with them, and it can be deleted.
func TestDamagedRows(t *testing.T) {
	put := func(bucket string, key, value []byte) func(tx *bolt.Tx) error {
		return func(tx *bolt.Tx) error {
			b := bucketOf(tx, "b")
			if bucket != "" {
				b = tx.Bucket([]byte(bucket))
			}
			return b.Put(key, value)
		}
	}
	for _, c := range []struct {
		name   string
		damage func(tx *bolt.Tx) error
		part   metricsstore.Part // as which it is listed
	}{
		{"header", put("", []byte{headerRow}, []byte{9}), metricsstore.HeaderPart},
		{"header of another", func(tx *bolt.Tx) error {
			return bucketOf(tx, "b").Put([]byte{headerRow}, bucketOf(tx, "a").Get([]byte{headerRow}))
		}, metricsstore.HeaderPart},
		{"no header", func(tx *bolt.Tx) error { return bucketOf(tx, "b").Delete([]byte{headerRow}) }, metricsstore.HeaderPart},
		{"annotation", put("", []byte{annotationRow}, []byte("{")), metricsstore.AnnotationPart},
		{"totals", put("", []byte{totalsRow}, []byte{0x80}), ""},
		{"block", put("", blockKey(1), []byte{0x80}), ""},
		{"detail", put("", []byte{detailRow, 1}, []byte{0}), ""},
		{"worker", put("", workerKey(0, 1), []byte{0x80}), ""},
		{"shape", put("", attachmentKey("shape"), []byte{7}), ""},
		{"end", put("", attachmentKey("end"), nil), ""},
		{"roll-up", func(tx *bolt.Tx) error {
			return rows(bucketOf(tx, "b"), rollupRow, func(k, _ []byte) (bool, error) {
				return false, tx.Bucket([]byte(rollupsBucket)).Put(k[1:], []byte{3})
			})
		}, ""},
		{"lease", put(leasesBucket, []byte("b"), []byte("{")), ""},
		{"listed and missing", func(tx *bolt.Tx) error { return tx.Bucket([]byte(dataBucket)).DeleteBucket([]byte("b")) }, metricsstore.RecordsPart},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			for i, run := range []record.RunID{"a", "b", "c"} {
				recordSmall(t, s, run, i)
			}
			require.NoError(t, s.Check(t.Context()))
			require.NoError(t, s.current().(*owner).update(t.Context(), &op{apply: func(w *write) error {
				w.dirty = true
				return c.damage(w.tx)
			}}))
			require.Error(t, s.Check(t.Context()))
			runs, err := s.Runs(t.Context(), metricsstore.Position{}, 0)
			require.NoError(t, err)
			require.Len(t, runs, 3)
			for _, r := range runs {
				assert.Equal(t, r.Info.ID == "b" && c.part != "", r.Lacks(c.part), r.Damaged())
			}
			q, err := metricsstore.NewQueries(s)
			require.NoError(t, err)
			h, err := q.History(t.Context(), metricsstore.HistoryQuery{Metric: metricsstore.ExecuteNS})
			require.NoError(t, err)
			assert.Equal(t, c.name == "roll-up", h.Damaged == 1)
			a, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: s})
			require.NoError(t, err)
			_, err = a.Sweep(t.Context(), time.Time{})
			require.NoError(t, err)
			recordSmall(t, s, "d", 3)
			if c.part == metricsstore.AnnotationPart {
				deleted, err := metricsstore.Retain(t.Context(), s, metricsstore.Retention{Count: 1}, time.Now())
				require.NoError(t, err)
				assert.ElementsMatch(t, []record.RunID{"a", "c"}, deleted, "the tags of b might say that it be kept")
			}
			require.NoError(t, s.Delete(t.Context(), "b"))
			require.ErrorIs(t, s.Delete(t.Context(), "b"), metricsstore.ErrNotFound)
			require.NoError(t, s.Check(t.Context()))
			require.NoError(t, s.Close())
		})
	}
}

// recordSmall records a small run to its end.
func recordSmall(t *testing.T, s *Store, run record.RunID, n int) {
	t.Helper()
	g := graph(3 + n)
	h := header(run, began().Add(time.Duration(n)*time.Minute))
	require.NoError(t, s.Begin(t.Context(), h, g.AppendShape(nil)))
	blocks, err := blocksOf(g, 1000)
	require.NoError(t, err)
	detail := metricsstore.DetailRow{Data: fmt.Appendf(nil, "detail of %s", run)}
	require.NoError(t, s.Append(t.Context(), run, metricsstore.Batch{Blocks: blocks, Details: []metricsstore.DetailRow{detail}}))
	a, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: s})
	require.NoError(t, err)
	_, err = a.Rebuild(t.Context(), run)
	require.NoError(t, err)
}
