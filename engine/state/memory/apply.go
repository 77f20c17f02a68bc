package memory

import (
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state"
)

// apply makes one end true and logs it. follower is the node that the strand itself goes on with; otherwise, with
// next, the first node made ready is kept from the queue and returned.
func (l *lane) apply(e *state.End, follower engine.NodeID, next bool) (became engine.NodeID) {
	r := l.r
	p := r.find(e.Node)
	l.evidence(e)
	switch e.Outcome {
	case engine.OutcomeOK:
		return l.succeed(p, e, follower, next)
	case engine.OutcomeRetrying:
		if r.mayRetry() {
			l.retry(p, e)
			return engine.NoNode
		}
		e.Error = r.budgetError(e.Error)
		l.fail(p, e)
	case engine.OutcomeFailed:
		l.fail(p, e)
	default:
		l.record(p, e, engine.AttemptEnded, engine.OutcomeCancelled, nil, engine.NoNode)
	}
	return engine.NoNode
}

// succeed stores the output, tells those that wait, and hands on what became ready. The step's number is taken first:
// whatever this end makes possible comes later in the log.
func (l *lane) succeed(p at, e *state.End, follower engine.NodeID, next bool) (became engine.NodeID) {
	r, n := l.r, p.node()
	seq := uint64(0)
	if r.log != nil {
		seq = r.log.next()
	}
	n.attempt++
	if cap(l.ready)-len(l.ready) < 2 {
		l.ready = make([]engine.NodeID, 0, readiedChunk)
	}
	start := len(l.ready)
	kind, outcome := engine.AttemptEnded, engine.OutcomeOK
	if p.kind() == engine.ExpandNode {
		kind = engine.FanOutExpanded
		if err := l.expand(p, e); err != nil {
			e.Error = r.limitError(p, err)
			outcome = engine.OutcomeFailed
		}
	} else {
		if n.readers.Load() > 0 {
			n.out = e.Output
		}
		l.finished.Store(l.finished.Load() + 1)
		l.propagate(p, e.Ended)
	}
	readied := l.ready[start:len(l.ready):len(l.ready)]
	became = l.handOn(readied, follower, next)
	l.recordAs(seq, p, e, kind, outcome, readied, became)
	if follower != engine.NoNode {
		became = engine.NoNode
	}
	if kind == engine.AttemptEnded {
		l.releaseInputs(p)
		l.settleSink(p)
	} else if outcome == engine.OutcomeFailed {
		l.failed(p, e.Error)
	}
	return became
}

// handOn queues what became ready, except the node that the lane goes on with.
func (l *lane) handOn(readied []engine.NodeID, follower engine.NodeID, next bool) (became engine.NodeID) {
	became = follower
	rest := readied
	switch {
	case len(readied) == 0:
		return became
	case follower != engine.NoNode:
		rest = l.without(readied, follower)
	case next:
		became, rest = l.choose(readied)
	}
	if len(rest) > 0 {
		l.queue.fill(rest)
		l.r.hooks.Ready(len(rest))
	}
	return became
}

// choose takes the first node that its gate lets through; those before it wait at theirs.
func (l *lane) choose(readied []engine.NodeID) (became engine.NodeID, rest []engine.NodeID) {
	for i, id := range readied {
		if l.r.gates == nil || l.r.admit(id) {
			return id, readied[i+1:]
		}
	}
	return engine.NoNode, nil
}

func (l *lane) without(nodes []engine.NodeID, id engine.NodeID) []engine.NodeID {
	if len(nodes) == 1 {
		return nil
	}
	l.stolen = l.stolen[:0]
	for _, n := range nodes {
		if n != id {
			l.stolen = append(l.stolen, n)
		}
	}
	return l.stolen
}

// propagate counts down those that wait for p, and then those that wait for what is over by that.
func (l *lane) propagate(p at, ended int64) {
	l.over = l.over[:0]
	l.tell(p, ended)
	l.tellOn(ended)
}

// tell counts down those that wait for p.
func (l *lane) tell(p at, ended int64) {
	s := p.b.scope
	barren := p.node().barren.Load()
	for _, c := range s.Children(p.local) {
		l.arrive(p.sibling(c), barren, ended)
	}
	for _, j := range s.Outs(p.local) {
		l.arrive(p.b.up.sibling(j), barren, ended)
	}
}

