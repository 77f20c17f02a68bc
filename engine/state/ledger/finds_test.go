package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
)

// mistakes are guards, which are removed one at a time, and what the exploration then has to find.
var mistakes = []struct {
	name  string
	guard fault
	rules rules
	shape string
	left  budget
	want  string
}{
	{"no fence", noFence, rules{}, "chain", budget{expire: 1}, "is answered 4"},
	{"bare counter", bareCounter, rules{}, "gather", budget{crash: 1, drop: 1}, "is claimed before"},
	{"counted before the output is reachable", fault{}, rules{countEarly: true}, "fork", budget{}, "holds and has not stored"},
	{"slot held while an input is made again", keepConsumer, rules{}, "fork", budget{crash: 1}, "stuck"},
	{"repetition applied twice", applyAgain, rules{}, "chain", budget{lose: 1}, "is answered 4"},
	{"reservation ignored", noReservation, rules{hold: true}, "join", budget{}, "holds and has not stored"},
	{"reaper forgets claims", reapNothing, rules{}, "single", budget{crash: 1}, "stuck"},
	{"invalidated whatever the epoch", anyEpoch, rules{}, "fork", budget{drop: 1}, "the log says 1 in 0"},
	{"expansion appended twice", expandAgain, rules{}, "region", budget{lose: 1}, "is accepted 2 times"},
	{"stop forgets claims", stopAtOnce, rules{}, "single", budget{stop: 1}, "the run is over while"},
	{"edges that a dead session owed are forgotten", oweNothing, rules{hold: true}, "join", budget{crash: 1}, "stuck"},
	{"edges left for later are forgotten", forgetEdges, rules{noBecome: true}, "fork", budget{more: 1, crash: 1}, "stuck"},
	{"no record of who waits for an input", awaitNothing, rules{}, "chain", budget{crash: 1}, "stuck"},
}

// TestExploreFinds removes one guard at a time, and so shows that each is needed.
func TestExploreFinds(t *testing.T) {
	for _, c := range mistakes {
		t.Run(c.name, func(t *testing.T) {
			c.rules.processes, c.rules.want = 2, 1
			w, err := begin(newShape(t, shapes[c.shape], 1), record.Continue, c.rules, c.left)
			require.NoError(t, err)
			sound := w.clone()
			sound.countEarly = false
			f := explore(sound, 200_000, true)
			require.NoError(t, f.violation, "with all guards: %q", f.trace)
			w.fault = c.guard
			f = explore(w, 200_000, true)
			require.ErrorContains(t, f.violation, c.want, "of %d states, %q", f.states, f.trace)
			t.Logf("found after %d states: %v: %q", f.states, f.violation, f.trace)
		})
	}
}
