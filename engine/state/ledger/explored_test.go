package ledger_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
)

// long reports whether there is time for millions of states.
func long() bool { return os.Getenv("DAGSCOPE_LONG") == "1" }

// exploration is one shape, explored with some mishaps: always with few, and with many if there is time.
type exploration struct {
	shape  string
	width  uint32
	policy record.Policy
	rules  rules
	few    budget
	many   budget
}

var (
	two   = rules{processes: 2, want: 1}
	three = rules{processes: 3, want: 1}
	eager = rules{processes: 2, want: 2}
	holds = rules{processes: 2, want: 1, hold: true}
	apart = rules{processes: 2, want: 1, noBecome: true}
)

var explorations = []exploration{
	{"single", 0, record.FailFast, three, budget{crash: 1, late: 1}, budget{crash: 2, lose: 1, late: 1, pause: 1}},
	{"pair", 0, record.Continue, eager, budget{crash: 1, lose: 1, stop: 1}, budget{crash: 1, lose: 1, late: 1, retry: 1}},
	{"chain", 0, record.FailFast, two, budget{crash: 1, lose: 1, expire: 1}, budget{crash: 2, lose: 1, expire: 1, stop: 1}},
	{"long chain", 0, record.Continue, two, budget{crash: 1, late: 1}, budget{crash: 2, late: 1, fail: 1}},
	{"fork", 0, record.Continue, eager, budget{crash: 1, drop: 1}, budget{crash: 1, drop: 1, lose: 1, fail: 1, pause: 1}},
	{"join", 0, record.Continue, holds, budget{crash: 1, back: 1}, budget{crash: 1, lose: 1, expire: 1, drop: 1}},
	{"diamond", 0, record.Continue, holds, budget{crash: 1, drop: 1}, budget{crash: 1, drop: 1, lose: 1, fail: 1}},
	{"gather", 0, record.Continue, holds, budget{crash: 1}, budget{crash: 1, drop: 1, retry: 1, fail: 1}},
	{"wide", 0, record.FailFast, apart, budget{more: 1, crash: 1}, budget{more: 1, crash: 1, drop: 1, lose: 1, back: 1}},
	{"fan-in", 0, record.Continue, holds, budget{}, budget{crash: 1, lose: 1}},
	{"crossed", 0, record.Continue, holds, budget{drop: 1}, budget{drop: 2, crash: 1}},
	{"short cut", 0, record.Continue, holds, budget{crash: 1}, budget{crash: 1, drop: 2, fail: 1}},
	{"bounded", 0, record.FailFast, eager, budget{crash: 1, expire: 1}, budget{crash: 2, expire: 1, lose: 1, drop: 1}},
	{"region", 2, record.Continue, two, budget{crash: 1, lose: 1}, budget{crash: 1, lose: 1, drop: 1, fail: 1}},
	{"captured", 2, record.Continue, two, budget{drop: 1}, budget{drop: 1, crash: 1, fail: 1, lose: 1}},
	{"pair", 0, record.FailFast, eager, budget{stop: 1, revise: 1}, budget{fail: 1, stop: 1, crash: 1, late: 1, revise: 1}},
	{"diamond", 0, record.Continue, holds, budget{fail: 1, revise: 1}, budget{fail: 1, crash: 1, drop: 1, revise: 1}},
	{"region", 1, record.FailFast, two, budget{fail: 1, crash: 1, revise: 1}, budget{fail: 1, stop: 1, crash: 1, revise: 2}},
	{"rows", 1, record.Continue, two, budget{crash: 1}, budget{crash: 1, drop: 1, fail: 1, late: 1, leave: 1}},
}

// TestExplore visits everything that can happen to small graphs: all invariants hold, and every run can end.
func TestExplore(t *testing.T) {
	total := 0
	for _, e := range explorations {
		t.Run(e.shape, func(t *testing.T) {
			left, most := e.few, 100_000
			if long() {
				left, most = e.many, 2_500_000
			}
			w, err := begin(newShape(t, shapes[e.shape], e.width), e.policy, e.rules, left)
			require.NoError(t, err)
			t0 := time.Now()
			f := explore(w, most, false)
			require.NoError(t, f.violation, "%q", f.trace)
			assert.Positive(t, f.ends)
			t.Logf("%d states, of which %d ended, all: %t, in %s", f.states, f.ends, !f.cut, time.Since(t0).Round(time.Millisecond))
			total += f.states
		})
	}
	t.Logf("%d states in all", total)
}
