// Package statetest holds every store of run state to the laws of engine/state and to the model in engine/protocol:
// law by law, by random operations on the store and the model side by side, and by lanes that race each other.
//
// A store that passes gives the same answers as the protocol, apart from which ready node it hands out, and keeps a
// log that folds to the same state. The reference store is the protocol itself behind a mutex. The suite costs a few
// seconds, and about a minute without -short.
//
// Caveats: times are real, so that stores outside of the process can be tested; delays are microseconds, and waits
// end by what the store tells. A failure prints the seed that repeats it, except that racing lanes race differently.
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
