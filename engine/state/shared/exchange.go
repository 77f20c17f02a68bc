package shared

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Errors for which a session is given up.
var (
	errUnstorable = errors.New("shared: an output that others need cannot be encoded")
	errMalformed  = errors.New("shared: the store takes a commit for malformed")
)

// exchange sends commits until they are answered, and applies the answers. If no answer comes for too long, others may
// have been given the claims: then the session is over.
func (r *run) exchange(ctx context.Context, drafts []*draft) error {
	calls := make([]Call, len(drafts))
	for i, d := range drafts {
		r.addLastLoss(ctx, d)
		r.pack(d)
		calls[i] = d.call
	}
	for {
		sent := time.Now()
		bounded, stop := context.WithDeadline(ctx, r.session.answered.Add(r.store.fenceAfter()))
		replies, err := r.backend.Commit(bounded, r.id, calls)
		silent := bounded.Err() != nil
		stop()
		switch {
		case err == nil:
			return r.answer(ctx, drafts, replies, sent)
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
func (r *run) pack(d *draft) {
	if len(d.steps) > 0 {
		d.call.Commit.Packed = engine.AppendSteps(nil, d.steps)
	}
	b := blob{Revision: r.revision, Details: d.details}
	if r.session.isNew {
		b.Workers = []engine.WorkerRecord{r.describe()}
		r.session.isNew = false
	}
	if len(b.Details)+len(b.Workers) > 0 {
		d.call.Details = [][]byte{b.encode()}
	}
	for _, en := range d.ends {
		if en.outcome == engine.OutcomeFailed && en.detail != nil {
			d.call.First = encodeRecord(en.detail.Error)
			break
		}
	}
}

func encodeRecord(rec *engine.ErrorRecord) []byte {
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
func (r *run) answer(ctx context.Context, drafts []*draft, replies []ledger.Reply, sent time.Time) error {
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
				if errors.Is(err, errRolledBack) {
					r.failRolledBack()
				}
				r.abandonSession(ctx, err)
				return nil
			}
			for _, n := range reply.Readied {
				readied[n.Class] += n.Nodes
			}
		case ledger.Exhausted:
			r.commitRefused(d, "the run has used its budget of retries")
		case ledger.TooWide:
			r.commitRefused(d, fmt.Sprintf("the fan-out of width %d exceeds the limits of the run", d.ends[0].width))
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
	r.wake(readied, drafts[len(drafts)-1].call.Wake.Functions)
	return nil
}

// applied handles the answer to a commit that was applied.
func (r *run) applied(d *draft, reply *ledger.Reply) error {
	r.lock()
	s := r.share
	err := s.applyReply(d, reply)
	c := &d.call.Commit
	granted := len(reply.Claims)
	for _, claim := range reply.Claims {
		if slices.ContainsFunc(c.Onward, func(g ledger.Grant) bool { return g.Node == claim.Node }) {
			granted--
		}
	}
	if c.Classes != nil {
		r.dry = granted < c.Want && !r.hinted
		if c.Want > 0 && granted == 0 && d.forSuspects {
			s.foreign = s.suspects // others have to take them, or they are bounded
		}
	}
	r.nextDue = reply.NextDue
	r.awaitingUploads = false
	backlog := reply.Waiting
	if r.dry {
		backlog = 0 // this process cannot get what waits
	}
	r.backlog.Store(int32(backlog))
	r.waiting.Store(int32(reply.Waiting))
	if r.session.ends = reply.Verdict == ledger.Applied && s.status.Final(); r.session.ends {
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
func (r *run) commitRefused(d *draft, why string) {
	r.lock()
	defer r.unlockAndNotify()
	r.session.number--
	r.share.failRefused(d.ends[0], why)
}

// markEnded records that the run ended without this session.
func (r *run) markEnded(reply *ledger.Reply) {
	r.lock()
	defer r.unlockAndNotify()
	r.share.status, r.share.stopping = reply.Status, reply.Stopping
}

// markUnknown records that the store does not know the run any more.
func (r *run) markUnknown() {
	r.lock()
	defer r.unlockAndNotify()
	r.share.status = engine.Interrupted
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
	r.Stop(engine.Failed, errRolledBack, &engine.ErrorRecord{
		Kind: engine.StoreError, Node: engine.NoNode, Worker: r.name, Time: r.wall(r.clock.now()),
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
	s := r.share
	s.queue.takeAll()
	r.closeOnBoard()
	if s.stopping == "" && s.status != engine.Succeeded && executing > 0 {
		s.stopping = s.status
	}
	stopping := r.stoppingHook(nil)
	r.unlockAndNotify()
	stopping()
	if executing > 0 {
		r.hooks.Fenced(errFenced)
	}
}
