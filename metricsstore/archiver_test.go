package metricsstore_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

func pack(t testing.TB, steps []record.Step, n int) []metricsstore.Block {
	t.Helper()
	p, err := metricsstore.NewPacker()
	require.NoError(t, err)
	var out []metricsstore.Block
	for part := range slices.Chunk(steps, n) {
		out = append(out, p.Pack(part))
	}
	return out
}

// beginDead begins a run whose recorder is gone.
func beginDead(t testing.TB, s metricsstore.Store, id record.RunID, g *dag.Graph) {
	t.Helper()
	require.NoError(t, s.Begin(t.Context(), metricsstore.Header{Info: info(id), Status: record.Running}, g.AppendShape(nil)))
}

func TestRebuildInterrupted(t *testing.T) {
	g, steps := simulated(t, 5, 200)
	s := memory.New()
	beginDead(t, s, "r", g)
	cut := len(steps) - 40
	require.NoError(t, s.Append(t.Context(), "r", metricsstore.Batch{Blocks: pack(t, steps[:cut], 30)}))
	row, err := metricsstore.PackDetail(0, &record.Detail{Node: 1, Attempt: 1})
	require.NoError(t, err)
	require.NoError(t, s.Append(t.Context(), "r", metricsstore.Batch{Details: []metricsstore.DetailRow{row}}))

	started := mustRun(t, s, "r").Info.StartedAt
	done, err := archiver(t, s).Sweep(t.Context(), started)
	require.NoError(t, err)
	assert.Empty(t, done, "its recorder may be about to take the lease")
	imported := metricsstore.Header{Info: info("i"), Status: record.Running, AddedAt: started.Add(time.Hour)}
	require.NoError(t, s.Begin(t.Context(), imported, g.AppendShape(nil)))
	done, err = archiver(t, s).Sweep(t.Context(), started.Add(time.Hour))
	require.NoError(t, err)
	assert.Equal(t, []record.RunID{"r"}, done, "the other one is being imported, although it started long ago")
	got := mustRun(t, s, "r")
	fold := metricsstore.NewFold(g)
	require.NoError(t, fold.Steps(steps[:cut]))
	assert.Equal(t, record.Interrupted, got.Status)
	assert.Equal(t, fold.Counts(), got.Counts)
	assert.Equal(t, uint64(cut), got.ArchivedSeq)
	assert.Equal(t, int64(1), got.Upload.DetailsKept)
	assert.Equal(t, began().Add(time.Duration(fold.Counts().LastEnd)), got.EndedAt)

	again, err := archiver(t, s).Sweep(t.Context(), started.Add(time.Hour))
	require.NoError(t, err)
	assert.Empty(t, again, "once is enough")

	// The rest comes late.
	require.NoError(t, s.Append(t.Context(), "r", metricsstore.Batch{Blocks: pack(t, steps[cut:], 30)}))
	h, err := archiver(t, s).Rebuild(t.Context(), "r")
	require.NoError(t, err)
	assert.Equal(t, 2, h.Rollup)
	assert.Equal(t, record.Succeeded, h.Status, "the log contains the end now")
	whole := memory.New()
	recordRun(t, whole, info("r"), g, steps, 512)
	assert.Equal(t, rollups(t, whole), rollups(t, s))
	assert.Equal(t, mustRun(t, whole, "r").Counts, mustRun(t, s, "r").Counts)
}

// TestExactlyOnce: the same records, delivered one to five times in random order of batches by several writers while
// an archiver sweeps from time to time, give the same bits as one orderly recording.
func TestExactlyOnce(t *testing.T) {
	g, steps := simulated(t, 9, 1500)
	want := memory.New()
	recordRun(t, want, info("r"), g, steps, 512)
	blocks := pack(t, steps, 37)
	rapid.Check(t, func(rt *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		s := memory.New()
		beginDead(t, s, "r", g)
		var deliveries []metricsstore.Block
		for _, b := range blocks {
			for range 1 + rng.IntN(5) {
				deliveries = append(deliveries, b)
			}
		}
		rng.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
		var writers sync.WaitGroup
		for part := range slices.Chunk(deliveries, len(deliveries)/3+1) {
			writers.Go(func() {
				for batch := range slices.Chunk(part, 4) {
					assert.NoError(t, s.Append(t.Context(), "r", metricsstore.Batch{Blocks: batch}))
				}
			})
		}
		early, err := archiver(t, s).Rebuild(t.Context(), "r")
		require.NoError(rt, err)
		writers.Wait()
		last, err := archiver(t, s).Rebuild(t.Context(), "r")
		require.NoError(rt, err)
		require.GreaterOrEqual(rt, last.Rollup, early.Rollup)
		require.Equal(rt, record.Succeeded, last.Status)
		require.Equal(rt, rollups(t, want), rollups(t, s))
		require.Equal(rt, mustRun(t, want, "r").Counts, mustRun(t, s, "r").Counts)
		require.NoError(rt, s.Check(t.Context()))
	})
}

