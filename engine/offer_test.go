package engine_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
)

// TestOffer: each call replaces what the one before added, and one that is refused changes nothing.
func TestOffer(t *testing.T) {
	pool, err := worker.New(worker.Config{State: memory.New(), Width: 1})
	require.NoError(t, err)
	own := &engine.Workflow{Name: "own"}
	e, err := engine.New(engine.Config{Executor: pool, Workflows: []*engine.Workflow{own}})
	require.NoError(t, err)
	first, second := &engine.Workflow{Name: "first"}, &engine.Workflow{Name: "second"}

	require.NoError(t, e.Offer([]*engine.Workflow{first}))
	assert.Equal(t, []*engine.Workflow{own, first}, e.Workflows())
	require.NoError(t, e.Offer([]*engine.Workflow{second}))
	assert.Equal(t, []*engine.Workflow{own, second}, e.Workflows())
	_, err = e.Workflow("first")
	require.ErrorIs(t, err, engine.ErrUnknownWorkflow)

	require.EqualError(t, e.Offer([]*engine.Workflow{first, {Name: "own"}}), `engine: two workflows are named "own", expected one name each`)
	same := engine.Func1("f", func(_ context.Context, n int) (int, error) { return n, nil })
	other := engine.Func1("f", func(_ context.Context, n string) (string, error) { return n, nil })
	err = e.Offer([]*engine.Workflow{{Name: "a", Functions: []*engine.Function{same.Function}}, {Name: "b", Functions: []*engine.Function{other.Function}}})
	require.ErrorContains(t, err, `"f"`)
	assert.Equal(t, []*engine.Workflow{own, second}, e.Workflows())
	w, err := e.Workflow("second")
	require.NoError(t, err)
	assert.Same(t, second, w)
}
