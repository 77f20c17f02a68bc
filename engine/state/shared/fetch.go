package shared

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

// Outputs are fetched in groups, concurrently: about fetchGroups of them, of leastGroup to mostGroup outputs.
const (
	fetchGroups = 8
	leastGroup  = 32
	mostGroup   = 256
)

// groupOf is how many of n outputs are fetched by one call.
func groupOf(n int) int { return min(max(n/fetchGroups, leastGroup), mostGroup) }

// Sources of an input, as record.InputDetail names them.
const (
	fromLocal  = "local"
	fromInline = "inline"
	fromStore  = "store"
)

// inputSet holds the values that one attempt reads, also when the cache drops them meanwhile.
type inputSet struct {
	nodes []dag.NodeID // ascending
	outs  []*member.Value
}

// Output implements dag.Values.
func (in *inputSet) Output(id dag.NodeID) any {
	if i, ok := slices.BinarySearch(in.nodes, id); ok {
		return in.outs[i].Data
	}
	return nil
}

// Elements implements dag.Values; it is never called, since the set is dag.Lazy.
func (in *inputSet) Elements(dag.NodeID) []any { return nil }

// LazyElements implements dag.Lazy.
func (in *inputSet) LazyElements() {}

// fetching is an output that is being fetched. Its fields but ahead are set before done is closed.
type fetching struct {
	done  chan struct{}
	out   *member.Value // nil where it is missing
	err   error
	took  time.Duration
	ahead bool // prefetched: no lane has its reader yet
}

// fetcher gets the values that nodes of this process read, from memory or the store. Safe for concurrent use.
type fetcher struct {
	*core
	moves   moves
	fetches map[dag.NodeID]*fetching // guarded by core.mu; under way, of the current session
	missed  map[dag.NodeID]uint16    // guarded by core.mu; epochs of outputs that were lost
}

func newFetcher(c *core, m moves) *fetcher {
	return &fetcher{core: c, moves: m, fetches: map[dag.NodeID]*fetching{}, missed: map[dag.NodeID]uint16{}}
}

// fetchInputs is Fetch of state.Fetcher.
func (f *fetcher) fetchInputs(ctx context.Context, c state.Claim) (dag.Values, []record.InputDetail, error) {
	p := f.state.Numbering().Locate(c.Node)
	in := &inputSet{nodes: f.layout.Graph.Reads(nil, p, f.state.Numbering())}
	if len(in.nodes) == 0 {
		return in, nil, nil
	}
	in.outs = make([]*member.Value, len(in.nodes))
	for !f.local(in) {
		details := make([]record.InputDetail, len(in.nodes))
		missing, err := f.gather(ctx, in, details)
		if err != nil {
			return nil, nil, err
		}
		if len(missing) == 0 {
			return in, details, nil
		}
		if err := f.invalidate(ctx, c, missing); err != nil {
			return nil, nil, err
		}
	}
	return in, nil, nil
}

// local fills in the inputs if all of them are in memory; otherwise it reports false.
func (f *fetcher) local(in *inputSet) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, id := range in.nodes {
		o := f.state.Use(id)
		if o == nil {
			return false
		}
		in.outs[i] = o
	}
	return true
}