// TestArchiversRace: of several archivers at once none undoes what another did.
func TestArchiversRace(t *testing.T) {
	g, steps := simulated(t, 5, 200)
	s := memory.New()
	beginDead(t, s, "r", g)
	require.NoError(t, s.Append(t.Context(), "r", metricsstore.Batch{Blocks: pack(t, steps, 30)}))
	var group sync.WaitGroup
	for range 8 {
		a := archiver(t, s)
		group.Go(func() {
			if _, err := a.Rebuild(t.Context(), "r"); err != nil {
				assert.ErrorIs(t, err, metricsstore.ErrLease)
			}
		})
	}
	group.Wait()
	got := mustRun(t, s, "r")
	assert.Equal(t, 1, got.Rollup)
	assert.Equal(t, uint64(len(steps)), got.ArchivedSeq)
}

func TestRebuildWithGap(t *testing.T) {
	g, steps := simulated(t, 5, 200)
	s := memory.New()
	beginDead(t, s, "r", g)
	blocks := pack(t, steps, 30)
	require.NoError(t, s.Append(t.Context(), "r", metricsstore.Batch{Blocks: slices.Concat(blocks[:2], blocks[3:])}))
	h, err := archiver(t, s).Rebuild(t.Context(), "r")
	require.NoError(t, err)
	assert.Equal(t, uint64(60), h.ArchivedSeq, "the log ends at the first gap")
	assert.Equal(t, record.Interrupted, h.Status)
	require.NoError(t, s.Append(t.Context(), "r", metricsstore.Batch{Blocks: blocks[2:3]}))
	h, err = archiver(t, s).Rebuild(t.Context(), "r")
	require.NoError(t, err)
	assert.Equal(t, uint64(len(steps)), h.ArchivedSeq)
	assert.Equal(t, record.Succeeded, h.Status)
}

func TestRebuildDamaged(t *testing.T) {
	g, steps := simulated(t, 5, 200)
	for name, damage := range map[string]func(blocks []metricsstore.Block) (shape []byte, seq uint64){
		"block": func(blocks []metricsstore.Block) ([]byte, uint64) {
			blocks[2].Data[len(blocks[2].Data)/2] ^= 1
			return g.AppendShape(nil), 60
		},
		"shape":       func([]metricsstore.Block) ([]byte, uint64) { return []byte("no shape"), 0 },
		"other graph": func([]metricsstore.Block) ([]byte, uint64) { return nested(t, 1).AppendShape(nil), 1 },
	} {
		t.Run(name, func(t *testing.T) {
			s, blocks := memory.New(), pack(t, steps, 30)
			shape, seq := damage(blocks)
			require.NoError(t, s.Begin(t.Context(), metricsstore.Header{Info: info("r"), Status: record.Running}, shape))
			require.NoError(t, s.Append(t.Context(), "r", metricsstore.Batch{Blocks: blocks}))
			done, err := archiver(t, s).Sweep(t.Context(), time.Time{})
			require.ErrorIs(t, err, metricsstore.ErrCorrupt)
			assert.Empty(t, done)
			got := mustRun(t, s, "r")
			assert.Equal(t, record.Interrupted, got.Status, "it does not stay live for ever")
			assert.NotEmpty(t, got.Damage)
			assert.GreaterOrEqual(t, got.ArchivedSeq, seq)
			assert.Less(t, got.ArchivedSeq, uint64(len(steps)))
			_, err = archiver(t, s).Sweep(t.Context(), time.Time{})
			require.NoError(t, err, "reported once")
		})
	}
}

