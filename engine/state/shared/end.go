package shared

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

const (
	// valueWithin bounds fetching a large result.
	valueWithin = time.Minute
	// endWithin is how long other processes wait for the one whose commit has ended the run to store its end.
	endWithin = 2 * time.Second
	// anyEndWithin is how long processes wait that cannot evaluate the result.
	anyEndWithin = 10 * time.Second
)

// concluder finds out, or sets, how the run has ended.
type concluder struct {
	*core
	tail     *tail
	fetcher  *fetcher
	controls *controls

	endMu   sync.Mutex
	outcome record.Status               // guarded by endMu; status of end
	end     func() (record.RunEnd, any) // guarded by endMu; nil before the end is known here
}

// run waits until the end of the run is stored: by the process whose commit has ended it or, if that does not within
// endWithin, by this one. It returns once the end is known here; false when ctx has ended before.
func (c *concluder) run(ctx context.Context) bool {
	c.halted.Store(true)
	patience := endWithin + rand.N(endWithin/2)
	if _, ok := c.endsHere(); ok {
		patience = 0
	} else if c.layout.Graph.ResultType().Err() != nil {
		patience = anyEndWithin
	}
	for pause, begun := 10*time.Millisecond, time.Now(); ctx.Err() == nil; pause = min(2*pause, time.Second) {
		kept, err := c.backend.Peek(ctx, c.id)
		switch {
		case errors.Is(err, engine.ErrUnknownRun):
			c.setEnd(c.lostEnd(), nil)
			return true
		case err == nil && kept.Revision > c.revision:
			c.setSupersededEnd()
			return true
		case err == nil && kept.End != nil:
			c.setStoredEnd(kept.End)
			return true
		case err == nil && !kept.Status.Final():
			c.controls.failRolledBack() // and read again
		case err == nil && time.Since(begun) >= patience && c.storeEnd(ctx, kept, time.Since(begun) >= anyEndWithin):
			return true
		}
		sleep(ctx, pause)
	}
	return false
}

// endsHere reports whether the run was ended by a commit of this process, and when.
func (c *concluder) endsHere() (at int64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session.endedAt, c.session.ends
}

// storeEnd evaluates the end and stores it, unless another process was first; false when the store has to be read again.
// With anyhow an unavailable result is left out.
func (c *concluder) storeEnd(ctx context.Context, kept Stored, anyhow bool) bool {
	end := record.RunEnd{Status: kept.Status, EndedAt: c.endedAt()}
	var value any
	var frontier []dag.NodeID
	switch {
	case kept.Status == record.Succeeded:
		var err error
		if value, err = c.result(ctx, &end); err != nil {
			if !anyhow {
				return false
			}
			c.log.Error("the result of a run is lost", "error", err)
			end.First = &record.ErrorRecord{
				Kind: record.OutputLostError, Node: dag.NoNode, Time: end.EndedAt, Message: "the result is lost: " + err.Error(),
			}
		}
		if end.Result == nil {
			frontier = c.layout.Graph.ResultReads(nil, c.state.Numbering())
		}
	default:
		end.First = decodeRecord(kept.First)
		frontier = c.frontier(ctx)
	}
	data, err := json.Marshal(end)
	if err != nil {
		return false
	}
	first, err := c.backend.Finish(ctx, c.id, data)
	if err != nil {
		return false
	}
	if string(first) != string(data) {
		c.setStoredEnd(first)
		return true
	}
	if _, err := c.backend.Clean(ctx, c.id, frontier); err != nil {
		c.log.Error("a run could not be cleaned", "error", err)
	}
	c.setEnd(end, value)
	return true
}

// endedAt is when the run ended: according to its last commit or the log, else now.
func (c *concluder) endedAt() time.Time {
	if at, ok := c.endsHere(); ok {
		return c.wall(at)
	}
	if s := c.tail.finished(); s != nil {
		return c.wall(s.Ended)
	}
	return c.now()
}

// result evaluates what the run returns, and adds it to its end if it is small enough. It fails when a value that it
// consists of is unavailable, perhaps because another process has stored the end and cleaned the run.
func (c *concluder) result(ctx context.Context, end *record.RunEnd) (any, error) {
	t := c.layout.Graph.ResultType()
	end.ResultType = t.Name()
	if t.Err() != nil {
		return nil, nil
	}
	if err := c.learnBlocks(ctx); err != nil {
		return nil, err
	}
	in := &inputSet{nodes: c.layout.Graph.ResultReads(nil, c.state.Numbering())}
	in.outs = make([]*member.Value, len(in.nodes))
	if !c.fetcher.local(in) {
		if err := c.fetcher.fetchHere(ctx, in); err != nil {
			return nil, err
		}
	}
	v := c.layout.Graph.Result(c.state.Numbering(), in)
	end.Keep(t, v)
	return v, nil
}

