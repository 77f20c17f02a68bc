package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

func TestOpenRefuses(t *testing.T) {
	boltFile := func(t *testing.T, path, bucket string, version uint64) {
		db, err := bolt.Open(path, 0o600, nil)
		require.NoError(t, err)
		require.NoError(t, db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte(bucket))
			if err != nil || version == 0 {
				return err
			}
			return b.Put([]byte(versionKey), encodedVersion(version))
		}))
		require.NoError(t, db.Close())
	}
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, dir string) Config
		is      error
		says    []string
	}{
		{"no folder", func(*testing.T, string) Config { return Config{} }, metricsstore.ErrInvalid, []string{"Dir is empty"}},
		{"durability", func(_ *testing.T, dir string) Config { return Config{Dir: dir, Durability: 7} }, metricsstore.ErrInvalid, []string{"Durability is 7"}},
		{"newer", func(t *testing.T, dir string) Config {
			boltFile(t, filepath.Join(dir, dataFile), metaBucket, 99)
			return Config{Dir: dir}
		}, ErrVersion, []string{"format 99", "up to 3", "newer program", dataFile}},
		{"no version", func(t *testing.T, dir string) Config {
			boltFile(t, filepath.Join(dir, dataFile), metaBucket, 0)
			return Config{Dir: dir}
		}, metricsstore.ErrCorrupt, []string{"no format version"}},
		{"foreign", func(t *testing.T, dir string) Config {
			boltFile(t, filepath.Join(dir, dataFile), "accounts", 0)
			return Config{Dir: dir}
		}, metricsstore.ErrCorrupt, []string{"another program"}},
		{"not bbolt", func(t *testing.T, dir string) Config {
			require.NoError(t, os.WriteFile(filepath.Join(dir, dataFile), make([]byte, 1<<16), 0o600))
			return Config{Dir: dir}
		}, metricsstore.ErrCorrupt, []string{"not a data file"}},
		{"cut off", func(t *testing.T, dir string) Config {
			require.NoError(t, open(t, dir).Close())
			require.NoError(t, os.Truncate(filepath.Join(dir, dataFile), 1<<13))
			return Config{Dir: dir}
		}, metricsstore.ErrCorrupt, []string{dataFile, "cut off", "no run can be found"}},
		{"damaged and to be left so", func(t *testing.T, dir string) Config {
			s := open(t, dir)
			require.NoError(t, s.Begin(t.Context(), header("r", time.Now()), noise(200_000)))
			require.NoError(t, s.Close())
			require.NoError(t, os.Truncate(filepath.Join(dir, dataFile), 100_000))
			return Config{Dir: dir, KeepDamage: true}
		}, metricsstore.ErrCorrupt, []string{dataFile, "cut off at 100000"}},
		{"a file", func(t *testing.T, dir string) Config {
			path := filepath.Join(dir, "file")
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			return Config{Dir: path}
		}, nil, []string{"cannot be made", "not a directory"}},
		{"data file is a folder", func(t *testing.T, dir string) Config {
			require.NoError(t, os.Mkdir(filepath.Join(dir, dataFile), 0o700))
			return Config{Dir: dir}
		}, nil, []string{"cannot be opened for writing", dataFile, "is a directory"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := c.prepare(t, t.TempDir())
			for range 2 { // the first attempt leaves nothing locked
				_, err := Open(t.Context(), cfg)
				require.Error(t, err)
				if c.is != nil {
					require.ErrorIs(t, err, c.is)
				}
				for _, text := range c.says {
					assert.ErrorContains(t, err, text)
				}
			}
		})
	}
}

// TestHeldByAnotherProgram: a program that opens the data file itself is reported, and does not make Open hang.
func TestHeldByAnotherProgram(t *testing.T) {
	dir := t.TempDir()
	db, err := bolt.Open(filepath.Join(dir, dataFile), 0o600, nil)
	require.NoError(t, err)
	_, err = Open(t.Context(), Config{Dir: dir})
	require.ErrorContains(t, err, "held open by another program")
	require.NoError(t, db.Close())
	require.NoError(t, recorderStore(t, dir).Close())
}

// TestLeftovers: what a process leaves that was killed while it compacted or began a log does no harm.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, recorderStore(t, dir).Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, compactFile), []byte("half"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, nameFile), []byte(`{"address":"127.0.0.1:1"`), 0o600))
	old := filepath.Join(dir, logDir, "r.log-X"+newSuffix)
	require.NoError(t, os.MkdirAll(filepath.Dir(old), 0o700))
	require.NoError(t, os.WriteFile(old, nil, 0o600))
	require.NoError(t, os.Chtimes(old, time.Time{}, time.Now().Add(-2*staleNew)))
	s := recorderStore(t, dir)
	assert.True(t, s.Owns())
	require.NoError(t, s.Compact(t.Context()))
	require.NoError(t, s.Close())
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for i := range names {
		names[i] = filepath.Base(names[i])
	}
	assert.ElementsMatch(t, []string{dataFile, lockFile, logDir}, names)
	assert.NoFileExists(t, old)
}

