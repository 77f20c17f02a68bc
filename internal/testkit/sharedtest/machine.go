package sharedtest

import (
	"context"
	"fmt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
	"github.com/dagscope/dagscope/internal/testkit/ledgertest"
)

// Machine is one run of a back end as a machine of internal/testkit/ledgertest.
type Machine struct {
	backend shared.Backend
	id      record.RunID
	at      func(now int64)
}

// NewMachine creates a run. at is called before each operation and must set the store's clock to that many nanoseconds
// since the run's start.
func NewMachine(ctx context.Context, b shared.Backend, id record.RunID, c ledger.Config, at func(now int64)) (*Machine, error) {
	at(0)
	err := b.Create(ctx, shared.NewRun{
		ID: id, Nodes: c.Nodes, Edges: c.Edges, Tasks: c.Tasks, Limit: c.Limits, LimitEdges: c.LimitEdges, Sinks: c.Sinks,
		Policy: c.Policy, Roots: c.Roots, MaxConcurrent: c.MaxConcurrent,
	})
	return &Machine{backend: b, id: id, at: at}, err
}

// Apply carries out one operation.
func (m *Machine) Apply(ctx context.Context, op ledger.Op) (ledger.Reply, error) {
	m.at(ledgertest.Moment(op))
	c, ok := op.(ledger.Commit)
	if !ok {
		return m.backend.Do(ctx, m.id, op, nil)
	}
	replies, err := m.backend.Commit(ctx, m.id, []shared.Call{{Commit: c}})
	if err != nil {
		return ledger.Reply{}, err
	}
	if len(replies) != 1 {
		return ledger.Reply{}, fmt.Errorf("sharedtest: one commit got %d replies, expected one", len(replies))
	}
	return replies[0], nil
}

// Snapshot reads the whole ledger.
func (m *Machine) Snapshot(ctx context.Context) (*ledger.State, error) {
	return m.backend.Snapshot(ctx, m.id)
}

// Revise begins the next revision, of a run that is over.
func (m *Machine) Revise(ctx context.Context, now int64, next *ledger.State) error {
	m.at(now)
	if _, err := m.backend.Finish(ctx, m.id, []byte("end")); err != nil {
		return err
	}
	return m.backend.Revise(ctx, m.id, next)
}

// Log reads the whole log, a few entries at a time.
func (m *Machine) Log(ctx context.Context) ([]ledger.Entry, error) {
	var out []ledger.Entry
	var after shared.Position
	for {
		entries, err := m.backend.Log(ctx, m.id, after, 10, 0)
		if err != nil || len(entries) == 0 {
			return out, err
		}
		for _, e := range entries {
			after = e.At
			entry := ledger.Entry{First: e.First, Now: e.Now, Worker: e.Worker, Steps: e.Steps, Packed: e.Packed, Block: e.Block, Plain: e.Plain}
			for _, r := range e.Readied {
				entry.Readied = append(entry.Readied, ledger.ReadiedBy{Step: r.Step, Node: r.Node})
			}
			out = append(out, entry)
		}
	}
}
