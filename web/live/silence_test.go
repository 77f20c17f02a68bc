package live_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/web/live"
)

// stuck never returns the summary of one of the runs, once that is set.
type stuck struct {
	live.Runs
	run   record.RunID
	armed atomic.Bool
}

func (s *stuck) Summary(ctx context.Context, run record.RunID) (json.RawMessage, error) {
	if run == s.run && s.armed.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return s.Runs.Summary(ctx, run)
}

// TestStuckRun: a run whose summary takes for ever does not delay clients that watch another.
func TestStuckRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		runs := &stuck{run: "a"}
		s := serve(t, store, func(c *live.Config) { runs.Runs, c.Runs = c.Runs, runs })
		recordRun(t, store, "a", 10)
		recordRun(t, store, "b", 10)
		a, b := s.watch("a"), s.watch("b")
		a.await("subscribed")
		b.await("subscribed")
		runs.armed.Store(true)
		time.Sleep(time.Second)
		s.runs.note("b", "changed")
		start := time.Now()
		b.await("run")
		assert.Less(t, time.Since(start), time.Second)
		a.cut()
		b.cut()
		s.stop()
	})
}

// TestSilentStore: clients, including later ones, learn that the store does not answer, and that it answers again.
func TestSilentStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		var silent atomic.Int64
		s := serve(t, store, func(c *live.Config) {
			c.Silent = func() (time.Time, bool) { return time.Unix(silent.Load(), 0), silent.Load() != 0 }
		})
		recordRun(t, store, "r", 10)
		v := s.watch("r")
		v.await("subscribed")
		assert.NotContains(t, v.texts, "store", "it answers, as it has all the time")
		silent.Store(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).Unix())
		v.await("store")
		assert.Equal(t, "2026-05-01T12:00:00Z", v.last["silent_since"])
		later := s.watch("r")
		later.await("store")
		assert.Equal(t, "2026-05-01T12:00:00Z", later.last["silent_since"])
		silent.Store(0)
		for _, one := range []*viewer{v, later} {
			one.await("store")
			assert.Nil(t, one.last["silent_since"])
			one.cut()
		}
		s.stop()
	})
}
