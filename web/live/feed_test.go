package live_test

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/metricsstore/runtable"
	"github.com/dagscope/dagscope/web/live"
)

// TestResumeElsewhere: a viewer continues with its cursor at another hub over the same store, as after a restart of the
// service; with a cursor of another run it starts over.
func TestResumeElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		first := serve(t, store, nil)
		r := recordRun(t, store, "r", 300)
		r.more(100)
		v := first.watch("r")
		v.await("frame")
		first.stop()
		second := serve(t, store, nil)
		r.more(100)
		v.resume(second, "r")
		v.await("frame")
		assert.Equal(t, 1, v.snapshots)
		assert.Equal(t, uint64(200), v.copy.Seq())
		v.cut()
		v.incarnation = "another"
		v.resume(second, "r")
		v.await("frame")
		assert.Equal(t, 2, v.snapshots)
		v.cut()
		r.end()
		v.resume(second, "r")
		v.awaitEnd()
		second.requireSame(v, "r")
		assert.Equal(t, 2, v.snapshots)
		v.cut()
		second.stop()
	})
}

// TestCursorOfTheFuture: if a log has lost steps that a viewer has seen, it is sent again from the start.
func TestCursorOfTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		r := recordRun(t, store, "r", 300)
		r.more(200)
		v := s.watch("r")
		v.await("frame")
		v.cut()
		other := memory.New()
		s = serve(t, other, nil)
		late := recordRun(t, other, "r", 300)
		late.more(50)
		v.resume(s, "r")
		v.await("frame")
		assert.Equal(t, 2, v.snapshots)
		assert.Equal(t, uint64(50), v.copy.Seq())
		v.cut()
		r.end()
		late.end()
		s.stop()
	})
}

// TestInterrupted: a run whose process died ends for its viewers when another process archives it, though its log does
// not say how; attempts that were active are lost.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		r := recordRun(t, store, "r", 300)
		r.more(120)
		v := s.watch("r")
		v.await("frame")
		r.interrupt()
		v.awaitEnd()
		s.requireSame(v, "r")
		assert.Equal(t, v.copy.End(), v.copy.Now())
		for v.status != "interrupted" {
			v.await("run")
		}
		v.cut()
		s.stop()
	})
}

// TestSummaryOfEndedRun: a note on an ended run reaches the clients that watch it.
func TestSummaryOfEndedRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		recordRun(t, store, "r", 10).end()
		v := s.watch("r")
		v.awaitEnd()
		for range 3 {
			v.await("heartbeat")
		}
		s.runs.note("r", "look here")
		v.await("run")
		assert.Equal(t, "look here", v.last["run"].(map[string]any)["note"])
		v.cut()
		s.stop()
	})
}

// TestReplacedAndDeleted: viewers get an error when the run that they watch no longer exists.
func TestReplacedAndDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		r := recordRun(t, store, "r", 10)
		r.end()
		v := s.watch("r")
		v.awaitEnd()
		again := info("r")
		again.Revision = 1
		require.NoError(t, store.Begin(t.Context(), metricsstore.Header{Info: again, Status: record.Running}, r.graph.AppendShape(nil)))
		v.await("error")
		assert.Equal(t, 410.0, v.last["problem"].(map[string]any)["status"])
		v.subscribe("r")
		v.await("frame")
		assert.Equal(t, 2, v.snapshots)
		assert.False(t, v.copy.Ended())
		v.cut()

		recordRun(t, store, "gone", 10).end()
		v = s.watch("gone")
		v.awaitEnd()
		require.NoError(t, store.Delete(t.Context(), "gone"))
		v.await("error")
		assert.Equal(t, 404.0, v.last["problem"].(map[string]any)["status"])
		v.cut()
		s.stop()
	})
}

