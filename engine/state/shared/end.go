package shared

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
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

// awaitEnd waits until the end of the run is stored: by the process whose commit has ended it or, if that does not within
// endWithin, by this one. It returns once the end is known here; false when ctx has ended before.
func (r *run) awaitEnd(ctx context.Context) bool {
	r.halted.Store(true)
	patience := endWithin + rand.N(endWithin/2)
	if r.endsHere() {
		patience = 0
	} else if r.layout.Graph.ResultType().Err() != nil {
		patience = anyEndWithin
	}
	for pause, begun := 10*time.Millisecond, time.Now(); ctx.Err() == nil; pause = min(2*pause, time.Second) {
		kept, err := r.backend.Peek(ctx, r.id)
		switch {
		case errors.Is(err, engine.ErrUnknownRun):
			r.setEnd(r.lostEnd(), nil)
			return true
		case err == nil && kept.Revision > r.revision:
			r.setSupersededEnd()
			return true
		case err == nil && kept.End != nil:
			r.setStoredEnd(kept.End)
			return true
		case err == nil && !kept.Status.Final():
			r.failRolledBack() // and read again
		case err == nil && time.Since(begun) >= patience && r.storeEnd(ctx, kept, time.Since(begun) >= anyEndWithin):
			return true
		}
		sleep(ctx, pause)
	}
	return false
}

// endsHere reports whether the run was ended by a commit of this process.
func (r *run) endsHere() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.session.ends
}

// storeEnd evaluates the end and stores it, unless another process was first; false when the store has to be read again.
// With anyhow an unavailable result is left out.
func (r *run) storeEnd(ctx context.Context, kept Stored, anyhow bool) bool {
	end := record.RunEnd{Status: kept.Status, EndedAt: r.endedAt()}
	var value any
	var frontier []dag.NodeID
	switch {
	case kept.Status == record.Succeeded:
		var err error
		if value, err = r.result(ctx, &end); err != nil {
			if !anyhow {
				return false
			}
			r.store.cfg.Log.Error("the result of a run is lost", "run", r.id, "error", err)
			end.First = &record.ErrorRecord{
				Kind: record.OutputLostError, Node: dag.NoNode, Time: end.EndedAt, Message: "the result is lost: " + err.Error(),
			}
		}
		if end.Result == nil {
			frontier = r.layout.Graph.ResultReads(nil, r.Numbering())
		}
	default:
		end.First = decodeRecord(kept.First)
		frontier = r.frontier(ctx)
	}
	data, err := json.Marshal(end)
	if err != nil {
		return false
	}
	first, err := r.backend.Finish(ctx, r.id, data)
	if err != nil {
		return false
	}
	if string(first) != string(data) {
		r.setStoredEnd(first)
		return true
	}
	if _, err := r.backend.Clean(ctx, r.id, frontier); err != nil {
		r.store.cfg.Log.Error("a run could not be cleaned", "run", r.id, "error", err)
	}
	r.setEnd(end, value)
	return true
}

// endedAt is when the run ended: according to its last commit or the log, else now.
func (r *run) endedAt() time.Time {
	if r.endsHere() {
		return r.wall(r.session.endedAt)
	}
	if s := r.tail.finished(); s != nil {
		return r.wall(s.Ended)
	}
	return r.wall(r.clock.now())
}

// result evaluates what the run returns, and adds it to its end if it is small enough. It fails when a value that it
// consists of is unavailable, perhaps because another process has stored the end and cleaned the run.
func (r *run) result(ctx context.Context, end *record.RunEnd) (any, error) {
	t := r.layout.Graph.ResultType()
	end.ResultType = t.Name()
	if t.Err() != nil {
		return nil, nil
	}
	if err := r.learnBlocks(ctx); err != nil {
		return nil, err
	}
	in := &inputSet{nodes: r.layout.Graph.ResultReads(nil, r.Numbering())}
	in.outs = make([]*member.Value, len(in.nodes))
	if !r.local(in) {
		if err := r.fetchHere(ctx, in); err != nil {
			return nil, err
		}
	}
	v := r.layout.Graph.Result(r.Numbering(), in)
	end.Keep(t, v)
	return v, nil
}

