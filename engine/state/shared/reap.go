package shared

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// reaper does for one run what any process that knows it may do: it reaps expired sessions and audits the ledger.
type reaper struct {
	*core
	controls *controls
}

// names maps sessions to the names of their workers.
func names(workers []Worker) map[ledger.SessionID]string {
	byID := make(map[ledger.SessionID]string, len(workers))
	for _, w := range workers {
		var record record.WorkerRecord
		if json.Unmarshal(w.Record, &record) == nil {
			byID[w.Session] = record.Name
		}
	}
	return byID
}

// maintain stops one run at its deadline, reaps its expired sessions and offers its waiting nodes to invokers.
func (r *reaper) maintain(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, shortCall)
	defer stop()
	r.controls.stopAtDeadline()
	workers, err := r.backend.Workers(ctx, r.id)
	if err == nil {
		r.updateSessions(workers)
		for more := true; more && err == nil; {
			more, err = r.reap(ctx, ledger.Reap{Limit: ledger.MaxReap, Poison: r.rules.PoisonAfter}, names(workers), nil)
		}
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, engine.ErrUnknownRun) {
		r.log.Error("expired sessions could not be reaped", "error", err)
	}
	r.invokeAgain(err == nil && len(workers) == 0)
}

// invokeAgain repeats an invocation that may have been lost: workers on demand do not poll.
func (r *reaper) invokeAgain(deserted bool) {
	n := int(r.waiting.Load())
	if n == 0 && deserted && !r.halted.Load() {
		n = 1 // without a session, how many nodes wait is unknown
	}
	if n > 0 {
		r.cfg.Invoke(r.id, map[string]int{"": n}, r.rules.Invokers)
	}
}

// audit reads the ledger, logs what is inconsistent, and repeats edges that were never set.
func (r *reaper) audit(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, shortCall)
	defer stop()
	state, err := r.backend.Snapshot(ctx, r.id)
	if err != nil || state.Status.Final() {
		return
	}
	if err := state.Check(); err != nil {
		r.log.Error("the ledger of a run is inconsistent", "error", err)
	}
	r.lock()
	defer r.unlockAndNotify()
	if err := r.state.Learn(state.Blocks, 0); err != nil || r.session.id == "" {
		return
	}
	miscounted, repeated := r.state.Audit(state)
	for _, id := range miscounted {
		n := &state.Nodes[id]
		r.log.Error("the count of a node is not that of its bits", "node", id, "count", n.Arrived)
	}
	for _, id := range repeated {
		r.log.Error("edges of a node were never set, and are set now", "node", id)
	}
}

// reap ends expired sessions, and adds details for each attempt that was lost with them. It reports whether there may be
// more to reap.
func (r *reaper) reap(ctx context.Context, op ledger.Reap, names map[ledger.SessionID]string, died *record.ErrorRecord) (more bool, err error) {
	reply, err := r.backend.Do(ctx, r.id, op, nil)
	if err != nil || len(reply.Lost) == 0 {
		return false, err
	}
	b := blob{Revision: r.revision}
	for _, l := range reply.Lost {
		if l.Started {
			b.Details = append(b.Details, r.lossOf(l, names[l.Session], reply.Now, died))
		}
	}
	readied := map[ledger.Class]int{}
	for _, n := range reply.Readied {
		readied[n.Class] += n.Nodes
	}
	r.wakeWorkers(readied, nil)
	if len(b.Details) > 0 {
		err = r.backend.AddDetails(ctx, r.id, [][]byte{b.encode()})
	}
	return len(reply.Lost) >= op.Limit, err
}

// lossOf is the detail of an attempt that was lost with its worker; died is what is known of the death, nil for nothing.
func (r *reaper) lossOf(l ledger.Lost, worker string, now int64, died *record.ErrorRecord) record.Detail {
	rec := record.ErrorRecord{
		Kind: record.WorkerLostError, Worker: worker, Time: r.wall(now), Message: "its worker died, or was cut off from the store",
	}
	if died != nil {
		rec = *died
	}
	if r.state.Numbering().Contains(l.Claim.Node) {
		if p := r.state.Numbering().Locate(l.Claim.Node); r.state.Numbering().IsTask(l.Claim.Node) {
			rec.Task = r.state.Numbering().Identity(p).String()
		}
	}
	rec.Node, rec.Epoch, rec.Attempt = l.Claim.Node, int(l.Claim.Epoch), int(l.Claim.Attempt)
	return record.Detail{Node: rec.Node, Epoch: rec.Epoch, Attempt: rec.Attempt, Error: &rec}
}

// ReapSession ends a session whose process is known to be dead, so that others need not wait for its lease. running is
// what it executed, as its Board showed; died is added to the details of every claim that is lost with it, with Task,
// Node, Epoch and Attempt filled in. It works without Join. An unknown run, or one that is over, is no error.
func (s *Store) ReapSession(ctx context.Context, id record.RunID, session ledger.SessionID, running []dag.NodeID, died record.ErrorRecord) error {
	kept, err := s.backend.Open(ctx, id)
	if errors.Is(err, engine.ErrUnknownRun) || err == nil && kept.Status.Final() {
		return nil
	}
	if err != nil {
		return err
	}
	job, err := decodeJob(kept, func(string, engine.Signature) *engine.Function { return nil })
	if err != nil {
		return err
	}
	r := newRun(s, job, kept, noHooks)
	r.spawn = func(f func(context.Context)) bool { f(ctx); return true }
	if err := r.concluder.learnBlocks(ctx); err != nil {
		return err
	}
	for more := true; more && err == nil; {
		more, err = r.reaper.reap(ctx, ledger.Reap{
			Session: session, Running: running, Limit: ledger.MaxReap, Poison: r.rules.PoisonAfter,
		}, nil, &died)
	}
	return err
}
