package shared_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
)

// A store that forgets what it had acknowledged makes work be repeated, or the run fail and say why; the result is never
// wrong, and no process waits for ever.
func TestAStoreThatForgets(t *testing.T) {
	failed := 0
	for seed := range uint64(50 / seedShare) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(t)
			w.process(nil, nil)
			w.process(nil, nil)
			defer w.end()
			l := newLibrary(20 * time.Millisecond)
			w.know(l.next.Function, l.add.Function, l.upto.Function, l.sum.Function)
			g := l.graph(t, rng, 30)
			exec := w.submit(w.process(nil, idle), g, engine.RunOptions{Policy: record.Continue})
			runs, err := w.server.Connect(nil).Active(t.Context())
			require.NoError(t, err)
			time.Sleep(time.Duration(rng.Int64N(int64(200 * time.Millisecond))))
			rollBack := w.server.Save(runs[0])
			time.Sleep(time.Duration(rng.Int64N(int64(100 * time.Millisecond))))
			rollBack()
			end, value := w.await(exec)
			if end.Status == record.Succeeded {
				want, err := enginetest.Evaluate(t.Context(), g)
				require.NoError(t, err)
				assert.Equal(t, want.Result, value, "seed %d", seed)
				return
			}
			failed++
			require.NotNil(t, end.First, "seed %d", seed)
			assert.Equal(t, record.StoreError, end.First.Kind, "seed %d: %+v", seed, end.First)
		})
	}
	t.Logf("%d of %d runs failed", failed, 50/seedShare)
	assert.NotZero(t, failed, "no run has met a fan-out under another number")
}
