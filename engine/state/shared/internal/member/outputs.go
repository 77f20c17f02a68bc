package member

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

// Outputs are the values of one run in this process's memory, and those on their way to the store.
type Outputs struct {
	*Nodes
	cache
	rules     record.Rules
	now       int64       // on the run's clock, set by State.Advance
	limit     int64       // most weight of values that only this process has
	delayed   []*Value    // large values held for their consumers
	uploads   []*Value    // to be encoded and put by the run
	handovers []*handover // held values to be stored
	broken    map[dag.NodeID]error
	failed    bool // a value cannot be stored, so the session has to be abandoned
	awaited   bool // another session may wait for a value that can be, or is to be, provided
	saved     record.Savings
}

// handover is a held value to be stored, because others may execute its readers after all.
type handover struct {
	node Node
	out  *Value
}

// Prepare makes the value of a task that is OK, nil if it has no readers. If it has to be stored in any case, the lane
// encodes it here, so that lanes encode concurrently; the error says why it cannot be encoded. Safe for concurrent use.
func (s *Outputs) Prepare(p Node, data any, bytes int64) (*Value, error) {
	reads := p.b.bits.uses[p.local]
	if reads == unread {
		return nil, nil
	}
	o := &Value{Node: p.ID(), Data: data, Bytes: bytes}
	o.must = reads == spread || s.rules.StoreAll || s.layout.impure[p.class()]
	if !o.must {
		return o, nil
	}
	b, err := s.layout.Graph.OutputType(p.place()).Append(nil, data)
	if err != nil {
		return nil, fmt.Errorf("the output cannot be stored: %w", err)
	}
	o.Encoded, o.Size = b, int64(len(b))
	o.stage = packed
	if s.rules.NoInline || o.Size > s.rules.InlineBytes {
		o.stage = moving
	}
	return o, nil
}

// Encode encodes a value as others read it. Safe for concurrent use with all but the growth of fan-outs.
func (s *Outputs) Encode(o *Value) ([]byte, error) {
	return s.layout.Graph.OutputType(s.numbering.Locate(o.Node)).Append(nil, o.Data)
}

// Value is the output of a node if it is in memory, else nil.
func (s *Outputs) Value(id dag.NodeID) *Value { return s.Find(id).state().out }

// Use is Value, and makes the output the most recently used.
func (s *Outputs) Use(id dag.NodeID) *Value {
	o := s.Value(id)
	if o != nil {
		s.touch(o)
	}
	return o
}

// Arrived adds a fetched value, unless the output is in memory already. took is how long fetching it took; ahead, that no
// lane was waiting for it.
func (s *Outputs) Arrived(o *Value, took time.Duration, ahead bool) {
	if n := s.Find(o.Node).state(); n.out == nil {
		n.out = o
		s.add(o)
	}
	s.saved.FetchedBytes += o.Size
	if ahead {
		s.saved.Preloaded++
		s.saved.Preload += took
	}
}

// Held is the weight of all values, and of those that only this process has.
func (s *Outputs) Held() (used, only int64) { return s.used, s.only }

// Broken is why the output of a node cannot be stored, nil unless that has failed.
func (s *Outputs) Broken(id dag.NodeID) error { return s.broken[id] }

// clearOutputs drops all values.
func (s *Outputs) clearOutputs() {
	s.cache = cache{}
	for b := range s.blocks() {
		for i := range b.nodes {
			b.nodes[i].out = nil
		}
	}
}

// unstored lists the inputs of a node that only this process has.
func (p Node) unstored() []*Value {
	var needs []*Value
	for _, parent := range p.scope().Parents(p.local) {
		if o := p.sibling(parent).state().out; o != nil && o.stage != stored {
			needs = append(needs, o)
		}
	}
	return needs
}

