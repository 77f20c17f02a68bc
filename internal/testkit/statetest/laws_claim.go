package statetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

func idIsTakenOnce(t *testing.T, store state.Store) {
	job := newJob(chainOf(1), engine.RunOptions{})
	_, err := store.Create(t.Context(), job, state.Hooks{})
	require.NoError(t, err)
	_, err = store.Create(t.Context(), job, state.Hooks{})
	require.ErrorIs(t, err, execution.ErrRunExists)
}

func emptyRunEnds(t *testing.T, store state.Store) {
	s := begin(t, store, build(func(g *engine.Builder, _ library) engine.AnyRef { return engine.Const(g, 7) }), engine.RunOptions{}, 1)
	s.awaitDone()
	s.finish()
	_, value := s.run.End()
	require.Equal(t, 7, value)
}

func rootsAreReady(t *testing.T, store state.Store) {
	g := build(func(g *engine.Builder, lib library) engine.AnyRef {
		a, b := lib.next.Call(engine.Const(g, 1)), lib.next.Call(engine.Const(g, 2))
		return engine.List(g, lib.add.Call(a, b), lib.next.Call(engine.Const(g, 3)))
	})
	s := begin(t, store, g, engine.RunOptions{}, 4)
	require.Equal(t, 3, s.run.Ready())
	var got []dag.NodeID
	for i := range 3 {
		got = append(got, s.mustClaim(i).Node)
	}
	require.ElementsMatch(t, g.Roots(), got)
	s.mustNotClaim(3)
	s.finish()
}

func claimIsExclusive(t *testing.T, store state.Store) {
	s := begin(t, store, chainOf(2), engine.RunOptions{}, 2)
	c := s.mustClaim(0)
	require.Equal(t, uint16(1), c.Attempt)
	s.mustNotClaim(1)
	s.finish()
}

func tokensNeverRepeat(t *testing.T, store state.Store) {
	s := begin(t, store, chainOf(1), engine.RunOptions{}, 2)
	for i := range 20 { // take compares with all tokens before
		s.mustClaim(i % 2)
		s.check(s.release(s.seats[i%2]))
	}
	s.finish()
}

func readyWhenAllFinished(t *testing.T, store state.Store) {
	s := begin(t, store, forkOf(3), engine.RunOptions{}, 3)
	s.mustClaim(0)
	s.ends(0, record.OutcomeOK, false)
	for i := range 3 {
		s.mustClaim(i)
	}
	s.ends(2, record.OutcomeOK, true)
	s.ends(0, record.OutcomeOK, true)
	s.mustNotClaim(2)
	s.ends(1, record.OutcomeOK, true)
	require.True(t, s.seats[1].held, "the last parent makes the child ready")
	s.finish()
}

func strandIsWhole(t *testing.T, store state.Store) {
	s := begin(t, store, chainOf(5), engine.RunOptions{}, 1)
	s.mustClaim(0)
	s.check(s.complete(s.seats[0], record.OutcomeOK, 3, true))
	require.Equal(t, 3, s.run.Progress().Done)
	require.Equal(t, dag.NodeID(3), s.seats[0].claim.Node)
	s.check(s.complete(s.seats[0], record.OutcomeRetrying, 2, true))
	require.Equal(t, 4, s.run.Progress().Done, "the end before the failed one counts")
	s.finish()
}

func lostClaimIsStale(t *testing.T, store state.Store) {
	s := begin(t, store, chainOf(2), engine.RunOptions{}, 2)
	c := s.mustClaim(0)
	s.check(s.abandon(s.seats[0], record.OutcomeRetrying))
	require.NoError(t, s.unblock())
	again := s.mustClaim(1)
	require.Equal(t, c.Node, again.Node)
	require.Equal(t, uint16(2), again.Attempt)
	s.check(s.late(s.seats[0], c.Node))
	require.Zero(t, s.run.Progress().Done, "nothing of it is applied")
	s.ends(1, record.OutcomeOK, false)
	s.finish()
}

func releaseCountsNothing(t *testing.T, store state.Store) {
	s := begin(t, store, chainOf(1), engine.RunOptions{}, 2)
	s.mustClaim(0)
	s.check(s.release(s.seats[0]))
	s.awaitReady()
	require.Equal(t, uint16(1), s.mustClaim(1).Attempt)
	s.finish()
}

func retryWaits(t *testing.T, store state.Store) {
	s := begin(t, store, chainOf(1), engine.RunOptions{}, 1)
	s.mustClaim(0)
	e := s.end(0, 1, record.OutcomeRetrying)
	e.Delay = 2_000_000
	s.check(s.completes(s.seats[0], []state.End{e}, true))
	require.Equal(t, 1, s.run.Progress().Retries)
	s.awaitReady()
	require.GreaterOrEqual(t, s.run.Now(), e.Ended+e.Delay)
	c := s.mustClaim(0)
	require.Equal(t, uint16(2), c.Attempt)
	require.Equal(t, e.Ended+e.Delay, c.Ready)
	s.finish()
}

func budgetIsBounded(t *testing.T, store state.Store) {
	s := begin(t, store, chainOf(3), engine.RunOptions{}, 1)
	for range 11 {
		require.Equal(t, record.Running, s.run.Progress().Status)
		require.NoError(t, s.unblock())
		s.mustClaim(0)
		s.ends(0, record.OutcomeRetrying, false)
	}
	require.Equal(t, 10, s.run.Progress().Retries)
	require.Equal(t, 1, s.run.Progress().Failed)
	s.finish()
}

func claimPassesOn(t *testing.T, store state.Store) {
	s := begin(t, store, forkOf(2), engine.RunOptions{}, 2)
	s.mustClaim(0)
	s.ends(0, record.OutcomeOK, true)
	require.True(t, s.seats[0].held)
	s.mustClaim(1)
	s.ends(0, record.OutcomeOK, true)
	require.False(t, s.seats[0].held, "it has made nothing ready")
	s.ends(1, record.OutcomeOK, false)
	require.False(t, s.seats[1].held, "it was not asked for")
	s.finish()
}

func boundsClaims(t *testing.T, store state.Store) {
	g := engine.NewBuilder()
	lib := newLibrary(2)
	var parts []engine.Ref[int]
	for range 5 {
		parts = append(parts, lib.add.Call(engine.Const(g, 1), engine.Const(g, 2)))
	}
	graph, err := g.Compile(engine.List(g, parts...))
	require.NoError(t, err)
	s := begin(t, store, graph, engine.RunOptions{}, 3)
	s.mustClaim(0)
	s.mustClaim(1)
	s.mustNotClaim(2)
	s.check(s.release(s.seats[0]))
	s.mustClaim(2)
	s.mustNotClaim(0)
	s.ends(1, record.OutcomeOK, false)
	s.mustClaim(0)
	s.finish()
}
