package ledgertest

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/state/ledger"
)

// ops is how many operations are played: a million, where there is time.
func ops() int {
	if os.Getenv("DAGSCOPE_LONG") == "1" {
		return 1_000_000
	}
	return 50_000
}

// itself is the model as a machine. It counts what occurs in replies and states.
type itself struct {
	s    *ledger.State
	log  []ledger.Entry
	seen map[string]int
}

func (m *itself) Apply(_ context.Context, op ledger.Op) (ledger.Reply, error) {
	r, e := m.s.Apply(op)
	if e != nil {
		m.log = append(m.log, *e)
	}
	m.count(r)
	return r, nil
}

func (m *itself) count(r ledger.Reply) {
	see := func(what string, is bool) {
		if is {
			m.seen[what]++
		}
	}
	see("store", len(r.Store) > 0)
	see("blocks", len(r.Blocks) > 0)
	see("next due", r.NextDue > 0)
	for _, c := range r.Claims {
		see("skip", c.Skip)
		see("poison", c.Poison)
		see("edges only", c.EdgesOnly)
		see("solo", c.Solo)
		see("epoch", c.Epoch > 0)
		see("made again and skipped", c.Epoch > 0 && c.Skip)
	}
	for _, l := range r.Lost {
		see("charged", l.Charged)
		see("started", l.Started)
	}
	for i := range m.s.Nodes {
		see("awaits", m.s.Nodes[i].Awaits > 0)
		see("reserved", m.s.Nodes[i].Reserved.Session != "")
	}
	for i := range m.s.Sessions {
		see("reserved and ready", len(m.s.Sessions[i].Ready) > 0)
		see("over", m.s.Sessions[i].Over)
	}
}

func (m *itself) Snapshot(context.Context) (*ledger.State, error) { return m.s.Clone(), nil }
func (m *itself) Log(context.Context) ([]ledger.Entry, error)     { return m.log, nil }

func (m *itself) Revise(_ context.Context, now int64, next *ledger.State) error {
	e, ok := ledger.Revise(m.s, next, now)
	if !ok {
		return errors.New("it is not the next revision")
	}
	m.s, m.log = next, append(m.log, *e)
	return nil
}

// TestPlays: everything that can happen does, every run ends, and the model keeps its invariants.
func TestPlays(t *testing.T) {
	seen := map[string]int{}
	played, err := Differ(t.Context(), func(c ledger.Config) (Machine, error) {
		s, e := ledger.New(c)
		return &itself{s, []ledger.Entry{*e}, seen}, nil
	}, Config{Seed: 1, Ops: ops(), Every: 10})
	require.NoError(t, err)
	t.Logf("%+v, seen %v", played, seen)
	for v := ledger.Applied; v <= ledger.Again; v++ {
		assert.Positive(t, played.Verdicts[v], "verdict %d", v)
	}
	for _, what := range []string{
		"store", "blocks", "next due", "skip", "poison", "edges only", "solo", "epoch", "made again and skipped", "charged", "started",
		"awaits", "reserved", "reserved and ready", "over",
	} {
		assert.Positive(t, seen[what], what)
	}
	assert.Len(t, played.Ops, 8)
	assert.Greater(t, played.Revised, 10)
	for _, status := range []string{"succeeded", "failed", "cancelled"} {
		assert.Greater(t, played.Ended[status], 10, status)
	}
	assert.Less(t, played.Longest, 5000, "a run does not end")
}

// liar is the model with a mistake: it changes commits before it applies them.
type liar struct {
	itself
	change func(c *ledger.Commit)
}

func (m *liar) Apply(ctx context.Context, op ledger.Op) (ledger.Reply, error) {
	if c, ok := op.(ledger.Commit); ok {
		m.change(&c)
		op = c
	}
	return m.itself.Apply(ctx, op)
}

// TestDiffers: Differ notices every part of a commit that a machine ignores.
func TestDiffers(t *testing.T) {
	tests := map[string]func(c *ledger.Commit){
		"keep":       func(c *ledger.Commit) { c.Keep = 0 },
		"unhold":     func(c *ledger.Commit) { c.Unhold = nil },
		"edges done": func(c *ledger.Commit) { c.EdgesDone = nil },
		"started":    func(c *ledger.Commit) { c.Started = nil },
		"onward":     func(c *ledger.Commit) { c.Onward = nil },
		"lease":      func(c *ledger.Commit) { c.Lease++ },
		"blocks":     func(c *ledger.Commit) { c.Blocks++ },
		"packed":     func(c *ledger.Commit) { c.Packed = nil },
		"hold": func(c *ledger.Commit) {
			c.Edges = append([]ledger.Edge{}, c.Edges...)
			for i := range c.Edges {
				c.Edges[i].Hold = min(c.Edges[i].Hold, 2)
			}
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Differ(t.Context(), func(c ledger.Config) (Machine, error) {
				s, e := ledger.New(c)
				return &liar{itself{s, []ledger.Entry{*e}, map[string]int{}}, change}, nil
			}, Config{Seed: 2, Ops: 20_000})
			require.ErrorContains(t, err, "expected")
		})
	}
}
