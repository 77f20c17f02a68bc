package shared

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

// Errors for which a session is given up.
var (
	errUnstorable = errors.New("shared: an output that others need cannot be encoded")
	errMalformed  = errors.New("shared: the store takes a commit for malformed")
)

// exchange sends commits until they are answered, and applies the answers. If no answer comes for too long, others may
// have been given the claims: then the session is over.
func (r *run) exchange(ctx context.Context, drafts []*member.Draft, hint Hint) error {
	calls := make([]Call, len(drafts))
	for i, d := range drafts {
		r.addLastLoss(ctx, d)
		calls[i] = r.pack(d)
	}
	calls[len(calls)-1].Wake = hint
	for {
		sent := time.Now()
		bounded, stop := context.WithDeadline(ctx, r.session.answered.Add(r.store.fenceAfter()))
		replies, err := r.backend.Commit(bounded, r.id, calls)
		silent := bounded.Err() != nil
		stop()
		switch {
		case err == nil:
			return r.answer(ctx, drafts, replies, sent, hint)
		case ctx.Err() != nil:
			return ctx.Err()
		case silent:
			r.fence(errSilent)
			return nil
		case errors.Is(err, engine.ErrUnknownRun):
			r.markUnknown()
			return nil
		}
		r.store.cfg.Log.Error("a commit failed and is repeated", "run", r.id, "error", err)
		sleep(bounded, retryCall)
	}
}

// pack encodes the steps, details and first error of a commit.
func (r *run) pack(d *member.Draft) Call {
	if len(d.Steps) > 0 {
		d.Commit.Packed = record.AppendSteps(nil, d.Steps)
	}
	call := Call{Commit: d.Commit, First: encodeRecord(d.FirstFailure())}
	if len(d.Outputs) > 0 {
		call.Outputs = make([]Output, len(d.Outputs))
		for i, o := range d.Outputs {
			call.Outputs[i] = Output{Node: o.Node, Key: o.Key, Inline: o.Encoded}
		}
	}
	b := blob{Revision: r.revision, Details: d.Details}
	if r.session.isNew {
		b.Workers = []record.WorkerRecord{r.describe()}
		r.session.isNew = false
	}
	if len(b.Details)+len(b.Workers) > 0 {
		call.Details = [][]byte{b.encode()}
	}
	return call
}

func encodeRecord(rec *record.ErrorRecord) []byte {
	if rec == nil {
		return nil
	}
	b, err := json.Marshal(rec)
	if err != nil {
		return nil // a record is texts and numbers
	}
	return b
}

// answer applies the answers to commits.
func (r *run) answer(ctx context.Context, drafts []*member.Draft, replies []ledger.Reply, sent time.Time, hint Hint) error {
	if len(replies) != len(drafts) {
		return fmt.Errorf("shared: %d answers to %d commits", len(replies), len(drafts))
	}
	r.clock.learn(sent, time.Now(), replies[len(replies)-1].Now)
	r.session.answered, r.session.sent, r.session.beat = sent, sent, beatAfter(r.store.cfg.Lease)
	readied := map[ledger.Class]int{}
	for i, d := range drafts {
		reply := &replies[i]
		switch reply.Verdict {
		case ledger.Applied, ledger.Repeated:
			if err := r.applied(d, reply); err != nil {
				if errors.Is(err, member.ErrRolledBack) {
					r.failRolledBack()
				}
				r.abandonSession(ctx, err)
				return nil
			}
			for _, n := range reply.Readied {
				readied[n.Class] += n.Nodes
			}
		case ledger.Exhausted, ledger.TooWide:
			r.commitRefused(d)
		case ledger.Gone:
			r.markEnded(reply)
			return nil
		case ledger.Fenced:
			r.fence(errFenced)
			return nil
		default:
			r.abandonSession(ctx, fmt.Errorf("%w: %s", errMalformed, reply.Why))
			return nil
		}
	}
	r.wake(readied, hint.Functions)
	return nil
}

// applied handles the answer to a commit that was applied.
func (r *run) applied(d *member.Draft, reply *ledger.Reply) error {
	r.lock()
	err := r.state.Apply(d, reply)
	r.dry = d.Granted(reply) < d.Commit.Want && !r.hinted
	r.nextDue = reply.NextDue
	r.awaitingUploads = false
	backlog := reply.Waiting
	if r.dry {
		backlog = 0 // this process cannot get what waits
	}
	r.backlog.Store(int32(backlog))
	r.waiting.Store(int32(reply.Waiting))
	if r.session.ends = reply.Verdict == ledger.Applied && r.state.IsFinal(); r.session.ends {
		r.session.endedAt = reply.Now
	}
	stopping := r.stoppingHook(nil)
	r.unlockAndNotify()
	stopping()
	if err == nil {
		r.preload(reply.Claims)
	}
	return err
}

// commitRefused fails an attempt whose end the ledger refused. The commit has used no number.
func (r *run) commitRefused(d *member.Draft) {
	r.lock()
	defer r.unlockAndNotify()
	r.session.number--
	r.state.Refuse(d)
}

// markEnded records that the run ended without this session.
func (r *run) markEnded(reply *ledger.Reply) {
	r.lock()
	defer r.unlockAndNotify()
	r.state.SetStatus(reply.Status, reply.Stopping)
}

// markUnknown records that the store does not know the run any more.
func (r *run) markUnknown() {
	r.lock()
	defer r.unlockAndNotify()
	r.state.MarkLost()
}

// abandonSession leaves a session that cannot continue, so that others get its claims at once; a new one follows.
func (r *run) abandonSession(ctx context.Context, cause error) {
	r.store.cfg.Log.Error("a session is given up", "run", r.id, "cause", cause)
	bounded, stop := context.WithTimeout(ctx, r.store.fenceAfter())
	defer stop()
	_, _ = r.backend.Do(bounded, r.id, ledger.Leave{Session: r.session.id}, nil) // else its lease runs out
	r.fence(cause)
	sleep(ctx, retryCall) // it may happen again
}

// failRolledBack fails the run, since processes number its nodes differently now. A retry begins with what the store
// has kept.
func (r *run) failRolledBack() {
	r.Stop(record.Failed, member.ErrRolledBack, &record.ErrorRecord{
		Kind: record.StoreError, Node: dag.NoNode, Worker: r.name, Time: r.wall(r.clock.now()),
		Message: "the store has forgotten what it had acknowledged, which happens when its machine dies or a lagging replica takes over",
	})
}

// stopLanes takes their claims from all lanes when the run is over.
func (r *run) stopLanes() {
	r.halted.Store(true)
	r.lock()
	executing := 0
	for _, l := range r.lanes {
		if l.held {
			l.unassign()
			executing++
		}
	}
	r.state.Ended(executing > 0)
	r.closeOnBoard()
	stopping := r.stoppingHook(nil)
	r.unlockAndNotify()
	stopping()
	if executing > 0 {
		r.hooks.Fenced(errFenced)
	}
}
