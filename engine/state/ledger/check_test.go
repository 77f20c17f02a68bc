package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// TestCheckFinds: Check notices every kind of damage to a ledger.
func TestCheckFinds(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(s *ledger.State)
		want  string
	}{
		{"ready without being in a queue", func(s *ledger.State) { s.Queues[0].Ready = s.Queues[0].Ready[:0] }, "node 1 is in 0 queues"},
		{"in a queue twice", func(s *ledger.State) { s.Queues[0].Ready = append(s.Queues[0].Ready, 1) }, "node 1 is in 2 queues"},
		{"claimed by no live session", func(s *ledger.State) { s.Sessions = s.Sessions[1:] }, "node 0 is in 0 queues"},
		{"held, but not counted", func(s *ledger.State) { s.Sessions[0].Claims = 0 }, "session {ID:a"},
		{"more arrived than bits are set", func(s *ledger.State) { s.Nodes[2].Arrived = 1 }, "0 bits are set, 1 have arrived"},
		{"claims that are counted wrongly", func(s *ledger.State) { s.Counts.Claims = 7 }, "counts are"},
		{"a wait that nothing ends", func(s *ledger.State) { s.Nodes[2].Awaits = 1 }, "named by 0 others"},
		{"reserved for a session that is over", func(s *ledger.State) {
			s.Nodes[2].Reserved = ledger.Reservation{Session: "x", Size: 1}
		}, "node 2 is reserved"},
		{"a retry that is not among them", func(s *ledger.State) { s.Nodes[1].Status = ledger.Waiting }, "node 1 is in the queue of class 1"},
		{"a run that is over too early", func(s *ledger.State) { s.Status = record.Succeeded }, "the run is succeeded"},
		{"more claims than the class allows", func(s *ledger.State) {
			s.MaxConcurrent = map[ledger.Class]int{1: 1}
			s.Queues[0].Claimed = 2
		}, "at most 1 are allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := bench(t, gathered())
			r := b.commit("a", ledger.Commit{Want: 1, Classes: []ledger.Class{1}})
			require.Len(t, r.Claims, 1)
			c.spoil(b.s)
			err := b.s.Check()
			if assert.Error(t, err) {
				assert.ErrorContains(t, err, c.want)
			}
		})
	}
}
