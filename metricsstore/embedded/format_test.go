package embedded

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/metricsstore"
)

// TestFormat2: a file of format 2, in which nothing has a seal, is read and written to, and nothing in it counts as
// damaged.
func TestFormat2(t *testing.T) {
	dir := unzipped(t, "testdata/format2.db.gz") // 39 runs, merged
	s := open(t, dir)
	require.NoError(t, s.Check(t.Context()))
	runs := allRuns(t, s)
	require.Len(t, runs, 39)
	assert.Equal(t, []string{"keep"}, runs[0].Annotation.Tags)
	attempts, steps := int64(0), uint64(0)
	for _, r := range runs {
		assert.Empty(t, r.Damaged())
		attempts += r.Counts.Attempts
		steps += r.Steps
		assert.NotEmpty(t, contents(t, s, r.Info.ID))
	}
	assert.EqualValues(t, 721, attempts)
	assert.NotZero(t, steps)
	q, err := metricsstore.NewQueries(s)
	require.NoError(t, err)
	history := func(runs int, n uint64) {
		t.Helper()
		h, err := q.History(t.Context(), metricsstore.HistoryQuery{Metric: metricsstore.ExecuteNS})
		require.NoError(t, err)
		require.Len(t, h.Buckets, 1)
		assert.Equal(t, runs, h.Buckets[0].Runs)
		assert.Equal(t, n, h.Buckets[0].N)
	}
	history(39, 721)
	require.NoError(t, s.Annotate(t.Context(), runs[0].Info.ID, metricsstore.Annotation{Note: "a note"}))
	require.NoError(t, s.Delete(t.Context(), runs[1].Info.ID)) // one of four tasks
	recordSmall(t, s, "new", 1)
	history(39, 721-4+5)
	require.NoError(t, s.Check(t.Context()))
	require.NoError(t, s.current().(*owner).view(t.Context(), func(tx *bolt.Tx) error {
		v, err := readVersion(tx.Bucket([]byte(metaBucket)).Get([]byte(versionKey)))
		assert.EqualValues(t, formatVersion, v)
		return err
	}))
	require.NoError(t, s.Close())
}

// TestFlippedVersion: a bit of the version of the format, or of what it is called, costs nothing.
func TestFlippedVersion(t *testing.T) {
	t.Parallel()
	for _, version := range []uint64{2, formatVersion} {
		key := []byte(versionKey)
		value := encodedVersion(version)
		if version <= lastUnsealed {
			value = value[:len(value)-sealLen]
		}
		for bit := range 8 * (len(key) + len(value)) {
			row := append(append([]byte(nil), key...), value...)
			row[bit/8] ^= 1 << (bit % 8)
			if version == 2 && bit >= 8*len(key) && row[len(key)] <= lastUnsealed && row[len(key)] > 0 {
				continue
			}
			dir := t.TempDir()
			s := open(t, dir)
			recordSmall(t, s, "r", 1)
			require.NoError(t, s.current().(*owner).update(t.Context(), &op{apply: func(w *write) error {
				w.dirty = true
				meta := w.tx.Bucket([]byte(metaBucket))
				if err := meta.Delete(key); err != nil {
					return err
				}
				return meta.Put(row[:len(key)], row[len(key):])
			}}))
			require.NoError(t, s.Close())
			s = open(t, dir)
			require.NoError(t, s.Check(t.Context()), "bit %d", bit)
			require.Len(t, allRuns(t, s), 1)
			require.Empty(t, allRuns(t, s)[0].Damaged())
			require.NoError(t, s.Close())
		}
	}
}

// TestFlippedValue: whatever bit of the value of a row is flipped, reading it fails, or returns what was kept.
func TestFlippedValue(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	recordSmall(t, s, "r", 1)
	require.NoError(t, s.Annotate(t.Context(), "r", metricsstore.Annotation{Tags: []string{"a"}, Note: "short"}))
	d := s.current().(*owner)
	sound, logged := print(t, s, allRuns(t, s)[0]), contents(t, s, "r")
	values := map[string][]byte{}
	require.NoError(t, d.view(t.Context(), func(tx *bolt.Tx) error {
		return bucketOf(tx, "r").ForEach(func(k, v []byte) error {
			values[string(k)] = append([]byte(nil), v...)
			return nil
		})
	}))
	put := func(key string, value []byte) {
		require.NoError(t, d.update(t.Context(), &op{apply: func(w *write) error {
			w.dirty = true
			return bucketOf(w.tx, "r").Put([]byte(key), value)
		}}))
	}
	for key, value := range values {
		if key[0] == rollupRow { // a mark
			continue
		}
		for bit := range 8 * len(value) {
			flipped := append([]byte(nil), value...)
			flipped[bit/8] ^= 1 << (bit % 8)
			put(key, flipped)
			r := allRuns(t, s)[0]
			now, log := print(t, s, r), contents(t, s, "r")
			require.False(t, r.Damaged() == "" && now != sound && !isDamage(now), "bit %d of %q: %s", bit, key, now)
			require.True(t, log == logged || log == "", "bit %d of %q", bit, key)
			require.Error(t, s.Check(t.Context()), "bit %d of %q", bit, key)
		}
		put(key, value)
	}
	require.NoError(t, s.Check(t.Context()))
	require.NoError(t, s.Close())
}

// isDamage reports whether a print says that a run is damaged.
func isDamage(print string) bool {
	return strings.HasPrefix(print, "damaged: ") || strings.HasPrefix(print, "listed as damaged: ")
}
