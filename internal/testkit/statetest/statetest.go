// Package statetest is the conformance suite of stores of run state within one process. It checks the laws of engine/state
// one by one, by random operations on a store and on the ledger (engine/state/ledger) side by side, by lanes that race each
// other, and by an exhaustive exploration of small graphs.
//
// A store that passes gives the same replies as the ledger would for a run with a single session, apart from which ready
// node it hands out, and keeps a log that folds to the same state. The suite costs a few seconds, and some 20 without
// -short. It is internal, as are the laws' other users: a store from outside cannot be chosen by any command.
//
// Caveats: except in explorations times are real; delays are microseconds, and waits end by the hooks of the store. A
// failure prints the seed that repeats it, except that racing lanes race differently.
package statetest

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/state"
)

// Test runs the suite; open gives an empty store each time.
func Test(t *testing.T, open func(t *testing.T) state.Store) {
	for _, l := range laws() {
		t.Run(l.name, func(t *testing.T) { l.holds(t, open(t)) })
	}
	t.Run("RandomOperationsAnswerLikeTheModel", func(t *testing.T) {
		atLeast := 400_000
		if testing.Short() {
			atLeast = 20_000
		}
		store, seed := open(t), rand.Uint64()
		t.Logf("the first seed is %d", seed)
		for ops := 0; ops < atLeast; seed++ {
			n, err := differ(t.Context(), store, seed)
			require.NoError(t, err)
			ops += n
		}
	})
	t.Run("RacingLanesLeaveALegalLog", func(t *testing.T) {
		runs := 400
		if testing.Short() {
			runs = 60
		}
		store, seed := open(t), rand.Uint64()
		t.Logf("the first seed is %d", seed)
		for i := range uint64(runs) {
			require.NoError(t, race(t.Context(), store, seed+i, 2*runtime.GOMAXPROCS(0)))
		}
	})
}
