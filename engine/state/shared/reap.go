package shared

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

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

// reap ends expired sessions, and adds details for each attempt that was lost with them. It reports whether there may be
// more to reap.
func (r *run) reap(ctx context.Context, op ledger.Reap, names map[ledger.SessionID]string, died *record.ErrorRecord) (more bool, err error) {
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
	r.wake(readied, nil)
	if len(b.Details) > 0 {
		err = r.backend.AddDetails(ctx, r.id, [][]byte{b.encode()})
	}
	return len(reply.Lost) >= op.Limit, err
}

// lossOf is the detail of an attempt that was lost with its worker; died is what is known of the death, nil for nothing.
func (r *run) lossOf(l ledger.Lost, worker string, now int64, died *record.ErrorRecord) record.Detail {
	rec := record.ErrorRecord{
		Kind: record.WorkerLostError, Worker: worker, Time: r.wall(now), Message: "its worker died, or was cut off from the store",
	}
	if died != nil {
		rec = *died
	}
	if r.Numbering().Contains(l.Claim.Node) {
		if p := r.Numbering().Locate(l.Claim.Node); r.Numbering().IsTask(l.Claim.Node) {
			rec.Task = r.Numbering().Identity(p).String()
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
	job, err := decodeJob(kept, func(string, string) *engine.Function { return nil })
	if err != nil {
		return err
	}
	r := newRun(s, job, kept, noHooks)
	r.spawn = func(f func(context.Context)) bool { f(ctx); return true }
	if err := r.learnBlocks(ctx); err != nil {
		return err
	}
	for more := true; more && err == nil; {
		more, err = r.reap(ctx, ledger.Reap{
			Session: session, Running: running, Limit: ledger.MaxReap, Poison: r.rules.PoisonAfter,
		}, nil, &died)
	}
	return err
}

// updateSessions counts the other sessions. Those without claims get what has waited here for too long.
func (r *run) updateSessions(workers []Worker) {
	r.lock()
	defer r.unlockAndNotify()
	if r.session.id == "" {
		return
	}
	others, idle, first := 0, 0, true
	number, _ := r.state.Worker()
	for _, w := range workers {
		if w.Session == r.session.id {
			continue
		}
		others++
		first = first && w.Number > number
		if w.Claims == 0 {
			idle++
		}
	}
	s := r.state
	s.SetSessions(others, first)
	if idle > 0 && !s.IsStopping() {
		s.ReleaseStale(idle*max(1, r.record.Width), staleAfter)
	}
}

const (
	// staleAfter is how long a node may wait here, in ns, while others have no work.
	staleAfter = int64(50 * time.Millisecond)
	// askAfter is how often the other sessions are listed when nodes are stale.
	askAfter = 250 * time.Millisecond
	// askAlone is the same if there were none the last time.
	askAlone = time.Second
)

// staleAt is when this process should find out whether others have no work, zero for never. The lock is held.
func (r *run) staleAt() time.Time {
	oldest, ok := r.state.OldestQueued()
	if !ok {
		return time.Time{}
	}
	pause := askAfter
	if r.state.Others() == 0 {
		pause = askAlone
	}
	stale := time.Now().Add(time.Duration(oldest + staleAfter - r.clock.now()))
	if next := r.offeredAt.Add(pause); stale.Before(next) {
		return next
	}
	return stale
}

// offerStale releases nodes that have waited here for too long, if others have no work.
func (r *run) offerStale() {
	r.lock()
	at := r.staleAt()
	isDue := !at.IsZero() && !time.Now().Before(at)
	if isDue {
		r.offeredAt = time.Now()
	}
	r.unlockAndNotify()
	if !isDue {
		return
	}
	r.spawn(func(ctx context.Context) {
		if workers, err := r.backend.Workers(ctx, r.id); err == nil {
			r.updateSessions(workers)
		}
	})
}
