package redis

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/digest"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
	"github.com/dagscope/dagscope/metricsstore"
)

// keepArchived keeps the nth archive of a run that started at a moment: one value of one function.
func keepArchived(t testing.TB, s *Store, run record.RunID, at time.Time, n int, value int64) {
	t.Helper()
	h := header(run)
	h.Info.StartedAt = at
	if n == 1 {
		require.NoError(t, s.Begin(t.Context(), h, nil))
		require.NoError(t, s.Acquire(t.Context(), run, metricsstore.Lease{Owner: "me", Until: at}, at))
	}
	var sketch digest.Sketch
	sketch.Add(value)
	a := metricsstore.Archive{Owner: "me", Header: ended(h, n)}
	for _, m := range []metricsstore.Metric{metricsstore.ExecuteNS, metricsstore.QueueNS} {
		r, err := metricsstore.PackRollup(&h, metricsstore.FunctionDigest{Function: "f", Metric: m, Sketch: &sketch})
		require.NoError(t, err)
		a.Rollups = append(a.Rollups, r)
	}
	assert.NoError(t, s.Archive(t.Context(), run, a))
}

// rowsOf counts the rows of a query that allows merging.
func rowsOf(t testing.TB, s *Store, q metricsstore.RollupQuery) int {
	t.Helper()
	q.Metric, q.Merge = metricsstore.ExecuteNS, metricsstore.MergeRuns
	rows, err := s.Rollups(t.Context(), q)
	require.NoError(t, err)
	return len(rows)
}

// TestMergedIsFlat: how much is read for a history depends on its days and hardly on the number of runs.
func TestMergedIsFlat(t *testing.T) {
	s := open(t, redistest.Start(t).Client(t), prefix())
	const days, perDay = 5, 100
	for i := range days * perDay {
		keepArchived(t, s, record.RunID(fmt.Sprint("r", i)), began().Add(time.Duration(i)*24*time.Hour/perDay), 1, int64(i))
	}
	require.Equal(t, int64(days*perDay), int64(history(t, s)[0].Buckets[0].Runs))
	require.Equal(t, days+1, rowsOf(t, s, metricsstore.RollupQuery{}), "they start at noon")

	first := metricsstore.DayOf(began())
	q := metricsstore.RollupQuery{From: first, To: first + 3, StartedFrom: began().Add(time.Minute), StartedTo: (first + 3).Start()}
	require.Equal(t, 50+2, rowsOf(t, s, q), "a day in part, which is read by itself, and two whole ones")
	q.Without = "r100"
	require.Equal(t, 50+100+1, rowsOf(t, s, q), "and the day of the run that is left out")

	keepArchived(t, s, "r0", began(), 2, 1)
	require.Equal(t, days+1, rowsOf(t, s, metricsstore.RollupQuery{}), "the day of a run that was archived again is merged again")
	require.Equal(t, days*perDay, history(t, s)[0].Buckets[0].Runs)
	require.NoError(t, s.Check(t.Context()))
}

// TestMergingRaces: services merge and others archive and delete the runs of one day at the same time. What was merged is
// then what the runs have.
func TestMergingRaces(t *testing.T) {
	server := redistest.Start(t)
	name := prefix()
	const runs, archives = 6, 60
	var changing, merging sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		s := open(t, server.Client(t), name)
		s.mergeAt = 1
		merging.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, err := s.Rollups(t.Context(), metricsstore.RollupQuery{Metric: metricsstore.ExecuteNS, Merge: metricsstore.MergeRuns})
					assert.NoError(t, err)
				}
			}
		})
	}
	for i := range runs {
		s := open(t, server.Client(t), name)
		changing.Go(func() {
			run := record.RunID(fmt.Sprint("r", i))
			for n := 1; n <= archives; n++ {
				keepArchived(t, s, run, began(), n, int64(n))
			}
			if i%2 == 1 {
				assert.NoError(t, s.Delete(t.Context(), run))
			}
		})
	}
	changing.Wait()
	close(stop)
	merging.Wait()
	s := open(t, server.Client(t), name)
	s.mergeAt = 1
	got := history(t, s)
	require.Len(t, got, 1)
	assert.Equal(t, runs/2, got[0].Buckets[0].Runs)
	assert.Equal(t, float64(runs/2*archives), got[0].Buckets[0].Summary.Sum)
	require.Equal(t, 1, rowsOf(t, s, metricsstore.RollupQuery{}))
	require.NoError(t, s.Check(t.Context()))
}

