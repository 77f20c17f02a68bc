package shared

import "context"

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
	return r.session.id != "" && r.state.First()
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
	if err := r.state.Learn(state.Blocks, 0); err != nil || r.session.id == "" {
		return
	}
	miscounted, repeated := r.state.Audit(state)
	for _, id := range miscounted {
		n := &state.Nodes[id]
		r.store.cfg.Log.Error("the count of a node is not that of its bits", "run", r.id, "node", id, "count", n.Arrived)
	}
	for _, id := range repeated {
		r.store.cfg.Log.Error("edges of a node were never set, and are set now", "run", r.id, "node", id)
	}
}