// gather fetches the inputs that are not in memory, and returns those that the store does not have either.
func (f *fetcher) gather(ctx context.Context, in *inputSet, details []record.InputDetail) (missing []dag.NodeID, err error) {
	for i, w := range f.request(in, false) {
		d := record.InputDetail{From: in.nodes[i], Source: fromLocal}
		if w != nil {
			select {
			case <-w.done:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			if w.err != nil {
				return nil, fmt.Errorf("input %d cannot be fetched: %w", in.nodes[i], w.err)
			}
			if w.out == nil {
				missing = append(missing, in.nodes[i])
				continue
			}
			in.outs[i] = w.out
			d.Fetch, d.Source = w.took, fromStore
			if w.out.Inline {
				d.Source = fromInline
			}
		}
		if d.Bytes = in.outs[i].Bytes; w != nil {
			d.Bytes = in.outs[i].Size
		}
		details[i] = d
	}
	return missing, nil
}

// request fills in the inputs that are in memory and starts to fetch the others, unless that is under way. It returns
// what to wait for, nil for inputs that are filled in.
func (f *fetcher) request(in *inputSet, ahead bool) []*fetching {
	waits := make([]*fetching, len(in.nodes))
	var asked []dag.NodeID
	f.mu.Lock()
	session := f.session.id
	for i, id := range in.nodes {
		w := f.fetches[id]
		switch o := f.state.Value(id); {
		case o != nil:
			in.outs[i] = o
		case w != nil:
			waits[i] = w
		default:
			w = &fetching{done: make(chan struct{}), ahead: ahead}
			waits[i] = w
			if session == "" { // the claim is lost, and the answer would be dropped
				w.err = errFenced
				close(w.done)
				continue
			}
			f.fetches[id] = w
			asked = append(asked, id)
		}
	}
	f.mu.Unlock()
	for some := range slices.Chunk(asked, groupOf(len(asked))) {
		if !f.spawn(func(ctx context.Context) { f.fetch(ctx, some, session) }) {
			f.fetchedAll(some, nil, fmt.Errorf("%w: the run is over", errFenced), 0, session)
		}
	}
	return waits
}

// preload prefetches the inputs of claims that wait for a lane.
func (f *fetcher) preload(claims []ledger.Claim) {
	if f.rules.NoPreload {
		return
	}
	in := &inputSet{}
	for _, c := range claims {
		if !c.Skip && !c.Poison && !c.EdgesOnly {
			in.nodes = f.layout.Graph.Reads(in.nodes, f.state.Numbering().Locate(c.Node), f.state.Numbering())
		}
	}
	if len(in.nodes) == 0 {
		return
	}
	slices.Sort(in.nodes)
	in.nodes = slices.Compact(in.nodes)
	in.outs = make([]*member.Value, len(in.nodes))
	f.request(in, true)
}

// fetch gets and decodes a group of outputs.
func (f *fetcher) fetch(ctx context.Context, group []dag.NodeID, session ledger.SessionID) {
	began := time.Now()
	var values []Output
	err := errFenced
	if f.moves.enter(ctx) {
		values, err = f.backend.Outputs(ctx, f.id, group)
		f.moves.exit()
	}
	if err == nil && len(values) != len(group) {
		err = fmt.Errorf("shared: %d outputs were given, expected %d", len(values), len(group))
	}
	outs := make([]*member.Value, len(group))
	for i := range values {
		if err == nil {
			outs[i], err = f.decode(group[i], values[i])
		}
	}
	f.fetchedAll(group, outs, err, time.Since(began), session)
}

// fetchedAll hands a group of outputs, nil for missing ones, to those who wait for them.
func (f *fetcher) fetchedAll(group []dag.NodeID, outs []*member.Value, err error, took time.Duration, session ledger.SessionID) {
	f.lock()
	defer f.unlockAndNotify()
	if f.session.id != session {
		return // abandonFetches has informed those who waited
	}
	for i, id := range group {
		w := f.fetches[id]
		delete(f.fetches, id)
		if w.err, w.took = err, took; err == nil && outs[i] != nil {
			w.out = outs[i]
			f.state.Arrived(w.out, took, w.ahead)
		}
		close(w.done)
	}
}

// fetchHere gets values in this goroutine, since the run may not start others any more.
func (f *fetcher) fetchHere(ctx context.Context, in *inputSet) error {
	at := 0
	for some := range slices.Chunk(in.nodes, mostGroup) {
		values, err := f.backend.Outputs(ctx, f.id, some)
		if err != nil {
			return err
		}
		for i := range values {
			o, err := f.decode(some[i], values[i])
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

// decode makes an output of a stored value, nil where there is none.
func (f *fetcher) decode(id dag.NodeID, in Output) (*member.Value, error) {
	if in.Inline == nil {
		return nil, nil
	}
	v, err := f.layout.Graph.OutputType(f.state.Numbering().Locate(id)).Decode(in.Inline)
	if err != nil {
		return nil, err
	}
	return member.Fetched(id, v, len(in.Inline), in.Key == ""), nil
}

// abandonFetches fails all fetches of a session that is over. The lock is held.
func (f *fetcher) abandonFetches() {
	for _, w := range f.fetches {
		w.err = errFenced
		close(w.done)
	}
	clear(f.fetches)
}
