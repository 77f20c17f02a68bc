package statetest

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

func pauseHandsOutNothing(t *testing.T, store state.Store) {
	s := begin(t, store, forkOf(2), engine.RunOptions{}, 2)
	s.mustClaim(0)
	s.run.Pause()
	s.model.apply(ledger.Pause{})
	s.ends(0, record.OutcomeOK, true)
	require.False(t, s.seats[0].held, "no claim passes on")
	require.Equal(t, record.Paused, s.run.Progress().Status)
	s.mustNotClaim(1)
	before, _ := s.hooks.seen()
	s.run.Resume()
	s.model.apply(ledger.Resume{})
	after, _ := s.hooks.seen()
	require.GreaterOrEqual(t, after-before, 2, "lanes that found nothing are woken")
	s.mustClaim(1)
	s.finish()
}

func drainHandsOutNothing(t *testing.T, store state.Store) {
	s := begin(t, store, forkOf(2), engine.RunOptions{}, 2)
	s.mustClaim(0)
	held := s.seats[0]
	s.run.Drain()
	reply := held.lane.Complete([]state.End{s.end(held.claim.Node, held.claim.Attempt, record.OutcomeOK)}, true)
	require.False(t, reply.Stale)
	require.False(t, reply.HasNext, "no claim passes on")
	s.run.Resume()
	for _, seat := range s.seats {
		_, claimed := seat.lane.Claim()
		require.False(t, claimed, "it is for good")
	}
	require.Equal(t, record.Running, s.run.Progress().Status)
	s.run.Stop(record.Cancelled, engine.ErrClosed, &record.ErrorRecord{Kind: record.ShutdownError})
	s.awaitDone()
	end, _ := s.run.End()
	require.Equal(t, record.Cancelled, end.Status)
	steps, err := s.run.Steps(t.Context(), 0)
	require.NoError(t, err)
	for _, step := range steps {
		require.NotContains(t, []record.StepKind{record.RunPaused, record.CancelRequested}, step.Kind)
	}
}

func firstStopCounts(t *testing.T, store state.Store) {
	s := begin(t, store, chainOf(2), engine.RunOptions{}, 1)
	s.mustClaim(0)
	first := &record.ErrorRecord{Kind: record.DeadlineError, Message: "first"}
	s.stop(record.Failed, engine.ErrDeadline, first)
	s.stop(record.Cancelled, engine.ErrCancelled, nil)
	s.run.Cancel()
	require.True(t, s.run.Stopping())
	s.ends(0, record.OutcomeCancelled, true)
	s.awaitDone()
	end, value := s.run.End()
	require.Equal(t, record.Failed, end.Status)
	require.Equal(t, first, end.First)
	require.Nil(t, value)
	_, causes := s.hooks.seen()
	require.Equal(t, []error{engine.ErrDeadline}, causes)
	s.finish()
}

func stopEndsWithLastClaim(t *testing.T, store state.Store) {
	s := begin(t, store, forkOf(3), engine.RunOptions{}, 3)
	s.mustClaim(0)
	s.ends(0, record.OutcomeOK, false)
	for i := range 3 {
		s.mustClaim(i)
	}
	s.stop(record.Cancelled, engine.ErrCancelled, nil)
	s.ends(0, record.OutcomeOK, true)
	s.mustNotClaim(0)
	s.check(s.release(s.seats[1]))
	s.check(s.abandon(s.seats[2], record.OutcomeCancelled))
	s.awaitDone()
	require.Equal(t, record.Cancelled, s.run.Progress().Status)
	s.check(s.late(s.seats[2], s.seats[2].claim.Node))
	s.finish()
	other := begin(t, store, chainOf(1), engine.RunOptions{}, 1)
	other.stop(record.Cancelled, engine.ErrCancelled, nil)
	other.awaitDone() // nothing was claimed
	other.finish()
}

func failFastStops(t *testing.T, store state.Store) {
	s := begin(t, store, forkOf(2), engine.RunOptions{Policy: record.FailFast}, 2)
	s.mustClaim(0)
	s.ends(0, record.OutcomeOK, false)
	failing := s.mustClaim(0)
	s.mustClaim(1)
	s.ends(0, record.OutcomeFailed, true)
	require.True(t, s.run.Stopping())
	_, causes := s.hooks.seen()
	require.Equal(t, []error{engine.ErrRunFailed}, causes)
	s.ends(1, record.OutcomeCancelled, true)
	s.awaitDone()
	end, _ := s.run.End()
	require.Equal(t, record.Failed, end.Status)
	require.NotNil(t, end.First)
	require.Equal(t, failing.Node, end.First.Node)
	s.finish()
}

func continueFinishesTheRest(t *testing.T, store state.Store) {
	s := begin(t, store, forkOf(2), engine.RunOptions{Policy: record.Continue}, 2)
	s.mustClaim(0)
	s.ends(0, record.OutcomeOK, false)
	s.mustClaim(0)
	s.mustClaim(1)
	s.ends(0, record.OutcomeFailed, true)
	require.False(t, s.run.Stopping(), "the other one still runs")
	s.ends(1, record.OutcomeOK, true)
	s.awaitDone()
	p := s.run.Progress()
	require.Equal(t, execution.Progress{Status: record.Failed, Tasks: 4, Done: 2, Failed: 1, Skipped: 1}, p)
	s.finish()
}

