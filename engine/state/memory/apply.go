package memory

import (
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// apply applies and logs one end. follower is the next node of the strand, NoNode for its last end; with next, the
// first node that the last end makes ready is returned instead of queued.
func (l *lane) apply(e *state.End, follower dag.NodeID, next bool) (became dag.NodeID) {
	r := l.r
	p := r.find(e.Node)
	outcome := e.Outcome
	if outcome != record.OutcomeOK {
		l.other.Add(1)
	}
	if outcome == record.OutcomeRetrying && !r.mayRetry() {
		outcome, e.Error = record.OutcomeFailed, r.budgetError(e.Error)
	}
	if e.Error != nil || len(e.Log) > 0 {
		r.evidence(e)
	}
	switch outcome {
	case record.OutcomeOK:
		if p.kind() == dag.ExpandNode {
			return l.expand(p, e, next)
		}
		return l.succeed(p, e, follower, next)
	case record.OutcomeRetrying:
		l.retry(p, e)
	case record.OutcomeFailed:
		l.fail(p, e)
	default:
		l.record(p, e, record.OutcomeCancelled)
	}
	return dag.NoNode
}

// succeed stores the output, counts down the nodes that wait, and hands on those that became ready. The step's number is
// taken first: everything that this end makes possible comes later in the log.
func (l *lane) succeed(p at, e *state.End, follower dag.NodeID, next bool) (became dag.NodeID) {
	seq := l.r.number()
	n := p.node()
	n.attempt++
	if !n.unread() {
		n.out = e.Output
	}
	start := l.room()
	l.propagate(p, e.Ended)
	became = l.handOn(seq, p, e, record.AttemptEnded, start, follower, next)
	l.releaseInputs(p)
	if p.is(dag.Sink) {
		l.settleSink()
	}
	return became
}

// number returns the next number of the log, 0 if there is no log.
func (r *run) number() uint64 {
	if r.log == nil {
		return 0
	}
	return r.log.next()
}

// room reserves space for the list of nodes that an end makes ready, and returns where it starts. The log keeps the list.
func (l *lane) room() int {
	if l.r.log == nil {
		l.ready = l.ready[:0]
	}
	if cap(l.ready)-len(l.ready) < 2 {
		l.ready = make([]dag.NodeID, 0, min(max(2*cap(l.ready), leastReadied), mostReadied))
	}
	return len(l.ready)
}

// handOn logs the end, queues what became ready since start, and returns the node that the claim passes to.
func (l *lane) handOn(seq uint64, p at, e *state.End, kind record.StepKind, start int, follower dag.NodeID, next bool) dag.NodeID {
	readied := l.ready[start:len(l.ready):len(l.ready)]
	if follower != dag.NoNode {
		if rest := l.without(readied, follower); len(rest) > 0 {
			l.enqueue(rest)
		}
		if l.r.log != nil {
			l.recordAs(seq, p, e, kind, record.OutcomeOK, readied, follower)
		}
		return dag.NoNode
	}
	became, rest := dag.NoNode, readied
	switch {
	case len(readied) == 0:
	case next && l.r.gates == nil:
		became, rest = readied[0], readied[1:]
	case next:
		became, rest = l.choose(readied)
	}
	if len(rest) > 0 {
		l.enqueue(rest)
	}
	if l.r.log != nil {
		l.recordAs(seq, p, e, kind, record.OutcomeOK, readied, became)
	}
	return became
}

// enqueue queues ready nodes, where any lane can claim them.
func (l *lane) enqueue(nodes []dag.NodeID) {
	l.queue.fill(nodes)
	l.r.hooks.Ready(len(nodes))
}

// choose returns the first node that its gate admits; the nodes before it wait at theirs.
func (l *lane) choose(readied []dag.NodeID) (became dag.NodeID, rest []dag.NodeID) {
	for i, id := range readied {
		if l.r.admit(id) {
			return id, readied[i+1:]
		}
	}
	return dag.NoNode, nil
}

func (l *lane) without(nodes []dag.NodeID, id dag.NodeID) []dag.NodeID {
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

// propagate counts down the nodes that wait for p, and then those that wait for nodes which end because of this:
// complete joins and skipped nodes.
func (l *lane) propagate(p at, ended int64) {
	l.over = l.over[:0]
	l.notify(p, ended)
	l.notifyOver(ended)
}

// notify counts down the nodes that wait for p.
func (l *lane) notify(p at, ended int64) {
	s := p.b.scope
	barren := p.node().barren.Load()
	for _, c := range s.Children(p.local) {
		l.arrive(p.sibling(c), barren, ended)
	}
	if p.b.up.b == nil { // the graph itself is in no fan-out
		return
	}
	for _, j := range s.Outs(p.local) {
		l.arrive(p.b.up.sibling(j), barren, ended)
	}
}

// notifyOver processes the nodes that ended without having run: complete joins and skipped nodes.
func (l *lane) notifyOver(ended int64) {
	for k := len(l.over); k > 0; k = len(l.over) {
		p := l.over[k-1]
		l.over = l.over[:k-1]
		switch {
		case p.kind() != dag.JoinNode:
			l.skip(p)
		case p.node().unread():
			l.dropOutput(p)
		}
		if p.is(dag.Sink) {
			l.settleSink()
		}
		l.notify(p, max(ended, p.node().ready))
	}
}

// arrive counts down the nodes that p waits for. After the last of them p is ready, or over if it is a join or skipped.
func (l *lane) arrive(p at, barren bool, ended int64) {
	n := p.node()
	if barren {
		n.barren.Store(true)
	}
	if !p.is(dag.SoleParent) {
		n.readyAfter(ended)
		if !n.arrived() {
			return
		}
		ended = n.ready // the last to arrive need not have been the last to end
	}
	if p.kind() == dag.JoinNode || n.barren.Load() {
		l.over = append(l.over, p)
		return
	}
	n.ready = ended
	l.ready = append(l.ready, p.id())
}

// retry queues the node again after e.Delay. The timer needs no stop: it checks whether the run is over.
func (l *lane) retry(p at, e *state.End) {
	l.record(p, e, record.OutcomeRetrying)
	n := p.node()
	n.attempt++
	n.ready = e.Ended + e.Delay
	q, r, id := l.queue, l.r, e.Node // copied, because the worker reuses e
	time.AfterFunc(time.Duration(e.Delay), func() {
		if !r.Stopping() {
			q.push([]dag.NodeID{id})
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

func (r *run) budgetError(rec *record.ErrorRecord) *record.ErrorRecord {
	if rec == nil {
		return nil
	}
	exhausted := *rec
	exhausted.Message = fmt.Sprintf("%s (not tried again: the run has used its budget of %d retries)", rec.Message, r.retries.Load())
	return &exhausted
}

func (r *run) wall(ns int64) time.Time { return r.job.Info.StartedAt.Add(time.Duration(ns)) }
