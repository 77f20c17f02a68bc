package redis

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	goredis "github.com/redis/go-redis/v9"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/internal/testkit/redistest"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

func archiver(t testing.TB, s metricsstore.Store) *metricsstore.Archiver {
	t.Helper()
	a, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: s, BlockSteps: 50})
	require.NoError(t, err)
	return a
}

// digests are the roll-ups of a store.
func digests(t testing.TB, s metricsstore.Store) []metricsstore.Rollup {
	t.Helper()
	rows, err := s.Rollups(t.Context(), metricsstore.RollupQuery{})
	require.NoError(t, err)
	return rows
}

// TestArchiversRace: two services on one Redis, each with its own client, store and archivers, sweep the same runs
// while late steps come. Nothing is rolled up twice and nothing is left out: the roll-ups are those of a store that
// one archiver has had to itself.
func TestArchiversRace(t *testing.T) {
	t.Run("server", func(t *testing.T) { testArchiversRace(t, redistest.Start(t)) })
	t.Run("cluster", func(t *testing.T) { testArchiversRace(t, redistest.Cluster(t)) })
}

func testArchiversRace(t *testing.T, server *redistest.Server) {
	const runs = 6
	g := graph(300)
	blocks := packed(t, enginetest.SimulateSteps(g, 5, 4), 7)
	name, alone := prefix(), memory.New()
	services := []*Store{open(t, server.Client(t), name), open(t, server.Client(t), name)}
	for i := range runs {
		h := header(record.RunID(fmt.Sprint("r", i)))
		for _, s := range []metricsstore.Store{alone, services[0]} {
			require.NoError(t, s.Begin(t.Context(), h, g.AppendShape(nil)))
			early := blocks[:len(blocks)/2]
			if s == metricsstore.Store(alone) {
				early = blocks
			}
			require.NoError(t, s.Append(t.Context(), h.Info.ID, metricsstore.Batch{Blocks: early}))
		}
	}
	var group sync.WaitGroup
	for i := range runs {
		group.Go(func() {
			for some := range slices.Chunk(blocks[len(blocks)/2:], 3) {
				assert.NoError(t, services[1].Append(t.Context(), record.RunID(fmt.Sprint("r", i)), metricsstore.Batch{Blocks: some}))
			}
		})
	}
	for i := range 4 {
		a := archiver(t, services[i%2])
		group.Go(func() {
			for range 3 {
				_, err := a.Sweep(t.Context(), time.Time{})
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
	for _, s := range []metricsstore.Store{alone, services[0]} {
		_, err := archiver(t, s).Sweep(t.Context(), time.Time{})
		require.NoError(t, err)
	}
	assert.Equal(t, digests(t, alone), digests(t, services[1]))
	for i := range runs {
		id := record.RunID(fmt.Sprint("r", i))
		want, err := alone.Run(t.Context(), id)
		require.NoError(t, err)
		got, err := services[0].Run(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, record.Succeeded, got.Status)
		assert.Equal(t, want.Counts, got.Counts)
		assert.Equal(t, want.ArchivedSeq, got.ArchivedSeq)
	}
	require.NoError(t, services[0].Check(t.Context()))
}

// slowHook holds requests back for moments, so that calls of several stores meet in every order.
type slowHook struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (s *slowHook) pause() {
	s.mu.Lock()
	d := time.Duration(0)
	if s.rng.IntN(2) == 0 {
		d = time.Duration(s.rng.IntN(2000)) * time.Microsecond
	}
	s.mu.Unlock()
	time.Sleep(d) // a real server needs real time
}

func (s *slowHook) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (s *slowHook) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		s.pause()
		return next(ctx, cmd)
	}
}

func (s *slowHook) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		s.pause()
		return next(ctx, cmds)
	}
}

// TestIndexLosesNothing: runs of the same IDs are begun, archived with changing roll-ups, deleted and compacted by
// several stores at once. Check never misses an entry of the index in between, and after Compact the index lists
// exactly what exists.
func TestIndexLosesNothing(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	server, name := redistest.Start(t), prefix()
	plain := open(t, server.Client(t), name)
	var group sync.WaitGroup
	for w := range 4 {
		client := server.Client(t)
		hook := &slowHook{rng: rand.New(rand.NewPCG(seed, uint64(w)))}
		client.AddHook(hook)
		s := open(t, client, name)
		group.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(100+w)))
			for range 150 {
				disturb(t, s, rng, fmt.Sprint("owner", w))
			}
		})
	}
	group.Go(func() {
		for range 30 {
			assert.NoError(t, plain.Check(t.Context()))
		}
	})
	group.Wait()
	require.NoError(t, plain.Check(t.Context()))
	require.NoError(t, plain.Compact(t.Context()))
	require.NoError(t, plain.Check(t.Context()))
	all, listed := read(t, plain), index(t, plain)
	assert.Len(t, listed[runsIndex], len(all.Runs))
	assert.Len(t, listed[rollupsIndex], len(all.Rollups))
}

