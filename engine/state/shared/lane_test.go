package shared

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

// idleRun is a run of two tasks whose goroutine is not started, without a back end.
func idleRun(t *testing.T) *run {
	t.Helper()
	f := engine.Func1("f", func(_ context.Context, n int) (int, error) { return n, nil })
	b := engine.NewBuilder()
	g, err := b.Compile(f.Call(f.Call(engine.Const(b, 1))))
	require.NoError(t, err)
	s, err := New(Config{Backend: noBackend{}})
	require.NoError(t, err)
	r := newRun(s, execution.Job{Info: record.RunInfo{ID: "r"}, Graph: g}, Stored{Status: record.Running}, noHooks)
	r.spawn = func(func(context.Context)) bool { return true }
	r.enter = func() {}
	r.Enter(func() record.WorkerRecord { return record.WorkerRecord{} })
	return r
}

// noBackend is a back end that only answers Costs.
type noBackend struct{ Backend }

func (noBackend) Costs() Costs { return Costs{} }

// A fetch under a lost claim fails at once, and leaves nothing that others would wait for.
func TestAFetchWithoutASessionFailsAtOnce(t *testing.T) {
	r := idleRun(t)
	in := &inputSet{nodes: []dag.NodeID{0}, outs: make([]*member.Value, 1)}
	waits := r.fetcher.request(in, false)
	<-waits[0].done
	require.ErrorIs(t, waits[0].err, errFenced)
	assert.Empty(t, r.fetcher.fetches)
	r.session.id = "s"
	again := r.fetcher.request(in, false)
	assert.NotSame(t, waits[0], again[0])
	assert.Len(t, r.fetcher.fetches, 1)
}

// When a lane finds nothing long after the store had nothing, the run asks for work again.
func TestAStarvingLaneRequestsWork(t *testing.T) {
	r := idleRun(t)
	r.session.id = "s"
	r.appetite = dry
	r.state.Occupy()
	requested := 0
	r.starved = func() { requested++ }
	l := r.Lane(0)
	_, ok := l.Claim()
	assert.False(t, ok)
	assert.Equal(t, 1, requested)
}
