package statetest

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/protocol"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// law is one sentence of engine/state, tested by itself.
type law struct {
	name  string
	holds func(t *testing.T, store state.Store)
}

func laws() []law {
	return []law{
		{"AnIDIsTakenOnce", idIsTakenOnce},
		{"ARunWithoutTasksEndsAtOnce", emptyRunEnds},
		{"RootsAreReadyAfterCreate", rootsAreReady},
		{"AClaimIsHeldByOneLane", claimIsExclusive},
		{"TokensNeverRepeat", tokensNeverRepeat},
		{"ANodeIsReadyWhenAllItWaitsForIsFinished", readyWhenAllFinished},
		{"AStrandIsAppliedAsAWhole", strandIsWhole},
		{"ALostClaimCannotComplete", lostClaimIsStale},
		{"AReleaseCountsNoAttempt", releaseCountsNothing},
		{"ARetryIsReadyAfterItsDelay", retryWaits},
		{"TheRetryBudgetIsBounded", budgetIsBounded},
		{"TheClaimPassesToWhatTheStrandMadeReady", claimPassesOn},
		{"APausedRunHandsOutNothing", pauseHandsOutNothing},
		{"ADrainedRunHandsOutNothingAndIsNotPaused", drainHandsOutNothing},
		{"TheFirstStopCounts", firstStopCounts},
		{"AStoppedRunEndsWithItsLastClaim", stopEndsWithLastClaim},
		{"FailFastStopsTheRun", failFastStops},
		{"ContinueFinishesEverythingElse", continueFinishesTheRest},
		{"NumbersAreThereBeforeInstancesAre", numbersComeFirst},
		{"AFanOutBeyondTheLimitsFails", tooWideFails},
		{"ReadyIsToldOfWhatOthersCanClaim", readyIsTold},
		{"StepsWaitsForStepsAndEndsWithEOF", stepsWait},
		{"NotesAreLoggedAsTheyAre", notesAreLogged},
		{"StepsTellWhatTheWorkerMeasured", stepsTellMoments},
		{"DetailsAreHandedOverOnce", detailsOnce},
		{"AnUnloggedRunWorks", unloggedWorks},
		{"MaxConcurrentBoundsClaims", boundsClaims},
	}
}

// chainOf is n tasks in a row.
func chainOf(n int) *dag.Graph {
	return build(func(g *engine.Builder, lib library) engine.AnyRef {
		r := engine.Const(g, 1)
		for range n {
			r = lib.next.Call(r)
		}
		return r
	})
}

// forkOf is one task, n that wait for it, and one that waits for all of those.
func forkOf(n int) *dag.Graph {
	return build(func(g *engine.Builder, lib library) engine.AnyRef {
		root := lib.next.Call(engine.Const(g, 1))
		parts := make([]engine.Ref[int], n)
		for i := range parts {
			parts[i] = lib.next.Call(root)
		}
		return lib.sum.Call(engine.List(g, parts...))
	})
}

// fanOutOf is a fan-out over a constant of n elements and a task behind it.
func fanOutOf(n int) *dag.Graph {
	return build(func(g *engine.Builder, lib library) engine.AnyRef {
		return lib.sum.Call(engine.FanOut(g, engine.Const(g, make([]int, n)), lib.next.Call))
	})
}

func build(f func(g *engine.Builder, lib library) engine.AnyRef) *dag.Graph {
	g := engine.NewBuilder()
	graph, err := g.Compile(f(g, newLibrary(0)))
	if err != nil {
		panic("statetest: " + err.Error())
	}
	return graph
}

// tested is a session that ends a test where store and model differ.
type tested struct {
	*session
	t *testing.T
}

func begin(t *testing.T, store state.Store, g *dag.Graph, opts engine.RunOptions, lanes int) tested {
	t.Helper()
	s, err := newSession(t.Context(), store, newJob(g, opts), rand.New(rand.NewPCG(1, 1)), lanes)
	require.NoError(t, err)
	return tested{s, t}
}

func (s tested) check(err error) {
	s.t.Helper()
	require.NoError(s.t, err)
	require.NoError(s.t, s.compare())
}

// mustClaim lets a seat claim and gives the claim.
func (s tested) mustClaim(seat int) state.Claim {
	s.t.Helper()
	s.check(s.claim(s.seats[seat]))
	require.True(s.t, s.seats[seat].held, "lane %d claims nothing", seat)
	return s.seats[seat].claim
}

func (s tested) mustNotClaim(seat int) {
	s.t.Helper()
	s.check(s.claim(s.seats[seat]))
	require.False(s.t, s.seats[seat].held, "lane %d claims %d", seat, s.seats[seat].claim.Node)
}

// ends completes what a seat holds, and nothing behind it.
func (s tested) ends(seat int, outcome record.Outcome, next bool) {
	s.t.Helper()
	s.check(s.complete(s.seats[seat], outcome, 1, next))
}

// finish works until the run has ended and compares what it leaves.
func (s tested) finish() {
	s.t.Helper()
	for !s.model.Status.Final() {
		s.check(s.act(false))
	}
	require.NoError(s.t, s.conclude(s.t.Context()))
}

func (s tested) stop(status record.Status, cause error, first *record.ErrorRecord) {
	s.t.Helper()
	s.run.Stop(status, cause, first)
	op := protocol.Stop{Status: status}
	switch cause {
	case engine.ErrCancelled:
		op.Reason = record.CancelRequested
	case engine.ErrDeadline:
		op.Reason = record.RunDeadline
	}
	s.apply(op)
	s.check(nil)
}

// awaitDone waits for the end of the run.
func (s tested) awaitDone() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	select {
	case <-s.run.Done():
	case <-ctx.Done():
		require.Fail(s.t, "the run does not end")
	}
}

// awaitReady waits until something can be claimed, by what the store tells.
func (s tested) awaitReady() {
	s.t.Helper()
	for s.run.Ready() == 0 {
		select {
		case <-s.hooks.wake:
		case <-time.After(patience):
			require.Fail(s.t, "nothing is told to be ready")
		}
	}
}
