package shared

import (
	"context"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// leaving is a request to the committer to leave the run.
type leaving struct {
	ctx    context.Context
	self   engine.WorkerRecord
	answer chan<- error
}

// Drain implements state.Member.
func (r *run) Drain() {
	r.lock()
	defer r.unlock()
	r.share.draining = true
	r.share.relax()
}

// Leave implements state.Member.
func (r *run) Leave(ctx context.Context, self engine.WorkerRecord) error {
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
		r.retire()
		return ctx.Err()
	}
}

// resign ends this process's part in a run that goes on elsewhere. What cannot be told in time is found out by others
// when the lease has run out.
func (r *run) resign(ctx context.Context, self engine.WorkerRecord) error {
	r.lock()
	s := r.share
	s.draining = true
	for _, l := range r.lanes {
		if l.held {
			l.drop()
			s.release(l.at)
		}
	}
	s.relax()
	s.handOverDelayed()
	if r.session.id != "" && !r.job.Options.Unlogged {
		s.notes = append(s.notes, engine.Step{Kind: engine.WorkerStopped, Ended: s.now, Became: engine.NoNode})
	}
	r.unlock()
	err := r.flush(ctx)
	if err == nil && r.session.id != "" {
		_, err = r.backend.Do(ctx, r.id, ledger.Leave{Session: r.session.id}, nil)
	}
	if recordErr := r.handOverRecord(ctx, self); err == nil {
		err = recordErr
	}
	r.retire()
	return err
}

// flush commits until nothing is pending.
func (r *run) flush(ctx context.Context) error {
	for ctx.Err() == nil {
		r.mu.Lock()
		isDone := r.session.id == "" || r.share.status.Final() || !r.share.pending()
		stuck := r.stuck
		r.mu.Unlock()
		if isDone {
			return nil
		}
		if stuck {
			sleep(ctx, time.Millisecond) // outputs are being stored
		}
		if err := r.round(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// retire makes everything that lanes still do harmless.
func (r *run) retire() {
	r.halted.Store(true)
	r.lock()
	defer r.unlock()
	r.left = true
	for _, l := range r.lanes {
		l.drop()
	}
	r.unlist()
}

// handOverRecord leaves the worker's last record with the details.
func (r *run) handOverRecord(ctx context.Context, self engine.WorkerRecord) error {
	r.mu.Lock()
	saved := r.share.saved
	self.Worker = int(r.share.worker)
	isNumbered := r.numbered
	r.mu.Unlock()
	if !isNumbered {
		return nil // the run had ended before this process could take part
	}
	costs := r.backend.Costs()
	saved.Commands, saved.RoundTrips = costs.Commands-r.costs.Commands, costs.RoundTrips-r.costs.RoundTrips
	self.Saved = &saved
	data := blob{Revision: r.revision, Workers: []engine.WorkerRecord{self}}.encode()
	return r.backend.AddDetails(ctx, r.id, [][]byte{data})
}
