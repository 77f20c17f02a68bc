package shared

import (
	"context"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// leaving is a request to the committer to leave the run.
type leaving struct {
	ctx    context.Context
	self   record.WorkerRecord
	answer chan<- error
}

// Drain implements state.Member.
func (r *run) Drain() {
	r.lock()
	defer r.unlockAndNotify()
	r.state.Drain()
}

// Leave implements state.Member.
func (r *run) Leave(ctx context.Context, self record.WorkerRecord) error {
	defer r.Forget()
	answer := make(chan error, 1)
	select {
	case r.leave <- leaving{ctx, self, answer}:
		return <-answer
	case <-r.stopped:
		return r.handOverRecord(ctx, self)
	case <-ctx.Done():
		r.cancel()
		<-r.stopped
		r.markLeft()
		return ctx.Err()
	}
}

// leaveRun ends this process's part in a run that continues elsewhere. What cannot be committed in time is released when
// the lease expires.
func (r *run) leaveRun(ctx context.Context, self record.WorkerRecord) error {
	r.lock()
	s := r.state
	for _, l := range r.lanes {
		if l.held {
			l.unassign()
			s.Release(l.node)
		}
	}
	s.HandOver(r.session.id != "")
	r.unlockAndNotify()
	err := r.flush(ctx)
	if err == nil && r.session.id != "" {
		_, err = r.backend.Do(ctx, r.id, ledger.Leave{Session: r.session.id}, nil)
	}
	if recordErr := r.handOverRecord(ctx, self); err == nil {
		err = recordErr
	}
	r.markLeft()
	return err
}

// flush commits until nothing is pending.
func (r *run) flush(ctx context.Context) error {
	for ctx.Err() == nil {
		r.mu.Lock()
		isDone := r.session.id == "" || r.state.IsFinal() || !r.state.HasPending()
		stuck := r.awaitingUploads
		r.mu.Unlock()
		if isDone {
			return nil
		}
		if stuck {
			sleep(ctx, time.Millisecond) // until outputs are stored
		}
		if err := r.round(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// markLeft ends all claims of lanes, and makes later calls without effect.
func (r *run) markLeft() {
	r.halted.Store(true)
	r.lock()
	defer r.unlockAndNotify()
	r.state.Leave()
	for _, l := range r.lanes {
		l.unassign()
	}
	r.closeOnBoard()
}

// handOverRecord adds the worker's last record to the details.
func (r *run) handOverRecord(ctx context.Context, self record.WorkerRecord) error {
	r.mu.Lock()
	saved := r.state.Savings()
	number, isNumbered := r.state.Worker()
	self.Worker = int(number)
	r.mu.Unlock()
	if !isNumbered {
		return nil // the run had ended before this process could take part
	}
	costs := r.backend.Costs()
	saved.Commands, saved.RoundTrips = costs.Commands-r.costs.Commands, costs.RoundTrips-r.costs.RoundTrips
	self.Saved = &saved
	data := blob{Revision: r.revision, Workers: []record.WorkerRecord{self}}.encode()
	return r.backend.AddDetails(ctx, r.id, [][]byte{data})
}