// dropInputs counts the node at p, which has ended, off the readers of its inputs, and drops those without readers.
func (s *Outputs) dropInputs(p Node) {
	for _, parent := range p.scope().Parents(p.local) {
		n := p.sibling(parent).state()
		o := n.out
		if o == nil {
			continue
		}
		if o.left--; o.left > 0 || o.must || o.stage == moving || o.stage == packed {
			continue
		}
		if o.stage == held {
			s.saved.NotStoredBytes += max(o.Bytes, 0)
		}
		s.remove(o)
		n.out = nil
	}
}

// pack encodes a small value, and has a large one put.
func (s *Outputs) pack(o *Value) {
	if s.rules.NoInline || codec.Exceeds(o.Data, s.rules.InlineBytes) {
		s.move(o)
		return
	}
	b, err := s.Encode(o)
	switch {
	case err != nil:
		s.broken[o.Node] = err
		s.failed = true
		o.stage = moving // for ever: the session is abandoned
	case int64(len(b)) > s.rules.InlineBytes:
		s.move(o)
	default:
		o.stage, o.Encoded, o.Size = packed, b, int64(len(b))
	}
}

// move has a value put under a key.
func (s *Outputs) move(o *Value) {
	o.stage = moving
	s.uploads = append(s.uploads, o)
}

// TakeUploads returns the values to be put, each once. failed: a value cannot be stored, so the session is to be
// abandoned.
func (s *Outputs) TakeUploads() (uploads []*Value, failed bool) {
	uploads, failed = s.uploads, s.failed
	s.uploads, s.failed = nil, false
	return uploads, failed
}

// Stored records that a value was put under a key.
func (s *Outputs) Stored(o *Value, key string, size int64) {
	weight := o.weight()
	o.stage, o.Key, o.Size, o.putAt = packed, key, size, s.now
	s.used += o.weight() - weight
	s.only += o.weight() - weight
	s.awaited = true
}

// Failed records that the output of a node cannot be stored.
func (s *Outputs) Failed(id dag.NodeID, err error) {
	s.broken[id] = err
	s.failed, s.awaited = true, true
}

// confirm records that the store has a value.
func (s *Outputs) confirm(o *Value) {
	if o.stage != packed {
		return
	}
	weight := o.weight()
	if o.Key != "" {
		s.saved.StoredBytes += o.Size
	} else {
		s.saved.InlineBytes += o.Size
	}
	o.stage, o.Encoded = stored, nil
	n := s.Find(o.Node).state()
	switch {
	case n.out != o: // it was dropped meanwhile
	case o.left <= 0 && !o.must:
		s.only -= weight
		s.used -= weight
		n.out = nil
	default:
		s.markStored(o, weight)
	}
}

// delay holds a large value for Rules.HoldFor. After that it is stored.
func (s *Outputs) delay(o *Value, soon bool) {
	o.until, o.soon = s.now+int64(s.rules.HoldFor), soon
	s.delayed = append(s.delayed, o)
	s.saved.DelayedHeld++
}

// Expire hands over delayed values whose time is over, and those that are stored for another reason, such as a retry of
// one of their readers: the other readers wait until they are handed over. It forgets those that all consumers have read.
func (s *Outputs) Expire() {
	rest := s.delayed[:0]
	for _, o := range s.delayed {
		switch {
		case !o.isDelayed():
		case s.now >= o.until || o.stage != held || s.only > s.limit:
			s.handOver(o)
		default:
			rest = append(rest, o)
		}
	}
	clear(s.delayed[len(rest):])
	s.delayed = rest
}

// NextExpiry is when the next delayed value is to be handed over, 0 for none.
func (s *Outputs) NextExpiry() (next int64) {
	for _, o := range s.delayed {
		if o.isDelayed() && (next == 0 || o.until < next) {
			next = o.until
		}
	}
	return next
}

// AwaitsReserved reports whether nodes may have been reserved for this session without its knowledge.
func (s *Outputs) AwaitsReserved() bool {
	return slices.ContainsFunc(s.delayed, func(o *Value) bool { return !o.soon })
}