// disturb makes one call about one of two runs. Its answer depends on what the others do.
func disturb(t *testing.T, s *Store, rng *rand.Rand, owner string) {
	ctx, run := t.Context(), record.RunID(fmt.Sprint("r", rng.IntN(2)))
	var err error
	switch rng.IntN(8) {
	case 0, 1, 2:
		err = s.Begin(ctx, header(run), []byte(owner))
	case 3, 4, 5:
		kept, missing := s.Run(ctx, run)
		if missing != nil {
			return
		}
		now := began().Add(time.Duration(rng.IntN(1000)))
		if err = s.Acquire(ctx, run, metricsstore.Lease{Owner: owner, Until: now.Add(100)}, now); err == nil {
			a := archive(run, kept.Rollup+1)
			a.Owner = owner
			for _, function := range []string{"f", "g", "h"} {
				if rng.IntN(2) == 0 {
					a.Rollups = append(a.Rollups, rollup(run, function, owner))
				}
			}
			err = s.Archive(ctx, run, a)
		}
	case 6:
		err = s.Delete(ctx, run)
	case 7:
		err = s.Compact(ctx)
	}
	if err != nil && !backend.Refused(err) {
		assert.NoError(t, err)
	}
}

// waiter reports whether a channel of Changed is closed in time.
func waiter(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	case <-time.After(20 * time.Second):
		return false
	}
}

// TestChangesAreNotified: changes by one process are reported to another one, also after its connection was lost;
// then everything counts as changed.
func TestChangesAreNotified(t *testing.T) {
	server, name := redistest.Start(t), prefix()
	proxy := redistest.NewProxy(t, server)
	options, err := goredis.ParseURL(proxy.URL())
	require.NoError(t, err)
	client := goredis.NewClient(options)
	defer func() { _ = client.Close() }()
	watching, writing := open(t, client, name), open(t, server.Client(t), name)

	ch, other := watching.Changed("r"), watching.Changed("other")
	require.NoError(t, writing.Begin(t.Context(), header("r"), nil))
	assert.True(t, waiter(ch), "begin")
	ch = watching.Changed("r")
	require.NoError(t, writing.Append(t.Context(), "r", metricsstore.Batch{Blocks: []metricsstore.Block{block(1, 2)}}))
	assert.True(t, waiter(ch), "append")
	select {
	case <-other:
		t.Error("nothing has happened to the other run")
	default:
	}
	require.NoError(t, writing.Append(t.Context(), "r", metricsstore.Batch{Blocks: []metricsstore.Block{block(1, 2)}}), "changes nothing")

	ch = watching.Changed("r")
	proxy.Cut()
	assert.True(t, waiter(other), "anything may have changed while it was not subscribed")
	assert.True(t, waiter(ch))
	ch = watching.Changed("r")
	require.NoError(t, writing.Append(t.Context(), "r", metricsstore.Batch{Blocks: []metricsstore.Block{block(3, 4)}}))
	assert.True(t, waiter(ch), "append after the connection was lost")
}

// TestFollow: a reader in another process sees a run to its end.
func TestFollow(t *testing.T) {
	server, name := redistest.Cluster(t), prefix()
	writing, reading := open(t, server.Client(t), name), open(t, server.Client(t), name)
	g := graph(200)
	steps := enginetest.SimulateSteps(g, 5, 4)
	require.NoError(t, writing.Begin(t.Context(), header("r"), g.AppendShape(nil)))
	var group sync.WaitGroup
	group.Go(func() {
		for _, b := range packed(t, steps, 20) {
			assert.NoError(t, writing.Append(t.Context(), "r", metricsstore.Batch{Blocks: []metricsstore.Block{b}}))
		}
		_, err := archiver(t, writing).Rebuild(t.Context(), "r")
		assert.NoError(t, err)
	})
	u, err := metricsstore.NewUnpacker()
	require.NoError(t, err)
	log, seen := metricsstore.NewLogReader(reading, u, "r", 0), 0
	for {
		got, err := log.Follow(t.Context())
		if err != nil {
			require.ErrorIs(t, err, io.EOF)
			break
		}
		seen += len(got)
	}
	group.Wait()
	assert.Equal(t, len(steps), seen)
}

// TestPortable: a run goes from Redis into a file and from there into another store, and back.
func TestPortable(t *testing.T) {
	client := redistest.Start(t).Client(t)
	first, second := open(t, client, prefix()), open(t, client, prefix())
	g := graph(300)
	require.NoError(t, first.Begin(t.Context(), header("r"), g.AppendShape(nil)))
	require.NoError(t, first.Append(t.Context(), "r", metricsstore.Batch{Blocks: packed(t, enginetest.SimulateSteps(g, 5, 4), 40)}))
	_, err := archiver(t, first).Rebuild(t.Context(), "r")
	require.NoError(t, err)
	var file, again bytes.Buffer
	require.NoError(t, metricsstore.WriteArchive(t.Context(), &file, first, "r"))
	p, err := metricsstore.ReadArchive(bytes.NewReader(file.Bytes()), 1<<20)
	require.NoError(t, err)
	for range 2 {
		_, err = archiver(t, second).Import(t.Context(), p)
		require.NoError(t, err)
	}
	require.NoError(t, metricsstore.WriteArchive(t.Context(), &again, second, "r"))
	assert.Equal(t, file.Bytes(), again.Bytes())
	assert.Equal(t, digests(t, first), digests(t, second))
	dropped, err := metricsstore.Retain(t.Context(), second, metricsstore.Retention{Age: time.Hour}, time.Now().AddDate(10, 0, 0))
	require.NoError(t, err)
	assert.Equal(t, []record.RunID{"r"}, dropped)
	require.NoError(t, second.Check(t.Context()))
}
