package shared_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
)

// slowEnd is a back end whose waiting calls return a second after their context has ended.
type slowEnd struct {
	shared.Backend
	waiting atomic.Int32
}

func (s *slowEnd) wait() func() {
	s.waiting.Add(1)
	return func() {
		time.Sleep(time.Second)
		s.waiting.Add(-1)
	}
}

func (s *slowEnd) News(ctx context.Context, notify func(record.RunID)) error {
	defer s.wait()()
	return s.Backend.News(ctx, notify)
}

func (s *slowEnd) Log(ctx context.Context, id record.RunID, after shared.Position, limit int, wait time.Duration) ([]shared.Entry, error) {
	defer s.wait()()
	return s.Backend.Log(ctx, id, after, limit, wait)
}

// A store has no goroutine without runs and searches, and none after Close.
func TestAStoreWaitsForItsGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		var backend *slowEnd
		p := w.process(nil, func(cfg *shared.Config, _ *worker.Config) {
			backend = &slowEnd{Backend: cfg.Backend}
			cfg.Backend = backend
		})
		g := chain(t, 3)
		w.succeed(w.submit(p, g, engine.RunOptions{}), g)
		time.Sleep(time.Minute)
		require.NotZero(t, backend.waiting.Load(), "it searches for runs")
		p.stop()
		<-p.ended
		assert.Zero(t, backend.waiting.Load(), "the pool has ended, and with it the last search")

		job := jobOf(g, engine.RunOptions{})
		_, _, err := p.store.Retry(t.Context(), "no-such-run")
		require.ErrorIs(t, err, engine.ErrUnknownRun)
		assert.Zero(t, backend.waiting.Load(), "nothing was started")
		_, err = p.store.Create(t.Context(), job, state.Hooks{})
		require.NoError(t, err)
		time.Sleep(time.Second)
		require.NotZero(t, backend.waiting.Load(), "it watches the run")
		p.store.Close()
		assert.Zero(t, backend.waiting.Load())
		assert.Zero(t, p.store.Runs())
	})
}

// A search that ends waits for the runs that it follows.
func TestASearchWaitsForItsRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		watcher := w.process(nil, idle)
		w.submit(watcher, chain(t, 3), engine.RunOptions{}) // no process executes it
		var backend *slowEnd
		finder := w.process(nil, func(cfg *shared.Config, pool *worker.Config) {
			idle(cfg, pool)
			backend = &slowEnd{Backend: cfg.Backend}
			cfg.Backend = backend
		})
		ctx, stop := context.WithCancel(t.Context())
		found, ended := make(chan struct{}), make(chan error, 1)
		go func() {
			ended <- finder.store.Find(ctx, func(execution.Job, execution.Execution) { close(found) })
		}()
		<-found
		time.Sleep(time.Second)
		require.NotZero(t, backend.waiting.Load(), "it reads the log of the run")
		stop()
		require.ErrorIs(t, <-ended, context.Canceled)
		assert.Zero(t, backend.waiting.Load())
		assert.Zero(t, finder.store.Runs())
	})
}
