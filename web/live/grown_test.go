package live_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// growRun keeps a recording of so many tasks, in place of what is kept under the ID.
func growRun(t *testing.T, store *memory.Store, tasks int, until time.Time) {
	t.Helper()
	g := wide(t, tasks, nothing)
	i := info("grows")
	i.Origin = &record.Origin{System: "test", Digest: fmt.Sprint(tasks), GrowsUntil: until}
	c := &metricsstore.Collector{}
	require.NoError(t, c.Begin(i, g))
	c.Steps(i.ID, enginetest.SimulateSteps(g, 1, 3))
	require.NoError(t, c.End(i.ID, record.RunEnd{Status: record.Interrupted, EndedAt: began().Add(time.Second)}))
	require.NoError(t, store.Swap(t.Context(), c.Run()))
}

// TestARunThatGrows: a viewer of a recording hears at once that a longer one has taken its place, and continues with it.
func TestARunThatGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		until := time.Now().Add(time.Minute)
		growRun(t, store, 10, until)
		s := serve(t, store, nil)
		v := s.watch("grows")
		v.awaitEnd()
		for tasks := 20; tasks <= 60; tasks += 20 {
			if tasks == 60 {
				until = time.Time{}
			}
			before := v.incarnation
			at := time.Now()
			growRun(t, store, tasks, until)
			v.await("error")
			assert.Equal(t, 410.0, v.last["problem"].(map[string]any)["status"])
			assert.Less(t, time.Since(at), 50*time.Millisecond)
			v.cut()
			v = s.watch("grows")
			v.awaitEnd()
			assert.NotEqual(t, before, v.incarnation)
			s.requireSame(v, "grows")
		}
		synctest.Wait()
		assert.Zero(t, s.hub.Stats().Following, "nothing more is expected")
		v.cut()
		s.stop()
	})
}

// TestARunThatDoesNotGrowAnyMore: when its time is over, the run is not waited for.
func TestARunThatDoesNotGrowAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		growRun(t, store, 10, time.Now().Add(time.Minute))
		s := serve(t, store, nil)
		v := s.watch("grows")
		v.awaitEnd()
		synctest.Wait()
		assert.Equal(t, 1, s.hub.Stats().Following)
		for range 7 { // of 10 s
			v.await("heartbeat")
		}
		synctest.Wait()
		assert.Zero(t, s.hub.Stats().Following)
		v.cut()
		s.stop()
	})
}
