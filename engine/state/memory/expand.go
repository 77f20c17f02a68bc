package memory

import (
	"sync/atomic"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// expand ends an expansion: it makes the instances of its fan-out, or fails if they would exceed the limits.
func (l *lane) expand(p at, e *state.End, next bool) dag.NodeID {
	l.other.Add(1)
	p.node().attempt++
	elements, _ := e.Output.([]any)
	start := l.room()
	b, seq, err := l.r.addBlock(p, len(elements))
	if err != nil {
		e.Error = l.r.limitError(p, err)
		if l.r.log != nil {
			l.recordAs(seq, p, e, record.FanOutExpanded, record.OutcomeFailed, nil, dag.NoNode)
		}
		l.failed(p, e.Error)
		return dag.NoNode
	}
	l.widen(p, b, elements)
	for i := range b.Instances {
		for _, root := range b.scope.Roots() {
			q := at{b, i * b.Size, root}
			q.node().ready = e.Ended
			l.ready = append(l.ready, q.id())
		}
	}
	l.notifyOver(e.Ended)
	return l.handOn(seq, p, e, record.FanOutExpanded, start, dag.NoNode, next)
}

// widen sets how many nodes the joins of the fan-out wait for, and how many readers the elements have. Joins that wait
// for nothing are over.
func (l *lane) widen(p at, b *block, elements []any) {
	s := p.b.scope
	l.r.sinks.Add(int64(b.Instances) * int64(b.scope.Sinks()))
	l.over = l.over[:0]
	holds := int32(b.Instances * b.scope.OuterHolds())
	for _, j := range s.RegionJoins(p.local) {
		if s.JoinReadsOuter(j) {
			holds++
		}
		waits := int32(int(b.Instances) * len(s.JoinWaits(j)))
		atomic.StoreInt32(&p.sibling(j).node().waits, waits)
		if waits == 0 {
			l.over = append(l.over, p.sibling(j))
		}
	}
	p.node().out = elements
	atomic.StoreInt32(&p.node().readers, holds)
	if holds == 0 {
		l.dropOutput(p)
	}
}

// addBlock numbers the instances and creates their state. Blocks have to be in the order of their steps in the log,
// because readers number the nodes in that order; so one lock covers both.
func (r *run) addBlock(p at, width int) (*block, uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seq := r.number()
	eb, err := r.numbering.Expand(p.id(), width, r.job.Options.Limits)
	if err != nil {
		return nil, seq, err
	}
	b := newBlock(r.graph, eb, p)
	blocks := append(*r.dynamic.Load(), b)
	r.dynamic.Store(&blocks)
	return b, seq, nil
}

func (r *run) limitError(p at, err error) *record.ErrorRecord {
	return &record.ErrorRecord{Kind: record.LimitError, Node: p.id(), Message: err.Error(), Time: r.wall(r.Now()), Attempt: 1}
}