// TestFeedsAreKept: a live run is followed for a while after its last viewer has left; tables of ended runs stay as
// long as there is room.
func TestFeedsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, func(c *live.Config) { c.CacheRows = 250 })
		r := recordRun(t, store, "live", 100)
		r.more(50)
		v := s.watch("live")
		v.await("frame")
		v.cut()
		time.Sleep(4 * time.Second)
		assert.Equal(t, 1, s.hub.Stats().Following)
		v.resume(s, "live")
		v.await("frame")
		v.cut()
		time.Sleep(4 * time.Second)
		assert.Equal(t, 1, s.hub.Stats().Following, "a client came back meanwhile")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Zero(t, s.hub.Stats().Feeds)
		r.end()
		for i := range 4 {
			id := record.RunID(fmt.Sprintf("ended-%d", i))
			recordRun(t, store, id, 100).end()
			v := s.watch(id)
			v.awaitEnd()
			v.cut()
			synctest.Wait()
		}
		stats := s.hub.Stats()
		assert.Equal(t, 2, stats.Feeds)
		assert.LessOrEqual(t, stats.Rows, 250)
		encoded := stats.Encoded
		v = s.watch("ended-3")
		v.awaitEnd()
		s.requireSame(v, "ended-3")
		v.cut()
		assert.Equal(t, encoded, s.hub.Stats().Encoded, "its frame was kept, too")
		s.stop()
	})
}

// TestRunsTopic: the list of runs contains what changed and nothing else, and is not requested while no client watches
// it.
func TestRunsTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		recordRun(t, store, "a", 10).end()
		b := recordRun(t, store, "b", 10)
		time.Sleep(time.Minute)
		assert.Zero(t, s.runs.calls())
		v := s.open()
		v.say(map[string]any{"type": "subscribe", "channel": 2, "topic": "runs"})
		runs := func() (ids []string) {
			v.await("runs")
			for _, r := range v.last["runs"].([]any) {
				ids = append(ids, r.(map[string]any)["run"].(string))
			}
			return ids
		}
		assert.ElementsMatch(t, []string{"a", "b"}, runs())
		before := len(v.texts)
		time.Sleep(4 * time.Second)
		b.end()
		changed := time.Now()
		assert.Equal(t, []string{"b"}, runs())
		assert.LessOrEqual(t, time.Since(changed), 500*time.Millisecond)
		assert.Len(t, v.texts, before+1, "nothing came while nothing changed")
		assert.LessOrEqual(t, s.runs.calls(), 12)
		v.cut()
		time.Sleep(time.Second)
		calls := s.runs.calls()
		time.Sleep(time.Minute)
		assert.Equal(t, calls, s.runs.calls())
		s.stop()
	})
}

// TestUnreadableRun: a damaged log of an ended run is shown as far as it can be read.
func TestUnreadableRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s := serve(t, store, nil)
		r := recordRun(t, store, "r", 100)
		r.more(60)
		bad := metricsstore.Block{First: 61, Last: 70, Data: []byte("nonsense")}
		require.NoError(t, store.Append(t.Context(), "r", metricsstore.Batch{Blocks: []metricsstore.Block{bad}}))
		v := s.watch("r")
		v.await("error")
		assert.Equal(t, 500.0, v.last["problem"].(map[string]any)["status"])
		v.cut()
		a, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: store})
		require.NoError(t, err)
		time.Sleep(time.Minute)
		_, err = a.Rebuild(t.Context(), "r")
		require.ErrorIs(t, err, metricsstore.ErrCorrupt)
		v = s.watch("r")
		v.awaitEnd()
		assert.Equal(t, uint64(60), v.copy.Seq())
		v.cut()
		s.stop()
	})
}

// TestStalledMemory: a viewer that does not read costs far less than 1 MiB, however much happens meanwhile.
func TestStalledMemory(t *testing.T) {
	const stalled = 20
	grown := func(viewers int) (bytes int64) {
		store := memory.New()
		s := serve(t, store, nil)
		r := recordRun(t, store, "r", 20_000)
		var all []*viewer
		before := inUse()
		for range stalled {
			r.more(1000)
			if len(all) < viewers {
				v := s.watch("r")
				v.await("subscribed")
				all = append(all, v)
			}
		}
		fast := s.watch("r")
		for fast.copy.Seq() < uint64(r.done) {
			_, err := fast.read()
			require.NoError(t, err)
		}
		fast.copy = runtable.Copy{}
		bytes = inUse() - before
		for _, v := range append(all, fast) {
			v.cut()
		}
		r.end()
		s.stop()
		return bytes
	}
	grown(1)
	without := grown(0)
	each := (grown(stalled) - without) / stalled
	t.Logf("%d KiB for each stalled viewer, both ends of its socket included", each>>10)
	assert.Less(t, each, int64(1<<20))
}

// inUse is the memory of heap and stacks.
func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
