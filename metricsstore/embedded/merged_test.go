package embedded

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/digest"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// keepArchived keeps archived runs of one function that started at given moments, named by prefix and number.
func keepArchived(t testing.TB, s *Store, prefix string, starts ...time.Time) {
	t.Helper()
	for i, at := range starts {
		h := header(record.RunID(fmt.Sprintf("%s%d", prefix, i)), at)
		require.NoError(t, s.Begin(t.Context(), h, nil))
		h.Status, h.EndedAt, h.Rollup = record.Succeeded, at.Add(time.Second), 1
		a := metricsstore.Archive{Owner: "me", Header: h}
		for _, m := range []metricsstore.Metric{metricsstore.ExecuteNS, metricsstore.QueueNS} {
			var sketch digest.Sketch
			sketch.Add(int64(i) * int64(len(m)))
			r, err := metricsstore.PackRollup(&h, metricsstore.FunctionDigest{Function: "f", Metric: m, Sketch: &sketch})
			require.NoError(t, err)
			a.Rollups = append(a.Rollups, r)
		}
		require.NoError(t, s.Acquire(t.Context(), h.Info.ID, metricsstore.Lease{Owner: "me", Until: at.Add(time.Hour)}, at))
		require.NoError(t, s.Archive(t.Context(), h.Info.ID, a))
	}
}

// every gives n moments, some time apart.
func every(step time.Duration, n int) (out []time.Time) {
	for i := range n {
		out = append(out, began().Add(time.Duration(i)*step))
	}
	return out
}

func allMerged() metricsstore.RollupQuery {
	return metricsstore.RollupQuery{Metric: metricsstore.ExecuteNS, Function: "f", Merge: metricsstore.MergeRuns}
}

// merged counts the rows of a query and the runs that they stand for.
func merged(t testing.TB, s *Store, q metricsstore.RollupQuery) (rows, runs int) {
	t.Helper()
	got, err := s.Rollups(t.Context(), q)
	require.NoError(t, err)
	for i := range got {
		d, err := got[i].Unpack()
		require.NoError(t, err)
		runs += d.Runs
	}
	return len(got), runs
}

// TestMergedIsFlat: how much is read for a history hardly depends on the number of runs.
func TestMergedIsFlat(t *testing.T) {
	s := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	keepArchived(t, s, "a", every(time.Second, 700)...)
	rows, runs := merged(t, s, allMerged())
	require.Equal(t, 700, runs)
	require.Less(t, rows, looseAtRead+1, "one hour")

	keepArchived(t, s, "b", every(time.Hour, 1200)...)
	rows, runs = merged(t, s, allMerged())
	require.Equal(t, 1900, runs)
	require.Less(t, rows, 60, "fifty days of 24 hours, and loose ones")

	q := allMerged()
	q.StartedFrom, q.StartedTo = began().AddDate(0, 0, 10).Add(time.Minute), began().AddDate(0, 0, 20).Add(time.Minute)
	rows, runs = merged(t, s, q)
	require.Less(t, rows, 9+2*24+1, "nine days, and the hours of two")
	require.GreaterOrEqual(t, runs, 240)

	q.Without = "b300"
	rows, without := merged(t, s, q)
	require.Less(t, rows, 9+3*24+1)
	require.LessOrEqual(t, without, runs)
	require.NoError(t, s.Check(t.Context()))
}

// TestHistoryOfAnOldFile: a file without a history, as earlier versions wrote, gets one when it is opened.
func TestHistoryOfAnOldFile(t *testing.T) {
	for name, change := range map[string]func(*bolt.Tx) error{
		"format 1": func(tx *bolt.Tx) error {
			if err := tx.DeleteBucket([]byte(historyBucket)); err != nil {
				return err
			}
			return tx.Bucket([]byte(metaBucket)).Put([]byte(versionKey), binary.AppendUvarint(nil, 1))
		},
		"saved": func(tx *bolt.Tx) error { // with a bucket that was made without its contents
			if err := tx.DeleteBucket([]byte(historyBucket)); err != nil {
				return err
			}
			_, err := tx.CreateBucket([]byte(historyBucket))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			keepArchived(t, s, "a", every(time.Minute, 200)...)
			require.NoError(t, s.Begin(t.Context(), header("live", began()), nil))
			require.NoError(t, s.Close())
			changeFile(t, dir, change)
			s = open(t, dir)
			require.NoError(t, s.Check(t.Context()))
			rows, runs := merged(t, s, allMerged())
			require.Equal(t, 200, runs)
			require.Less(t, rows, 8)
			require.NoError(t, s.Check(t.Context()))
			require.NoError(t, s.Close())
		})
	}
}

// changeFile changes the data file of a closed store.
func changeFile(t testing.TB, dir string, f func(*bolt.Tx) error) {
	t.Helper()
	db, err := bolt.Open(filepath.Join(dir, dataFile), 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(f))
	require.NoError(t, db.Close())
}

// TestDamagedCells: damage in merged roll-ups is noticed, read from the runs, and merged anew.
func TestDamagedCells(t *testing.T) {
	for name, kinds := range map[string]string{"hours": "h", "days": "d", "both": "hd"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			keepArchived(t, s, "a", every(time.Minute, 600)...)
			want, runs := merged(t, s, allMerged())
			require.Equal(t, 600, runs)
			require.NoError(t, s.Close())
			changeFile(t, dir, func(tx *bolt.Tx) error { return spoilCells(tx, kinds) })
			s = open(t, dir)
			for range 3 {
				_, runs := merged(t, s, allMerged())
				require.Equal(t, 600, runs)
				q := allMerged()
				q.StartedTo = began().Add(9*time.Hour + 30*time.Minute) // by hours
				_, runs = merged(t, s, q)
				require.Equal(t, 600, runs, "those of the last hour are given one by one, whenever they started")
			}
			rows, _ := merged(t, s, allMerged())
			require.Equal(t, want, rows, "merged anew")
			require.NoError(t, s.Check(t.Context()))
			require.NoError(t, s.Close())
		})
	}
}

// spoilCells flips a bit in each cell of some kinds of spans.
func spoilCells(tx *bolt.Tx, kinds string) error {
	b := tx.Bucket([]byte(historyBucket))
	spoiled := map[string][]byte{}
	for _, kind := range []byte(kinds) {
		prefix := []byte{cellRow, kind}
		err := scan(b.Cursor(), prefix, prefix, func(k, v []byte) (bool, error) {
			v = append([]byte(nil), v...)
			v[len(v)-1] ^= 4
			spoiled[string(k)] = v
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	for k, v := range spoiled {
		if err := b.Put([]byte(k), v); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkMergedHistory asks for a statistic over many runs.
func BenchmarkMergedHistory(b *testing.B) {
	for _, n := range []int{1000, 3000, 9000} {
		s := open(b, b.TempDir())
		keepArchived(b, s, "a", every(20*time.Second, n)...)
		q, err := metricsstore.NewQueries(s)
		require.NoError(b, err)
		for name, merge := range map[string]bool{"merged": true, "plain": false} {
			b.Run(fmt.Sprintf("runs=%d/%s", n, name), func(b *testing.B) {
				for b.Loop() {
					if merge {
						_, err = q.History(b.Context(), metricsstore.HistoryQuery{Metric: metricsstore.ExecuteNS})
					} else {
						_, err = s.Rollups(b.Context(), metricsstore.RollupQuery{Metric: metricsstore.ExecuteNS})
					}
					require.NoError(b, err)
				}
			})
		}
		require.NoError(b, s.Close())
	}
}
