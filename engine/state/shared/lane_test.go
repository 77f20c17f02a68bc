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
	r.controls.r = r
	r.spawn = func(func(context.Context)) bool { return true }
	r.self, r.entered = func() record.WorkerRecord { return record.WorkerRecord{} }, true
	return r
}

// noBackend is a back end that only answers Costs.
type noBackend struct{ Backend }

func (noBackend) Costs() Costs { return Costs{} }

// A fetch under a lost claim fails at once, and leaves nothing that others would wait for.
func TestAFetchWithoutASessionFailsAtOnce(t *testing.T) {
	r := idleRun(t)
	in := &inputSet{nodes: []dag.NodeID{0}, outs: make([]*member.Value, 1)}
	waits := r.request(in, false)
	<-waits[0].done
	require.ErrorIs(t, waits[0].err, errFenced)
	assert.Empty(t, r.fetches)
	r.session.id = "s"
	again := r.request(in, false)
	assert.NotSame(t, waits[0], again[0])
	assert.Len(t, r.fetches, 1)
}

// When a lane finds nothing long after the store had nothing, the run asks for work again.
func TestAStarvingLaneRequestsWork(t *testing.T) {
	r := idleRun(t)
	r.session.id = "s"
	r.dry = true
	r.state.Occupy()
	l := r.Lane(0)
	assert.Empty(t, r.store.workWanted)
	_, ok := l.Claim()
	assert.False(t, ok)
	assert.Len(t, r.store.workWanted, 1)
}
