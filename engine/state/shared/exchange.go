package shared

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine"
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
func (c *committer) exchange(ctx context.Context, drafts []*member.Draft, hint Hint) error {
	calls := make([]Call, len(drafts))
	for i, d := range drafts {
		c.addLastLoss(ctx, d)
		calls[i] = c.pack(d)
	}
	calls[len(calls)-1].Wake = hint
	for {
		sent := time.Now()
		bounded, stop := context.WithDeadline(ctx, c.answered.Add(c.fenceAfter()))
		replies, err := c.backend.Commit(bounded, c.id, calls)
		silent := bounded.Err() != nil
		stop()
		switch {
		case err == nil:
			return c.answer(ctx, drafts, replies, sent, hint)
		case ctx.Err() != nil:
			return ctx.Err()
		case silent:
			c.fence(errSilent)
			return nil
		case errors.Is(err, engine.ErrUnknownRun):
			c.markUnknown()
			return nil
		}
		c.log.Error("a commit failed and is repeated", "error", err)
		sleep(bounded, retryCall)
	}
}

// pack encodes the steps, details and first error of a commit.
func (c *committer) pack(d *member.Draft) Call {
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
	b := blob{Revision: c.revision, Details: d.Details}
	if c.isNew {
		b.Workers = []record.WorkerRecord{c.describe()}
		c.isNew = false
	}
	if len(b.Details)+len(b.Workers) > 0 {
		call.Details = [][]byte{b.encode()}
	}
	return call
}

// answer applies the answers to commits.
func (c *committer) answer(ctx context.Context, drafts []*member.Draft, replies []ledger.Reply, sent time.Time, hint Hint) error {
	if len(replies) != len(drafts) {
		return fmt.Errorf("shared: %d answers to %d commits", len(replies), len(drafts))
	}
	c.clock.learn(sent, time.Now(), replies[len(replies)-1].Now)
	c.answered, c.sent, c.beat = sent, sent, beatAfter(c.cfg.Lease)
	readied := map[ledger.Class]int{}
	for i, d := range drafts {
		reply := &replies[i]
		switch reply.Verdict {
		case ledger.Applied, ledger.Repeated:
			if err := c.applied(d, reply); err != nil {
				if errors.Is(err, member.ErrRolledBack) {
					c.controls.failRolledBack()
				}
				c.abandonSession(ctx, err)
				return nil
			}
			for _, n := range reply.Readied {
				readied[n.Class] += n.Nodes
			}
		case ledger.Exhausted, ledger.TooWide:
			c.commitRefused(d)
		case ledger.Gone:
			c.markEnded(reply)
			return nil
		case ledger.Fenced:
			c.fence(errFenced)
			return nil
		default:
			c.abandonSession(ctx, fmt.Errorf("%w: %s", errMalformed, reply.Why))
			return nil
		}
	}
	c.wakeWorkers(readied, hint.Functions)
	return nil
}

// applied handles the answer to a commit that was applied.
func (c *committer) applied(d *member.Draft, reply *ledger.Reply) error {
	c.lock()
	err := c.state.Apply(d, reply)
	c.appetite.answered(d.Granted(reply) < d.Commit.Want)
	c.due.retry, c.due.uploads = reply.NextDue, false
	backlog := reply.Waiting
	if c.appetite == dry {
		backlog = 0 // this process cannot get what waits
	}
	c.backlog.Store(int32(backlog))
	c.waiting.Store(int32(reply.Waiting))
	if c.session.ends = reply.Verdict == ledger.Applied && c.state.IsFinal(); c.session.ends {
		c.session.endedAt = reply.Now
	}
	stopping := c.stoppingHook(nil)
	c.unlockAndNotify()
	stopping()
	if err == nil {
		c.fetcher.preload(reply.Claims)
	}
	return err
}

// commitRefused fails an attempt whose end the ledger refused. The commit has used no number.
func (c *committer) commitRefused(d *member.Draft) {
	c.lock()
	defer c.unlockAndNotify()
	c.number--
	c.state.Refuse(d)
}

// markEnded records that the run ended without this session.
func (c *committer) markEnded(reply *ledger.Reply) {
	c.lock()
	defer c.unlockAndNotify()
	c.state.SetStatus(reply.Status, reply.Stopping)
}

const (
	// lossTries and lossPause bound the wait for the details of a loss, which are added shortly after the reap.
	lossTries = 4
	lossPause = 50 * time.Millisecond
)

// addLastLoss completes the records of poison tasks by how the last worker was lost that executed them, which is what
// users need to find the cause.
func (c *committer) addLastLoss(ctx context.Context, d *member.Draft) {
	for rec, ended := range d.Poisoned() {
		rec.Time = c.wall(ended)
		if last := c.lastLoss(ctx, rec); last != nil {
			rec.Message += "; the last time, " + last.Message
			rec.Stack, rec.ExitCode, rec.Signal = last.Stack, last.ExitCode, last.Signal
			rec.Worker, rec.Host, rec.Slot = last.Worker, last.Host, last.Slot
		}
	}
}

// lastLoss is the record of the attempt before that of rec, nil if there is none.
func (c *committer) lastLoss(ctx context.Context, rec *record.ErrorRecord) *record.ErrorRecord {
	ctx, stop := context.WithTimeout(ctx, shortCall)
	defer stop()
	var after Position
	for tries := 0; tries < lossTries && rec.Attempt > 1; {
		blobs, err := c.backend.Details(ctx, c.id, after, readMost)
		if err != nil {
			return nil
		}
		for _, raw := range blobs {
			after = raw.At
			var b blob
			if json.Unmarshal(raw.Data, &b) != nil || b.Revision != c.revision {
				continue
			}
			for _, d := range b.Details {
				if d.Error != nil && d.Node == rec.Node && d.Epoch == rec.Epoch && d.Attempt == rec.Attempt-1 {
					return d.Error
				}
			}
		}
		if len(blobs) == 0 {
			sleep(ctx, lossPause)
			tries++
		}
	}
	return nil
}
