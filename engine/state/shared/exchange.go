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

// exchange sends commits until they are answered, and takes in the answers. Where no answer comes for too long, others
// may have the claims by now: then the session is over.
func (r *run) exchange(ctx context.Context, drafts []*draft) error {
	calls := make([]Call, len(drafts))
	for i, d := range drafts {
		r.testify(ctx, d)
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
			r.vanish()
			return nil
		}
		r.store.cfg.Log.Error("a commit failed and is repeated", "run", r.id, "error", err)
		sleep(bounded, retryCall)
	}
}

// pack encodes what travels in a commit.
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

// answer takes in the answers to commits.
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
				r.giveUp(ctx, err)
				return nil
			}
			for _, n := range reply.Readied {
				readied[n.Class] += n.Nodes
			}
		case ledger.Exhausted:
			r.refused(d, "the run has used its budget of retries")
		case ledger.TooWide:
			r.refused(d, fmt.Sprintf("the fan-out of width %d exceeds the limits of the run", d.ends[0].width))
		case ledger.Gone:
			r.over(reply)
			return nil
		case ledger.Fenced:
			r.fence(errFenced)
			return nil
		default:
			r.giveUp(ctx, fmt.Errorf("%w: %s", errMalformed, reply.Why))
			return nil
		}
	}
	r.wake(readied, drafts[len(drafts)-1].call.Wake.Functions)
	return nil
}

// applied takes in that a commit was applied.
func (r *run) applied(d *draft, reply *ledger.Reply) error {
	r.lock()
	s := r.share
	err := s.settle(d, reply)
	c := &d.call.Commit
	granted := len(reply.Claims)
	for _, claim := range reply.Claims {
		if slices.ContainsFunc(c.Onward, func(g ledger.Grant) bool { return g.Node == claim.Node }) {
			granted--
		}
	}
	if c.Classes != nil {
		r.dry = granted < c.Want && !r.roused
		if c.Want > 0 && granted == 0 && d.forSuspects {
			s.foreign = s.suspects // for others, or bounded
		}
	}
	r.nextDue = reply.NextDue
	r.stuck = false
	backlog := reply.Waiting
	if r.dry {
		backlog = 0 // what waits is not for this process
	}
	r.backlog.Store(int32(backlog))
	r.waiting.Store(int32(reply.Waiting))
	if r.session.ends = reply.Verdict == ledger.Applied && s.status.Final(); r.session.ends {
		r.session.endedAt = reply.Now
	}
	stopping := r.tellStopping(nil)
	r.unlock()
	stopping()
	if err == nil {
		r.preload(reply.Claims)
	}
	return err
}

// refused ends an attempt as failed that the ledger does not accept otherwise. The commit has used up no number.
func (r *run) refused(d *draft, why string) {
	r.lock()
	defer r.unlock()
	r.session.number--
	r.share.refused(d.ends[0], why)
}

// over notes that the run has ended without this session.
func (r *run) over(reply *ledger.Reply) {
	r.lock()
	defer r.unlock()
	r.share.status, r.share.stopping = reply.Status, reply.Stopping
}

// vanish notes that the store knows the run no more.
func (r *run) vanish() {
	r.lock()
	defer r.unlock()
	r.share.status = engine.Interrupted
}

// giveUp leaves a session that cannot go on, so that others have its claims at once, and begins a new one.
func (r *run) giveUp(ctx context.Context, cause error) {
	r.store.cfg.Log.Error("a session is given up", "run", r.id, "cause", cause)
	bounded, stop := context.WithTimeout(ctx, r.store.fenceAfter())
	defer stop()
	_, _ = r.backend.Do(bounded, r.id, ledger.Leave{Session: r.session.id}, nil) // else its lease runs out
	r.fence(cause)
	sleep(ctx, retryCall) // it may happen again
}

// failRolledBack ends the run: nodes would mean one thing here and another elsewhere. Its retry begins with what the store
// has kept.
func (r *run) failRolledBack() {
	r.Stop(engine.Failed, errRolledBack, &engine.ErrorRecord{
		Kind: engine.StoreError, Node: engine.NoNode, Worker: r.name, Time: r.wall(r.clock.now()),
		Message: "the store has forgotten what it had acknowledged, which happens when its machine dies or a replica that lags behind takes over",
	})
}

// halt ends what lanes still have when the run is over.
func (r *run) halt() {
	r.halted.Store(true)
	r.lock()
	executing := 0
	for _, l := range r.lanes {
		if l.held {
			l.drop()
			executing++
		}
	}
	s := r.share
	s.queue.takeAll()
	r.unlist()
	if s.stopping == "" && s.status != engine.Succeeded && executing > 0 {
		s.stopping = s.status
	}
	stopping := r.tellStopping(nil)
	r.unlock()
	stopping()
	if executing > 0 {
		r.hooks.Fenced(errFenced)
	}
}