// TestHistoryOfFormat1: a store of a program without a history gets one.
func TestHistoryOfFormat1(t *testing.T) {
	client, name := redistest.Start(t).Client(t), prefix()
	s := open(t, client, name)
	for i := range 50 {
		keepArchived(t, s, record.RunID(fmt.Sprint("r", i)), began(), 1, int64(i))
	}
	require.NoError(t, client.Del(t.Context(), s.historyKeys()...).Err())
	require.NoError(t, client.Set(t.Context(), s.index(formatIndex), 1, 0).Err())
	s = open(t, client, name)
	require.Equal(t, 50, history(t, s)[0].Buckets[0].Runs)
	require.Equal(t, 1, rowsOf(t, s, metricsstore.RollupQuery{}))
	require.Equal(t, "2", client.Get(t.Context(), s.index(formatIndex)).Val())
}

// before calls do once, before a script is sent.
type before struct {
	script *goredis.Script
	do     func()
	once   sync.Once
}

func (b *before) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (b *before) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

func (b *before) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		if args := cmd.Args(); len(args) > 1 && args[1] == b.script.Hash() {
			b.once.Do(b.do)
		}
		return next(ctx, cmd)
	}
}

// TestMergedBetween: another service merges a run between the announcement of a change and the change.
func TestMergedBetween(t *testing.T) {
	server := redistest.Start(t)
	for _, c := range []struct {
		name   string
		script *goredis.Script
		change func(s *Store)
		want   float64
	}{
		{"archive", archiveScript, func(s *Store) { keepArchived(t, s, "r", began(), 2, 5) }, 5 + 1},
		{"delete", deleteScript, func(s *Store) { require.NoError(t, s.Delete(t.Context(), "r")) }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			name, client := prefix(), server.Client(t)
			other := open(t, server.Client(t), name)
			other.mergeAt = 1
			keepArchived(t, other, "r", began(), 1, 3)
			keepArchived(t, other, "other", began(), 1, 1)
			history(t, other)
			merged := false
			client.AddHook(&before{script: c.script, do: func() {
				history(t, other)
				merged = true
			}})
			c.change(open(t, client, name))
			require.True(t, merged)
			assert.Equal(t, c.want, history(t, other)[0].Buckets[0].Summary.Sum)
		})
	}
}

// TestDamagedHistory: merged rows that cannot be read lose nothing, and are made anew.
func TestDamagedHistory(t *testing.T) {
	client, name := redistest.Start(t).Client(t), prefix()
	s := open(t, client, name)
	s.mergeAt = 1
	for i := range 10 {
		keepArchived(t, s, record.RunID(fmt.Sprint("r", i)), began(), 1, int64(i))
	}
	want := history(t, s)
	rows, err := client.ZRange(t.Context(), s.index(mergedIndex), 0, -1).Result()
	require.NoError(t, err)
	for _, row := range rows {
		require.NoError(t, client.ZRem(t.Context(), s.index(mergedIndex), row).Err())
		require.NoError(t, client.ZAdd(t.Context(), s.index(mergedIndex), goredis.Z{Member: row[:len(row)-3] + "xxx"}).Err())
	}
	s.mergeAt = 100
	require.Equal(t, want, history(t, s))
	require.Equal(t, 10, rowsOf(t, s, metricsstore.RollupQuery{}), "by themselves")
	s.mergeAt = 1
	require.Equal(t, want, history(t, s))
	require.Equal(t, 1, rowsOf(t, s, metricsstore.RollupQuery{}))
}
