package app

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// TestHousekeeping: runs whose process is gone are archived, and those beyond the limits deleted, at once and a minute
// later.
func TestHousekeeping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		b := engine.NewBuilder()
		graph, err := b.Compile(engine.Func1("f", func(_ context.Context, n int) (int, error) { return n, nil }).Call(engine.Const(b, 1)))
		require.NoError(t, err)
		begin := func(n int) {
			info := record.RunInfo{ID: record.RunID(fmt.Sprint("r", n)), Workflow: "w", StartedAt: time.Now().Add(time.Duration(n) * time.Second)}
			require.NoError(t, store.Begin(t.Context(), metricsstore.Header{Info: info, Status: record.Running}, graph.AppendShape(nil)))
		}
		listed := func() (out []string) {
			require.NoError(t, eachRun(t.Context(), store, func(r *metricsstore.Run) bool {
				out = append(out, fmt.Sprint(r.Info.ID, " ", r.Status))
				return true
			}))
			return out
		}
		archiver, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: store})
		require.NoError(t, err)
		var log bytes.Buffer
		k := housekeeping{
			store: store, archiver: archiver, live: &liveRuns{home: &home{}}, keep: metricsstore.Retention{Count: 1},
			log: slog.New(slog.NewTextHandler(&log, nil)), since: time.Now(),
		}
		for n := range 3 {
			begin(n - 10)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- k.Run(ctx) }()
		synctest.Wait()
		assert.Equal(t, []string{"r-8 interrupted"}, listed())
		begin(1)
		time.Sleep(2*tidyEvery + time.Second)
		assert.Equal(t, []string{"r1 interrupted"}, listed())
		stop()
		require.NoError(t, <-ended)
		assert.Contains(t, log.String(), "archived runs whose process is gone")
		assert.Contains(t, log.String(), "deleted runs beyond the limits")
	})
}

// TestHousekeepingLeavesFirstRuns: a run that the service begins before its housekeeping has looked for the first time, and
// whose lease is not held yet, is not taken for one whose process is gone.
func TestHousekeepingLeavesFirstRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		archiver, err := metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: store})
		require.NoError(t, err)
		k := housekeeping{store: store, archiver: archiver, live: &liveRuns{home: &home{}}, log: slog.New(slog.DiscardHandler), since: time.Now()}
		time.Sleep(time.Millisecond)
		h := metricsstore.Header{Info: record.RunInfo{ID: "first", Workflow: "w", StartedAt: time.Now()}, Status: record.Running}
		b := engine.NewBuilder()
		graph, err := b.Compile(engine.Func0("f", func(context.Context) (int, error) { return 1, nil }).Call(b))
		require.NoError(t, err)
		require.NoError(t, store.Begin(t.Context(), h, graph.AppendShape(nil)))
		time.Sleep(time.Millisecond)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- k.Run(ctx) }()
		synctest.Wait()
		kept, err := store.Run(t.Context(), "first")
		require.NoError(t, err)
		assert.Equal(t, record.Running, kept.Status)
		stop()
		require.NoError(t, <-ended)
	})
}
