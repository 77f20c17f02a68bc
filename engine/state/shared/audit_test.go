package shared_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/engine/worker"
)

// forgetful is a back end that loses the edges of one commit.
type forgetful struct {
	shared.Backend
	once sync.Once
}

func (f *forgetful) Commit(ctx context.Context, id record.RunID, calls []shared.Call) ([]ledger.Reply, error) {
	for i := range calls {
		if len(calls[i].Commit.Edges) > 0 {
			f.once.Do(func() { calls[i].Commit.Edges = nil })
		}
	}
	return f.Backend.Commit(ctx, id, calls)
}

// Should an edge ever get lost, the next audit finds it.
func TestAnAuditRepairsLostEdges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		p := w.process(nil, func(cfg *shared.Config, _ *worker.Config) { cfg.Backend = &forgetful{Backend: cfg.Backend} })
		g := engine.NewBuilder()
		graph := compile(t, g, add.Call(next.Call(engine.Const(g, 1)), next.Call(engine.Const(g, 2))))
		begun := time.Now()
		exec := w.submit(p, graph, engine.RunOptions{Rules: record.Rules{NoBecome: true}})
		w.succeed(exec, graph)
		assert.Greater(t, time.Since(begun), 40*time.Second)
		assert.Less(t, time.Since(begun), 75*time.Second)
		require.NoError(t, checkLog(graph, w.steps(exec)))
	})
}