func TestRetain(t *testing.T) {
	g, steps := simulated(t, 5, 20)
	fill := func() *memory.Store {
		s := memory.New()
		for n, id := range []record.RunID{"r0", "r1", "r2", "r3"} { // r0 is the oldest
			i := info(id)
			i.StartedAt = began().Add(time.Duration(n) * time.Hour)
			r := recorder(t, metricsstore.Config{Store: s})
			require.NoError(t, r.Begin(i, g))
			r.Steps(id, steps)
			if id == "r1" {
				continue // still live
			}
			end := succeeded()
			end.EndedAt = i.StartedAt.Add(time.Second)
			require.NoError(t, r.End(id, end))
		}
		return s
	}
	size := mustRun(t, fill(), "r0").Bytes
	live := mustRun(t, fill(), "r1").Bytes
	now := began().Add(4 * time.Hour)
	for _, c := range []struct {
		name   string
		keep   metricsstore.Retention
		pinned record.RunID
		want   []record.RunID
	}{
		{"everything", metricsstore.Retention{}, "", nil},
		{"age", metricsstore.Retention{Age: 90 * time.Minute}, "", []record.RunID{"r2", "r0"}},
		{"age, just", metricsstore.Retention{Age: 4*time.Hour - time.Second}, "", nil},
		{"age, pinned", metricsstore.Retention{Age: time.Minute}, "r0", []record.RunID{"r3", "r2"}},
		{"count", metricsstore.Retention{Count: 1}, "", []record.RunID{"r2", "r0"}},
		{"count, the live one counts", metricsstore.Retention{Count: 3}, "", []record.RunID{"r0"}},
		{"bytes", metricsstore.Retention{Bytes: 2*size + live}, "", []record.RunID{"r0"}},
		{"nothing", metricsstore.Retention{None: true}, "", []record.RunID{"r3", "r2", "r0"}},
		{"nothing but what is pinned", metricsstore.Retention{None: true}, "r2", []record.RunID{"r3", "r0"}},
		{"no bytes", metricsstore.Retention{Bytes: 1}, "", []record.RunID{"r3", "r2", "r0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { retain(t, fill(), c.keep, c.pinned, now, c.want) })
		})
	}
}

// retain expects the runs to be added, by the clock of a bubble, long before they start.
func retain(t *testing.T, s *memory.Store, keep metricsstore.Retention, pinned record.RunID, now time.Time, want []record.RunID) {
	if pinned != "" {
		require.NoError(t, s.Annotate(t.Context(), pinned, metricsstore.Annotation{Tags: []string{metricsstore.KeepTag}}))
	}
	dropped, err := metricsstore.Retain(t.Context(), s, keep, now)
	require.NoError(t, err)
	assert.Equal(t, want, dropped)
	runs, err := s.Runs(t.Context(), metricsstore.Position{}, 0)
	require.NoError(t, err)
	assert.Len(t, runs, 4-len(want))
	require.NoError(t, s.Check(t.Context()))
}

// TestRetainImported: a run that was just imported stays, whenever it ran, and is deleted like others later.
func TestRetainImported(t *testing.T) {
	g, steps := simulated(t, 5, 20)
	s := memory.New()
	r := recorder(t, metricsstore.Config{Store: s})
	i := info("old")
	i.StartedAt = time.Unix(0, 0)
	require.NoError(t, r.Begin(i, g))
	r.Steps("old", steps)
	end := succeeded()
	end.EndedAt = i.StartedAt.Add(time.Second)
	require.NoError(t, r.End("old", end))
	i.ID, i.StartedAt = "recent", time.Now().Add(-time.Hour) // it began before the other one was imported
	require.NoError(t, r.Begin(i, g))
	r.Steps("recent", steps)
	end.EndedAt = i.StartedAt.Add(time.Second)
	require.NoError(t, r.End("recent", end))

	for _, c := range []struct {
		keep  metricsstore.Retention
		after time.Duration
		want  []record.RunID
	}{
		{metricsstore.Retention{Age: 24 * time.Hour}, time.Hour, nil},
		{metricsstore.Retention{Count: 2}, time.Hour, nil},
		{metricsstore.Retention{Age: 24 * time.Hour}, 25 * time.Hour, []record.RunID{"recent", "old"}},
	} {
		dropped, err := metricsstore.Retain(t.Context(), s, c.keep, time.Now().Add(c.after))
		require.NoError(t, err)
		assert.Equal(t, c.want, dropped)
	}
}