// handOverDelayed hands over all delayed values.
func (s *Outputs) handOverDelayed() {
	for _, o := range s.delayed {
		if o.isDelayed() {
			s.handOver(o)
		}
	}
	s.delayed = nil
}

// handOverInputs gives others access to the inputs of a node; false while that takes.
func (s *Outputs) handOverInputs(p Node) bool {
	needs := p.unstored()
	for _, o := range needs {
		switch from := s.Find(o.Node); {
		case from.state().phase != done:
			o.must = true // it is stored with its end
		case o.stage == held:
			s.handOver(o)
		}
	}
	s.awaited = s.awaited || len(needs) > 0
	return len(needs) == 0
}

// handOver has a held value stored, because others may execute its readers.
func (s *Outputs) handOver(o *Value) {
	for _, h := range s.handovers {
		if h.out == o {
			return
		}
	}
	if o.until > 0 {
		s.saved.DelayedStored++
	}
	o.until = 0
	s.handovers = append(s.handovers, &handover{node: s.Find(o.Node), out: o})
	s.awaited = true
}

// Evict drops values that the store has, the least recently used first, to free excess.
func (s *Outputs) Evict(excess int64) {
	for excess > 0 && s.oldest != nil {
		o := s.oldest
		excess -= o.weight()
		s.remove(o)
		if n := s.Find(o.Node).state(); n.out == o {
			n.out = nil
		}
	}
}

// StoreLargest starts to store the largest values that only this process has, so that excess can be evicted later.
func (s *Outputs) StoreLargest(excess int64) {
	list := s.onlyHere()
	slices.SortFunc(list, func(a, b *Value) int {
		return cmp.Or(cmp.Compare(b.weight(), a.weight()), cmp.Compare(a.Node, b.Node))
	})
	for _, o := range list {
		if excess <= 0 {
			return
		}
		excess -= o.weight()
		o.must = true
		s.move(o)
		if s.Find(o.Node).state().phase == done {
			s.handOver(o)
		}
	}
}

// onlyHere lists the values that only this process has and that are not being stored.
func (s *Outputs) onlyHere() []*Value {
	var list []*Value
	for b := range s.blocks() {
		for i := range b.nodes {
			if o := b.nodes[i].out; o != nil && o.stage == held && !o.must {
				list = append(list, o)
			}
		}
	}
	return list
}

// Savings are what the rules have saved so far.
func (s *Outputs) Savings() record.Savings { return s.saved }

// CountInvalidated counts outputs that are recomputed because this process missed them.
func (s *Outputs) CountInvalidated(n int) { s.saved.Invalidated += int64(n) }

// isDrawn reports whether a node stays here because one of its inputs is too large to be moved.
func (s *Outputs) isDrawn(id dag.NodeID) bool {
	if s.rules.NoClustering {
		return false
	}
	return slices.ContainsFunc(s.Find(id).unstored(), func(o *Value) bool { return o.Bytes >= s.rules.ClusterBytes })
}

// Advance sets the time, in ns on the run's clock, of the events that follow.
func (s *Outputs) Advance(now int64) { s.now = now }

// Invalidation is the operation that has lost inputs of a claimed node recomputed; epochs are those of the lost outputs.
// It returns false while the ledger does not know the claim, or the node's other inputs are being stored for its next
// reader.
func (s *Outputs) Invalidation(p Node, missing []dag.NodeID, epochs map[dag.NodeID]uint16) (ledger.Invalidate, bool) {
	n := p.state()
	if !n.claimed || !s.handOverInputs(p) {
		s.awaited = true
		return ledger.Invalidate{}, false
	}
	op := ledger.Invalidate{Consumer: p.ID(), Epoch: n.epoch, Since: n.since}
	for _, id := range missing {
		in := s.Find(id)
		op.Lost = append(op.Lost, ledger.Life{
			Node: id, Class: in.class(), Epoch: epochs[id], Task: in.IsTask(), Sink: in.is(dag.Sink),
		})
	}
	return op, true
}
