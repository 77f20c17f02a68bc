package shared

import (
	"context"
	"fmt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

// Retry implements execution.Retrier. Tasks that are OK stay so; outputs that are gone are recomputed when a reader misses
// them.
func (s *Store) Retry(ctx context.Context, id record.RunID) (execution.Job, execution.Execution, error) {
	kept, err := s.backend.Open(ctx, id)
	if err != nil {
		return execution.Job{}, nil, err
	}
	if kept.Status != record.Failed && kept.Status != record.Cancelled || kept.End == nil {
		return execution.Job{}, nil, fmt.Errorf("%w: run %s is %s, expected one that has failed or was cancelled", execution.ErrRunExists, id, kept.Status)
	}
	none := func(string, engine.Signature) *engine.Function { return nil }
	job, err := decodeJob(kept, none)
	if err != nil {
		return execution.Job{}, nil, err
	}
	next, err := s.nextRevision(ctx, job, kept)
	if err != nil {
		return execution.Job{}, nil, err
	}
	if err := s.backend.Revise(ctx, id, next); err != nil {
		return execution.Job{}, nil, err
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
func (s *Store) nextRevision(ctx context.Context, job execution.Job, kept Stored) (*ledger.State, error) {
	state, err := s.backend.Snapshot(ctx, job.Info.ID)
	if err != nil {
		return nil, err
	}
	if len(state.Nodes) == 0 {
		return nil, fmt.Errorf("%w: of run %s nothing is left to continue with", engine.ErrUnknownRun, job.Info.ID)
	}
	return member.NextRevision(member.NewLayout(job.Graph), state, newClock(kept.StartedAt).now())
}