// fetchHere gets values in this goroutine, since the run may not start others any more.
func (r *run) fetchHere(ctx context.Context, in *inputSet) error {
	at := 0
	for some := range slices.Chunk(in.nodes, mostGroup) {
		values, err := r.backend.Outputs(ctx, r.id, some)
		if err != nil {
			return err
		}
		for i := range values {
			o, err := r.decode(some[i], values[i])
			if err != nil {
				return err
			}
			if o == nil {
				return fmt.Errorf("shared: the output of node %d is gone, which the result contains", some[i])
			}
			in.outs[at] = o
			at++
		}
	}
	return nil
}

// learnBlocks learns the fan-outs that other processes expanded: from the ledger or, once that is gone, from the log. The
// process whose commit ended the run knows all of them from the answer.
func (r *run) learnBlocks(ctx context.Context) error {
	if r.endsHere() {
		return nil
	}
	state, err := r.backend.Snapshot(ctx, r.id)
	if err != nil {
		return err
	}
	blocks := state.Blocks
	if len(state.Nodes) == 0 && r.layout.Graph.Scope(0).Len() > 0 {
		if blocks, err = r.tail.blocks(ctx); err != nil {
			return err
		}
	}
	r.lock()
	defer r.unlockAndNotify()
	return r.state.Learn(blocks, 0)
}

// frontier lists the outputs that the next revision may read: those of tasks that are OK with readers that are not.
func (r *run) frontier(ctx context.Context) []dag.NodeID {
	state, err := r.backend.Snapshot(ctx, r.id)
	if err != nil {
		return nil
	}
	r.lock()
	defer r.unlockAndNotify()
	if err := r.state.Learn(state.Blocks, 0); err != nil {
		return nil
	}
	return r.state.Frontier(state)
}

func decodeRecord(data []byte) *record.ErrorRecord {
	if len(data) == 0 {
		return nil
	}
	var rec record.ErrorRecord
	if err := json.Unmarshal(data, &rec); err != nil {
		return nil
	}
	return &rec
}

// lostEnd is the end of a run that the store has lost.
func (r *run) lostEnd() record.RunEnd {
	now := r.wall(r.clock.now())
	return record.RunEnd{Status: record.Interrupted, EndedAt: now, First: &record.ErrorRecord{
		Kind: record.StoreError, Node: dag.NoNode, Time: now,
		Message: "the store has lost the run: it was deleted, or the store was restarted without its data",
	}}
}

func (r *run) setEnd(end record.RunEnd, value any) {
	r.publishEnd(end.Status, func() (record.RunEnd, any) { return end, value })
}

// setStoredEnd sets an end that was read from the store. The value is fetched when it is first asked for.
func (r *run) setStoredEnd(data []byte) {
	var end record.RunEnd
	if err := json.Unmarshal(data, &end); err != nil {
		end = record.RunEnd{Status: record.Interrupted, EndedAt: r.wall(r.clock.now())}
	}
	r.publishEnd(end.Status, sync.OnceValues(func() (record.RunEnd, any) {
		value, err := r.value(end)
		if err != nil && end.First == nil {
			end.First = &record.ErrorRecord{
				Kind: record.OutputLostError, Node: dag.NoNode, Time: end.EndedAt, Message: "the result is unavailable: " + err.Error(),
			}
		}
		return end, value
	}))
}

// setSupersededEnd sets the end of a revision that was retried before its end could be read.
func (r *run) setSupersededEnd() {
	end := record.RunEnd{Status: record.Failed, EndedAt: r.endedAt()}
	if s := r.tail.finished(); s != nil {
		end.Status = s.Outcome.RunStatus()
	}
	r.setEnd(end, nil)
}

func (r *run) publishEnd(outcome record.Status, end func() (record.RunEnd, any)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcome, r.end = outcome, end
}

// value is the result of a run whose end was read from the store; nil if it has none or this program lacks its type. A
// large result is assembled from the outputs that it consists of, as long as those are kept.
func (r *run) value(end record.RunEnd) (any, error) {
	t := r.layout.Graph.ResultType()
	if end.Status != record.Succeeded || t.Err() != nil {
		return nil, nil
	}
	if end.Result != nil {
		return t.Decode(end.Result)
	}
	ctx, stop := context.WithTimeout(context.Background(), valueWithin)
	defer stop()
	return r.result(ctx, &record.RunEnd{})
}
