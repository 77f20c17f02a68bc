package shared

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Retry implements engine.Retrier. Tasks that are OK stay so; outputs that are gone are recomputed when a reader misses
// them.
func (s *Store) Retry(ctx context.Context, id engine.RunID) (engine.Job, engine.Execution, error) {
	kept, err := s.backend.Open(ctx, id)
	if err != nil {
		return engine.Job{}, nil, err
	}
	if kept.Status != engine.Failed && kept.Status != engine.Cancelled || kept.End == nil {
		return engine.Job{}, nil, fmt.Errorf("%w: run %s is %s, expected one that has failed or was cancelled", engine.ErrRunExists, id, kept.Status)
	}
	none := func(string, string) *engine.Function { return nil }
	job, err := decodeJob(kept, none)
	if err != nil {
		return engine.Job{}, nil, err
	}
	next, err := s.nextRevision(ctx, job, kept)
	if err != nil {
		return engine.Job{}, nil, err
	}
	if err := s.backend.Revise(ctx, id, next); err != nil {
		return engine.Job{}, nil, err
	}
	kept.Revision, kept.End, kept.First = next.Revision, nil, nil
	job.Info.Revision = next.Revision
	r := newRun(s, job, kept, noHooks)
	s.startRun(context.Background(), r)
	var ready []ledger.Grant
	for _, q := range next.Queues {
		for _, node := range q.Ready {
			ready = append(ready, ledger.Grant{Node: node, Class: q.Class})
		}
	}
	r.inviteWorkers(ready)
	return job, r, nil
}

// nextRevision makes the state that the next revision begins with.
func (s *Store) nextRevision(ctx context.Context, job engine.Job, kept Stored) (*ledger.State, error) {
	state, err := s.backend.Snapshot(ctx, job.Info.ID)
	if err != nil {
		return nil, err
	}
	if len(state.Nodes) == 0 {
		return nil, fmt.Errorf("%w: of run %s nothing is left to continue with", engine.ErrUnknownRun, job.Info.ID)
	}
	t := newNodeTable(newLayout(job.Graph))
	for _, b := range state.Blocks {
		if err := t.grow(b); err != nil {
			return nil, err
		}
	}
	if t.numbering.Nodes() != len(state.Nodes) {
		return nil, errors.New("shared: the ledger does not fit the graph")
	}
	clock := newClock(kept.StartedAt)
	return state.Next(clock.now(), func(id engine.NodeID) ledger.Pending {
		return t.pending(t.find(id), state)
	}), nil
}

// pending is how a node that is not OK begins in the next revision.
func (t *nodeTable) pending(p at, state *ledger.State) ledger.Pending {
	pending := ledger.Pending{Class: p.class(), Sink: p.is(engine.Sink)}
	for _, in := range t.sources(p) {
		isOK := state.Nodes[in.id()].Status == ledger.OK
		pending.Bits = append(pending.Bits, ledger.PendingBit{Offset: in.offsetTo(p), Set: isOK})
	}
	return pending
}

// sources lists the nodes that the one at p waits for, as far as they exist.
func (t *nodeTable) sources(p at) []at {
	scope := p.scope()
	var list []at
	for _, parent := range scope.Parents(p.local) {
		list = append(list, p.sibling(parent))
	}
	if p.kind() != engine.JoinNode {
		return list
	}
	expansion := p.sibling(scope.JoinExpansion(p.local)).id()
	i := slices.IndexFunc(t.dynamic, func(b *block) bool { return b.Expansion == expansion })
	if i < 0 {
		return list
	}
	b := t.dynamic[i]
	for instance := range b.Instances {
		for _, local := range scope.JoinWaits(p.local) {
			list = append(list, at{b, instance * b.Size, local})
		}
	}
	return list
}

// offsetTo is the bit of the edge from p to another node, which waits for it.
func (p at) offsetTo(child at) uint32 {
	for i := range p.degree() {
		if p.child(i) == child {
			return p.offset(i)
		}
	}
	panic(fmt.Sprintf("shared: no edge leads from node %d to node %d", p.id(), child.id()))
}