func numbersComeFirst(t *testing.T, store state.Store) {
	s := begin(t, store, fanOutOf(3), engine.RunOptions{}, 3)
	s.mustClaim(0)
	before := s.run.Numbering().Nodes()
	s.ends(0, record.OutcomeOK, true)
	c := s.seats[0].claim
	require.True(t, s.seats[0].held)
	require.GreaterOrEqual(t, int(c.Node), before)
	require.Equal(t, before+3, s.run.Numbering().Nodes())
	require.Equal(t, 4, s.run.Progress().Tasks)
	s.finish()
}

func tooWideFails(t *testing.T, store state.Store) {
	s := begin(t, store, fanOutOf(30), engine.RunOptions{Limits: dag.Limits{Tasks: 20}}, 1)
	s.mustClaim(0)
	s.ends(0, record.OutcomeOK, true)
	s.awaitDone()
	end, _ := s.run.End()
	require.Equal(t, record.Failed, end.Status)
	require.NotNil(t, end.First)
	require.Equal(t, record.LimitError, end.First.Kind)
	s.finish()
}

func readyIsCalled(t *testing.T, store state.Store) {
	s := begin(t, store, forkOf(3), engine.RunOptions{}, 1)
	s.mustClaim(0)
	before, _ := s.hooks.seen()
	s.ends(0, record.OutcomeOK, true)
	after, _ := s.hooks.seen()
	require.GreaterOrEqual(t, after-before, 2, "two are left for others")
	s.finish()
}

func stepsWait(t *testing.T, store state.Store) {
	s := begin(t, store, chainOf(2), engine.RunOptions{}, 1)
	steps, err := s.run.Steps(t.Context(), 0)
	require.NoError(t, err)
	last := steps[len(steps)-1].Seq
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.run.Steps(ctx, last)
	require.ErrorIs(t, err, context.Canceled)
	got := make(chan uint64)
	go func() {
		steps, err := s.run.Steps(context.WithoutCancel(ctx), last)
		if err != nil || len(steps) == 0 {
			close(got)
			return
		}
		got <- steps[0].Seq
	}()
	s.mustClaim(0)
	s.ends(0, record.OutcomeOK, false)
	require.Equal(t, last+1, <-got)
	s.finish() // reads to the end
	_, err = s.run.Steps(t.Context(), s.model.ledger.Seq)
	require.ErrorIs(t, err, io.EOF)
}

func notesAreLogged(t *testing.T, store state.Store) {
	s := begin(t, store, chainOf(1), engine.RunOptions{}, 1)
	for _, kind := range []record.StepKind{record.WorkerStarted, record.WorkerStopped, record.SlotLeaked} {
		step := record.Step{Kind: kind, Worker: 3, Slot: 4, Started: 5, Became: dag.NoNode}
		s.run.Note(step)
		s.model.note(step)
	}
	s.finish()
}

func stepsHaveMoments(t *testing.T, store state.Store) {
	s := begin(t, store, chainOf(2), engine.RunOptions{}, 1)
	s.mustClaim(0)
	s.announce(s.seats[0])
	e := s.end(0, 1, record.OutcomeOK)
	e.Output, e.Announced, e.OutputBytes, e.Updated = 1, true, 8, e.Ended+1
	s.check(s.completes(s.seats[0], []state.End{e}, false))
	steps, err := s.run.Steps(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, record.AttemptStarted, steps[0].Kind)
	if len(steps) == 1 {
		steps, err = s.run.Steps(t.Context(), 2)
		require.NoError(t, err)
	} else {
		steps = steps[1:]
	}
	got := steps[0]
	require.Equal(t, []int64{e.Claimed, e.Started, e.Ended, e.Updated, e.Fetch, 8},
		[]int64{got.Claimed, got.Started, got.Ended, got.Updated, got.Fetch, got.OutputBytes})
	require.True(t, got.Announced && got.Head)
}

func detailsOnce(t *testing.T, store state.Store) {
	s := begin(t, store, chainOf(1), engine.RunOptions{}, 1)
	c := s.mustClaim(0)
	e := s.end(c.Node, 1, record.OutcomeFailed)
	s.seats[0].lane.Complete([]state.End{e}, false)
	s.awaitDone()
	details, _ := s.run.TakeDetails()
	require.Equal(t, []record.Detail{{Node: c.Node, Attempt: 1, Error: e.Error, Log: []byte("log")}}, details)
	details, _ = s.run.TakeDetails()
	require.Empty(t, details)
}

func unloggedWorks(t *testing.T, store state.Store) {
	s := begin(t, store, forkOf(3), engine.RunOptions{Unlogged: true}, 2)
	for !s.model.over() {
		s.check(s.act(false))
	}
	require.NoError(t, s.compareEnd(t.Context()))
}