// tellOn works off what is over without having run: complete joins and skipped nodes.
func (l *lane) tellOn(ended int64) {
	for k := len(l.over); k > 0; k = len(l.over) {
		p := l.over[k-1]
		l.over = l.over[:k-1]
		switch {
		case p.kind() != engine.JoinNode:
			l.skip(p)
		case p.node().readers.Load() == 0:
			l.dropOutput(p)
		}
		l.settleSink(p)
		l.tell(p, ended)
	}
}

// arrive counts down what p waits for, and finds out whether it is ready or over by that.
func (l *lane) arrive(p at, barren bool, ended int64) {
	n := p.node()
	if barren {
		n.barren.Store(true)
	}
	if !p.is(engine.SoleParent) && n.waits.Add(-1) != 0 {
		return
	}
	if p.kind() == engine.JoinNode || n.barren.Load() {
		l.over = append(l.over, p)
		return
	}
	n.ready = ended
	l.ready = append(l.ready, p.id())
}

// expand makes the instances of a fan-out. Its width is fixed here, and so are those of its joins.
func (l *lane) expand(p at, e *state.End) error {
	r, s := l.r, p.b.scope
	elements, _ := e.Output.([]any)
	width := len(elements)
	body := r.graph.Scope(s.Region(p.local))
	joins := s.RegionJoins(p.local)
	holds := int32(width) * int32(body.OuterHolds())
	l.over = l.over[:0]
	for _, j := range joins {
		if s.JoinReadsOuter(j) {
			holds++
		}
	}
	p.node().readers.Store(holds)
	p.node().out = elements
	b, err := r.addBlock(p, width)
	if err != nil {
		return err
	}
	r.sinks.Add(int64(width) * int64(body.Sinks()))
	for _, j := range joins {
		waits := int32(width * len(s.JoinWaits(j)))
		p.sibling(j).node().waits.Store(waits)
		if waits == 0 {
			l.over = append(l.over, p.sibling(j))
		}
	}
	for i := range b.Instances {
		for _, root := range body.Roots() {
			q := at{b, i * b.Size, root}
			q.node().ready = e.Ended
			l.ready = append(l.ready, q.id())
		}
	}
	if holds == 0 {
		l.dropOutput(p)
	}
	l.tellOn(e.Ended)
	return nil
}

// addBlock numbers the instances and makes their state, in one order for all lanes.
func (r *run) addBlock(p at, width int) (*block, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	eb, err := r.numbering.Expand(p.id(), width, r.job.Options.Limits)
	if err != nil {
		return nil, err
	}
	b := newBlock(r.graph, eb, p)
	blocks := append(*r.dynamic.Load(), b)
	r.dynamic.Store(&blocks)
	return b, nil
}

// retry keeps the node back for e.Delay. The timer needs no stop: it finds out that the run is over.
func (l *lane) retry(p at, e *state.End) {
	l.record(p, e, engine.AttemptEnded, engine.OutcomeRetrying, nil, engine.NoNode)
	n := p.node()
	n.attempt++
	n.ready = e.Ended + e.Delay
	q, r, id := l.queue, l.r, e.Node // e is the worker's, to be used again
	time.AfterFunc(time.Duration(e.Delay), func() {
		if !r.Stopping() {
			q.push([]engine.NodeID{id})
			r.hooks.Ready(1)
		}
	})
}

// mayRetry takes one from the retry budget.
func (r *run) mayRetry() bool {
	used := r.retries.Add(1)
	if used <= max(10, int64(r.numbering.Tasks())/5) {
		return true
	}
	r.retries.Add(-1)
	return false
}

func (r *run) budgetError(rec *engine.ErrorRecord) *engine.ErrorRecord {
	if rec == nil {
		return nil
	}
	exhausted := *rec
	exhausted.Message = fmt.Sprintf("%s (not tried again: the run has used its budget of %d retries)", rec.Message, r.retries.Load())
	return &exhausted
}

func (r *run) limitError(p at, err error) *engine.ErrorRecord {
	return &engine.ErrorRecord{Kind: engine.LimitError, Node: p.id(), Message: err.Error(), Time: r.wall(r.Now()), Attempt: 1}
}

func (r *run) wall(ns int64) time.Time { return r.job.Info.StartedAt.Add(time.Duration(ns)) }
