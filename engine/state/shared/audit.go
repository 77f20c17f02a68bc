package shared

import (
	"context"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// auditAll checks the whole ledger of each run about once a minute, in the session with the smallest number. A ledger is
// always consistent; the audit is for defects that no rule covers.
func (s *Store) auditAll(ctx context.Context) {
	for {
		sleep(ctx, around(auditEvery))
		if ctx.Err() != nil {
			return
		}
		for _, r := range s.runsAlive() {
			if r.isFirst() {
				r.audit(ctx)
			}
		}
	}
}

// isFirst reports whether no other session of the run has a smaller number.
func (r *run) isFirst() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.session.id != "" && r.share.first
}

// audit reads the ledger, logs what is inconsistent, and repeats edges that were never set.
func (r *run) audit(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, shortCall)
	defer stop()
	state, err := r.backend.Snapshot(ctx, r.id)
	if err != nil || state.Status.Final() {
		return
	}
	if err := state.Check(); err != nil {
		r.store.cfg.Log.Error("the ledger of a run is inconsistent", "run", r.id, "error", err)
	}
	r.lock()
	defer r.unlockAndNotify()
	if err := r.share.learn(state.Blocks, 0); err != nil || r.session.id == "" {
		return
	}
	for _, id := range r.share.miscounted(state) {
		n := &state.Nodes[id]
		r.store.cfg.Log.Error("the count of a node is not that of its bits", "run", r.id, "node", id, "count", n.Arrived)
	}
	for _, p := range r.share.missingEdges(state) {
		r.store.cfg.Log.Error("edges of a node were never set, and are set now", "run", r.id, "node", p.id())
		r.share.repeatEdges(p, state.Nodes[p.id()].Status != ledger.OK)
	}
}

// miscounted lists the waiting nodes whose count of arrived edges differs from their bits.
func (s *share) miscounted(state *ledger.State) []engine.NodeID {
	arrived := make([]uint32, len(state.Nodes))
	for i := range state.Nodes {
		p := s.find(engine.NodeID(i))
		for e := range p.degree() {
			if state.Bits.Has(p.offset(e)) {
				arrived[p.child(e).id()]++
			}
		}
	}
	var list []engine.NodeID
	for i := range state.Nodes {
		if n := &state.Nodes[i]; n.Status == ledger.Blocked && n.Awaits == 0 && n.Arrived != arrived[i] {
			list = append(list, engine.NodeID(i))
		}
	}
	return list
}

// missingEdges lists the finished nodes some of whose edges are neither set nor owed by any session.
func (s *share) missingEdges(state *ledger.State) []at {
	owed := map[uint32]bool{}
	for _, ses := range state.Sessions {
		for _, e := range ses.Owed {
			owed[e.Offset] = true
		}
	}
	var list []at
	for i := range state.Nodes {
		p := s.find(engine.NodeID(i))
		if s.isOver(&state.Nodes[i]) && s.misses(p, state, owed) {
			list = append(list, p)
		}
	}
	return list
}

// isOver reports whether a node has ended in a way that sets edges, and all of them should be set.
func (s *share) isOver(n *ledger.Node) bool {
	switch n.Status {
	case ledger.OK, ledger.Skipped:
		return n.PendingEdges == ledger.NoPendingEdges
	case ledger.Failed:
		return n.PendingEdges == ledger.NoPendingEdges && s.policy == engine.Continue
	default:
		return false
	}
}

// misses reports whether a node waits for an edge from p.
func (s *share) misses(p at, state *ledger.State, owed map[uint32]bool) bool {
	for i := range p.degree() {
		c := p.child(i)
		waits := state.Nodes[c.id()].Status == ledger.Blocked && state.Nodes[c.id()].Awaits == 0
		if offset := p.offset(i); waits && !state.Bits.Has(offset) && !owed[offset] && !c.node().owned() {
			return true
		}
	}
	return false
}