// TestCompactShrinks: space of deleted runs is freed.
func TestCompactShrinks(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, run := range []record.RunID{"keep", "drop"} {
		h := header(run, time.Now())
		require.NoError(t, s.Begin(t.Context(), h, nil))
		var b metricsstore.Batch
		for n := range 40 {
			b.Details = append(b.Details, metricsstore.DetailRow{DetailKey: metricsstore.DetailKey{Node: dag.NodeID(n)}, Data: noise(50_000 + n)})
		}
		require.NoError(t, s.Append(t.Context(), run, b))
		require.NoError(t, s.Acquire(t.Context(), run, metricsstore.Lease{Owner: "x"}, time.Now()))
		h.Status, h.Rollup = record.Succeeded, 1
		require.NoError(t, s.Archive(t.Context(), run, metricsstore.Archive{Owner: "x", Header: h}))
	}
	size := func() int64 {
		info, err := os.Stat(filepath.Join(dir, dataFile))
		require.NoError(t, err)
		return info.Size()
	}
	require.NoError(t, s.Delete(t.Context(), "drop"))
	before := size()
	require.NoError(t, s.Compact(t.Context()))
	assert.Less(t, size(), before*2/3)
	require.NoError(t, s.Check(t.Context()))
	rows, err := s.Details(t.Context(), "keep", metricsstore.DetailKey{}, 0)
	require.NoError(t, err)
	assert.Len(t, rows, 40)
	require.NoError(t, s.Begin(t.Context(), header("after", time.Now()), nil), "it can be written on")
	require.NoError(t, s.Close())
}

// TestFailureIsAlone: a call that fails in the middle makes no other call of its transaction fail, and leaves
// nothing.
func TestFailureIsAlone(t *testing.T) {
	s := open(t, t.TempDir())
	h := s.current().(*owner)
	require.NoError(t, s.Begin(t.Context(), header("r", time.Now()), nil))
	broken := errors.New("broken")
	put := func(key string, err error) *op {
		return &op{done: make(chan error, 1), apply: func(w *write) error {
			w.dirty = true
			if put := w.tx.Bucket([]byte(adoptedBucket)).Put([]byte(key), mark()); put != nil {
				return put
			}
			return err
		}}
	}
	group := []*op{put("a", nil), put("b", broken), put("c", nil), put("d", broken)}
	require.NoError(t, h.exclusive(t.Context(), func() error { h.commit(group); return nil }))
	for i, want := range []error{nil, broken, nil, broken} {
		assert.Equal(t, want, <-group[i].done)
	}
	require.NoError(t, h.view(t.Context(), func(tx *bolt.Tx) error {
		for key, want := range map[string]bool{"a": true, "b": false, "c": true, "d": false} {
			assert.Equal(t, want, tx.Bucket([]byte(adoptedBucket)).Get([]byte(key)) != nil, key)
		}
		return nil
	}))
	require.NoError(t, s.Close())
}

// TestCheckFinds breaks the file in ways that the suite cannot.
func TestCheckFinds(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(tx *bolt.Tx, run *bolt.Bucket) error
		says   string
	}{
		{"totals", func(_ *bolt.Tx, run *bolt.Bucket) error {
			return run.Put([]byte{totalsRow}, totals{steps: 9}.encode("r"))
		}, "totals"},
		{"overlap", func(_ *bolt.Tx, run *bolt.Bucket) error {
			b := metricsstore.Block{First: 2, Last: 2}
			return run.Put(blockKey(2), b.AppendValue(nil))
		}, "empty value"},
		{"value", func(_ *bolt.Tx, run *bolt.Bucket) error { return run.Put(attachmentKey("shape"), []byte{9}) }, "begins with 09"},
		{"listed", func(tx *bolt.Tx, _ *bolt.Bucket) error {
			return tx.Bucket([]byte(runsBucket)).Put(metricsstore.Position{Started: 1, Run: "q"}.Append(nil), mark())
		}, "listed and missing"},
		{"not listed", func(tx *bolt.Tx, _ *bolt.Bucket) error {
			_, err := tx.Bucket([]byte(dataBucket)).CreateBucket([]byte("q"))
			return err
		}, "kept and not listed"},
		{"live", func(tx *bolt.Tx, _ *bolt.Bucket) error { return tx.Bucket([]byte(liveBucket)).Delete([]byte("r")) }, "listed as live: false"},
		{"roll-up", func(tx *bolt.Tx, _ *bolt.Bucket) error {
			k := metricsstore.RollupKey{Function: "f", Metric: "m", Run: "r"}
			return tx.Bucket([]byte(rollupsBucket)).Put(k.Append(nil), []byte{plainValue})
		}, "belongs to no run"},
		{"lease", func(tx *bolt.Tx, _ *bolt.Bucket) error {
			return tx.Bucket([]byte(leasesBucket)).Put([]byte("q"), []byte("{}"))
		}, "the run is missing"},
		{"kind", func(_ *bolt.Tx, run *bolt.Bucket) error { return run.Put([]byte("?"), mark()) }, "unknown kind"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			require.NoError(t, s.Begin(t.Context(), header("r", time.Now()), []byte("shape")))
			b := metricsstore.Block{First: 1, Last: 5, Data: []byte("steps")}
			require.NoError(t, s.Append(t.Context(), "r", metricsstore.Batch{Blocks: []metricsstore.Block{b}}))
			require.NoError(t, s.Check(t.Context()))
			require.NoError(t, s.current().(*owner).update(t.Context(), &op{apply: func(w *write) error {
				w.dirty = true
				return c.damage(w.tx, bucketOf(w.tx, "r"))
			}}))
			require.ErrorContains(t, s.Check(t.Context()), c.says)
			require.NoError(t, s.Close())
		})
	}
}