// learnBlocks learns the fan-outs that other processes expanded: from the ledger or, once that is gone, from the log. The
// process whose commit ended the run knows all of them from the answer.
func (c *concluder) learnBlocks(ctx context.Context) error {
	if _, ok := c.endsHere(); ok {
		return nil
	}
	state, err := c.backend.Snapshot(ctx, c.id)
	if err != nil {
		return err
	}
	blocks := state.Blocks
	if len(state.Nodes) == 0 && c.layout.Graph.Scope(0).Len() > 0 {
		if blocks, err = c.tail.blocks(ctx); err != nil {
			return err
		}
	}
	c.lock()
	defer c.unlockAndNotify()
	return c.state.Learn(blocks, 0)
}

// frontier lists the outputs that the next revision may read: those of tasks that are OK with readers that are not.
func (c *concluder) frontier(ctx context.Context) []dag.NodeID {
	state, err := c.backend.Snapshot(ctx, c.id)
	if err != nil {
		return nil
	}
	c.lock()
	defer c.unlockAndNotify()
	if err := c.state.Learn(state.Blocks, 0); err != nil {
		return nil
	}
	return c.state.Frontier(state)
}

// lostEnd is the end of a run that the store has lost.
func (c *concluder) lostEnd() record.RunEnd {
	now := c.now()
	return record.RunEnd{Status: record.Interrupted, EndedAt: now, First: &record.ErrorRecord{
		Kind: record.StoreError, Node: dag.NoNode, Time: now,
		Message: "the store has lost the run: it was deleted, or the store was restarted without its data",
	}}
}

func (c *concluder) setEnd(end record.RunEnd, value any) {
	c.publishEnd(end.Status, func() (record.RunEnd, any) { return end, value })
}

// setStoredEnd sets an end that was read from the store. The value is fetched when it is first asked for.
func (c *concluder) setStoredEnd(data []byte) {
	var end record.RunEnd
	if err := json.Unmarshal(data, &end); err != nil {
		end = record.RunEnd{Status: record.Interrupted, EndedAt: c.now()}
	}
	c.publishEnd(end.Status, sync.OnceValues(func() (record.RunEnd, any) {
		value, err := c.value(end)
		if err != nil && end.First == nil {
			end.First = &record.ErrorRecord{
				Kind: record.OutputLostError, Node: dag.NoNode, Time: end.EndedAt, Message: "the result is unavailable: " + err.Error(),
			}
		}
		return end, value
	}))
}

// setSupersededEnd sets the end of a revision that was retried before its end could be read.
func (c *concluder) setSupersededEnd() {
	end := record.RunEnd{Status: record.Failed, EndedAt: c.endedAt()}
	if s := c.tail.finished(); s != nil {
		end.Status = s.Outcome.RunStatus()
	}
	c.setEnd(end, nil)
}

func (c *concluder) publishEnd(outcome record.Status, end func() (record.RunEnd, any)) {
	c.endMu.Lock()
	defer c.endMu.Unlock()
	c.outcome, c.end = outcome, end
}

// status is the status of the end, empty before that is known here.
func (c *concluder) status() record.Status {
	c.endMu.Lock()
	defer c.endMu.Unlock()
	return c.outcome
}

// get returns the end and the result, zero before they are known.
func (c *concluder) get() (record.RunEnd, any) {
	c.endMu.Lock()
	end := c.end
	c.endMu.Unlock()
	if end == nil {
		return record.RunEnd{}, nil
	}
	return end()
}

// value is the result of a run whose end was read from the store; nil if it has none or this program lacks its type. A
// large result is assembled from the outputs that it consists of, as long as those are kept.
func (c *concluder) value(end record.RunEnd) (any, error) {
	t := c.layout.Graph.ResultType()
	if end.Status != record.Succeeded || t.Err() != nil {
		return nil, nil
	}
	if end.Result != nil {
		return t.Decode(end.Result)
	}
	ctx, stop := context.WithTimeout(context.Background(), valueWithin)
	defer stop()
	return c.result(ctx, &record.RunEnd{})
}
