package statetest

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// law is one sentence of engine/state, tested alone.
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
		{"NumbersExistBeforeInstancesAreReady", numbersComeFirst},
		{"AFanOutBeyondTheLimitsFails", tooWideFails},
		{"ReadyIsCalledForWhatOthersCanClaim", readyIsCalled},
		{"StepsWaitsForStepsAndEndsWithEOF", stepsWait},
		{"NotesAreLoggedAsTheyAre", notesAreLogged},
		{"StepsHaveWhatTheWorkerMeasured", stepsHaveMoments},
		{"DetailsAreHandedOverOnce", detailsOnce},
		{"AnUnloggedRunWorks", unloggedWorks},
		{"MaxConcurrentBoundsClaims", boundsClaims},
	}
}

// library is the functions of the laws' graphs.
type library struct {
	next engine.F1[int, int]
	add  engine.F2[int, int, int]
	sum  engine.F1[[]int, int]
}

// newLibrary makes the functions. At most bound of add run at a time, 0 for any number.
func newLibrary(bound int) library {
	return library{
		next: engine.Func1("next", func(_ context.Context, a int) (int, error) { return a + 1, nil }),
		add:  engine.Func2("add", func(_ context.Context, a, b int) (int, error) { return 2*a + b, nil }).With(engine.Options{MaxConcurrent: bound}),
		sum:  engine.Func1("sum", func(_ context.Context, v []int) (int, error) { return len(v), nil }),
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

// fanOutOf is a fan-out over a constant of n elements, and a task that reads its results.
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

// tested is a session that fails a test where store and model differ.
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

// ends completes the claim of a seat, in a strand of one.
func (s tested) ends(seat int, outcome record.Outcome, next bool) {
	s.t.Helper()
	s.check(s.complete(s.seats[seat], outcome, 1, next))
}

// finish works until the run has ended and compares what it leaves.
func (s tested) finish() {
	s.t.Helper()
	for !s.model.over() {
		s.check(s.act(false))
	}
	require.NoError(s.t, s.conclude(s.t.Context()))
}

func (s tested) stop(status record.Status, cause error, first *record.ErrorRecord) {
	s.t.Helper()
	s.run.Stop(status, cause, first)
	var reason record.StepKind
	switch cause {
	case engine.ErrCancelled:
		reason = record.CancelRequested
	case engine.ErrDeadline:
		reason = record.RunDeadline
	}
	s.model.stop(status, reason)
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

// awaitReady waits until the store has something to claim.
func (s tested) awaitReady() {
	s.t.Helper()
	for s.run.Ready() == 0 {
		select {
		case <-s.hooks.wake:
		case <-time.After(patience):
			require.Fail(s.t, "no node is announced as ready")
		}
	}
}
