package member

import (
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
)

// ending is the end of an attempt that is not committed yet.
type ending struct {
	node    Node
	outcome record.Outcome
	step    record.Step
	out     *Value // of a task that is OK, nil if it has no readers
	detail  *record.Detail
	width   uint32 // of an expansion that is OK
	// needs are inputs that have to be stored first, because another session may execute the node next.
	needs []*Value
	// strand: the session may become what waits for the node. Not after a recomputation, whose readers are elsewhere.
	strand  bool
	counted bool // the edges are counted as reported
	border  bool // nodes that are not of this session wait for it
}

// pendingEdges are the edges of a finished node that did not fit into one commit.
type pendingEdges struct {
	node Node
	bad  bool
	next int // the first edge that is left
}

// candidate is a ready node that the session may become.
type candidate struct {
	node Node
	by   *ending
}

// completion applies ends of attempts.
type completion struct{ *State }

// spreads reports whether the end sets the edges that leave the node.
func (e *ending) spreads(p record.Policy) bool {
	switch e.outcome {
	case record.OutcomeOK, record.OutcomeSkipped:
		return true
	case record.OutcomeFailed:
		return p == record.Continue
	default:
		return false
	}
}

// bad reports whether nodes that wait for it are to be skipped.
func (e *ending) bad() bool { return e.outcome != record.OutcomeOK }

// Complete applies the end of an attempt that a lane has executed. It returns the node that the lane becomes: follower if
// the end made that ready, otherwise with next the first node that it made ready, or NoNode. head: the lane has claimed the
// node and not become it.
func (s *State) Complete(e *state.End, slot uint16, head bool, out *Value, follower dag.NodeID, next bool) dag.NodeID {
	return completion{s}.complete(e, slot, head, out, follower, next)
}

// Refuse fails the attempt whose end, the only one in a draft, the ledger has refused: an expansion that exceeds the run's
// limits, or a retry that exceeds its budget.
func (s *State) Refuse(d *Draft) {
	en := d.ends[0]
	why := "the run has used its budget of retries"
	if en.expands() {
		why = fmt.Sprintf("the fan-out of width %d exceeds the limits of the run", en.width)
	}
	completion{s}.refuse(en, why)
}

// Announce has the log report that a lane has been executing its node for a while.
func (s *State) Announce(e *state.End, p Node, slot uint16, head bool) {
	if s.unlogged {
		return
	}
	step := stepOf(e, p, slot, head)
	step.Kind, step.Outcome = record.AttemptStarted, record.NoOutcome
	step.Ended, step.Updated = step.Started, step.Started
	s.announced = append(s.announced, step)
	s.urgent = true
}

// IsStrand reports whether the session may become each node of a strand after the first.
func (s *State) IsStrand(strand []state.End) bool {
	for i := 1; i < len(strand); i++ {
		p := s.Find(strand[i].Node)
		before := strand[i-1]
		follows := p.is(dag.SoleParent) && p.sibling(p.scope().Parents(p.local)[0]).ID() == before.Node
		if !follows || before.Outcome != record.OutcomeOK || before.Epoch > 0 || !s.mayBecome() || !s.layout.mayBecome(p.class()) {
			return false
		}
	}
	return true
}

func (s completion) complete(e *state.End, slot uint16, head bool, out *Value, follower dag.NodeID, next bool) dag.NodeID {
	p := s.Find(e.Node)
	en := s.newEnding(p, e.Outcome)
	en.step = stepOf(e, p, slot, head)
	en.step.Announced = p.state().announced
	en.detail = detailOf(e)
	switch {
	case e.Outcome == record.OutcomeRetrying:
		en.needs = p.unstored()
	case e.Outcome != record.OutcomeOK:
		en.needs = s.keepFrontier(p)
	case p.kind() == dag.ExpandNode:
		elements, _ := e.Output.([]any)
		en.width = uint32(len(elements))
		en.step.Kind, en.step.Width, en.step.OutputBytes = record.FanOutExpanded, en.width, 0
	default:
		s.pace.add(e.Ended-e.Started, s.now)
		s.keepOutput(en, out, e.Ended-e.Started)
	}
	s.applyEnd(en)
	return s.chooseNext(en, follower, next)
}

// keepFrontier has the inputs of a task stored that did not succeed, as far as only this process has them: the next
// revision of the run begins with them.
func (s completion) keepFrontier(p Node) []*Value {
	needs := p.unstored()
	for _, o := range needs {
		o.must = true
	}
	return needs
}

// newEnding adds an ending to the outbox.
func (s completion) newEnding(p Node, outcome record.Outcome) *ending {
	n := p.state()
	n.phase = ended
	en := &ending{node: p, outcome: outcome, strand: n.epoch == 0 && !s.rules.NoBecome}
	s.ends = append(s.ends, en)
	return en
}

// applyEnd drops the inputs of an attempt that has ended and follows its edges.
func (s completion) applyEnd(en *ending) {
	switch {
	case en.outcome == record.OutcomeRetrying || en.outcome == record.OutcomeFailed || en.node.kind() == dag.ExpandNode:
		s.urgent = true
	case en.node.is(dag.Sink) || s.rules.NoBecome:
		s.urgent = true
	}
	if en.outcome == record.OutcomeRetrying {
		return
	}
	s.dropInputs(en.node)
	if !en.spreads(s.policy) || en.outcome == record.OutcomeOK && en.node.kind() == dag.ExpandNode {
		return // what an expansion makes ready is known once it is committed
	}
	s.spread(en, en.step.Ended)
}

// keepOutput adds the value of a task to the cache, with the tasks to repeat if it were lost.
func (s completion) keepOutput(en *ending, o *Value, ran int64) {
	if o == nil {
		return
	}
	p := en.node
	en.out = o
	o.line = line{1, ran}
	for _, parent := range p.scope().Parents(p.local) {
		if in := p.sibling(parent).state().out; in != nil && in.stage == held {
			o.line = o.line.join(in.line)
		}
	}
	o.left = int32(len(p.scope().Children(p.local)))
	p.state().out = o
	s.add(o)
	if o.stage == moving {
		s.uploads = append(s.uploads, o)
	}
}

// endUnexecuted ends a node that no lane executes: a join, a skipped node, a poison task.
func (s completion) endUnexecuted(p Node, outcome record.Outcome, failure *record.ErrorRecord) {
	en := s.unexecutedEnding(p, outcome, s.now, failure)
	s.applyEnd(en)
	s.chooseNext(en, dag.NoNode, false)
}

func (s completion) unexecutedEnding(p Node, outcome record.Outcome, now int64, failure *record.ErrorRecord) *ending {
	en := s.newEnding(p, outcome)
	n := p.state()
	now = max(now, n.ready)
	en.step = record.Step{
		Kind: record.AttemptEnded, Outcome: outcome, Node: p.ID(), Epoch: n.epoch, Attempt: n.attempt, Head: true,
		Ready: n.ready, Claimed: now, Started: now, Ended: now, Updated: now, Became: dag.NoNode,
	}
	if outcome == record.OutcomeSkipped && p.IsTask() {
		en.step = record.Step{
			Kind: record.TaskSkipped, Outcome: outcome, Node: p.ID(), Epoch: n.epoch, Ended: now, Updated: now, Became: dag.NoNode,
		}
	}
	if failure != nil {
		en.detail = &record.Detail{Node: p.ID(), Epoch: int(n.epoch), Attempt: int(n.attempt), Error: failure}
	}
	return en
}

// spread follows the edges of an ending, and of the nodes that it ends in turn. It uses a list instead of recursion,
// since chains of joins may be long.
func (s completion) spread(en *ending, now int64) {
	s.work = append(s.work[:0], en)
	for len(s.work) > 0 {
		en := s.work[len(s.work)-1]
		s.work = s.work[:len(s.work)-1]
		if !en.strand {
			en.border = en.node.degree() > 0
			continue
		}
		for i := range en.node.degree() {
			s.arrive(en, en.node.child(i), now)
		}
	}
}

// arrive counts one more parent of the node at c that has ended here. If that was the last, and all have ended here, no
// other session can claim the node, and this one may become it.
func (s completion) arrive(en *ending, c Node, now int64) {
	n := c.state()
	n.arrived++
	n.ready = max(n.ready, en.step.Ended)
	n.bad = n.bad || en.bad()
	class := c.class()
	if n.phase != away || n.arrived < s.waits(c) || !s.mayBecome() || s.layout.isBounded(class) || !n.bad && !s.layout.mayBecome(class) {
		en.border = true
		return
	}
	n.epoch, n.attempt, n.errors, n.announced = 0, 1, 0, false
	if c.kind() != dag.JoinNode && !n.bad {
		s.candidates = append(s.candidates, candidate{c, en})
		return
	}
	outcome := record.OutcomeOK
	if n.bad {
		outcome = record.OutcomeSkipped
	}
	by := s.unexecutedEnding(c, outcome, now, nil)
	s.dropInputs(c)
	if c.is(dag.Sink) {
		s.urgent = true
	}
	s.work = append(s.work, by)
}

// chooseNext decides which of the nodes that were made ready just now the session executes itself. The others are left to
// be claimed.
func (s completion) chooseNext(en *ending, follower dag.NodeID, next bool) (became dag.NodeID) {
	became = dag.NoNode
	room := s.target() - s.queue.len()
	queue := s.candidates[:0]
	for _, c := range s.candidates {
		n := c.node.state()
		id := c.node.ID()
		switch {
		case id == follower, follower == dag.NoNode && next && became == dag.NoNode && s.handsOut():
			became, n.phase = id, running
			s.saved.Became++
		case room > 0 || s.clusters(c):
			n.phase = queued
			queue = append(queue, c)
			s.saved.Became++
			room--
		default:
			c.by.border = true
			s.saved.Invoked++
		}
	}
	for i := len(queue) - 1; i >= 0; i-- {
		s.queue.push(queue[i].node.ID(), s.now)
	}
	s.candidates = s.candidates[:0]
	en.step.Became = became
	s.urgent = s.urgent || en.border && s.others > 0
	return became
}

// clusters reports whether a task is to be executed here because its input is large.
func (s completion) clusters(c candidate) bool {
	if s.rules.NoClustering || c.by.out == nil || c.by.out.Bytes < s.rules.ClusterBytes {
		return false
	}
	s.saved.Clustered++
	return true
}

// refuse turns a retry beyond the budget, or a fan-out that is too wide, into a failure. It returns to the front of
// the outbox.
func (s completion) refuse(en *ending, why string) {
	rec := &record.ErrorRecord{Kind: record.LimitError, Node: en.node.ID(), Attempt: int(en.step.Attempt), Epoch: int(en.step.Epoch), Message: why}
	if en.outcome == record.OutcomeRetrying {
		en.step.Delay = 0
		if en.detail != nil && en.detail.Error != nil {
			again := *en.detail.Error
			again.Message += " (not tried again: " + why + ")"
			rec = &again
		}
	}
	en.width, en.step.Width = 0, 0
	en.outcome, en.step.Outcome = record.OutcomeFailed, record.OutcomeFailed
	if en.detail == nil {
		en.detail = &record.Detail{Node: en.node.ID(), Epoch: int(en.step.Epoch), Attempt: int(en.step.Attempt)}
	}
	en.detail.Error = rec
	en.needs = nil
	s.ends = append([]*ending{en}, s.ends...)
	s.applyEnd(en)
	s.chooseNext(en, dag.NoNode, false)
}

func detailOf(e *state.End) *record.Detail {
	if e.Error == nil && len(e.Log) == 0 && len(e.Inputs) == 0 {
		return nil
	}
	return &record.Detail{Node: e.Node, Epoch: int(e.Epoch), Attempt: int(e.Attempt), Log: e.Log, Error: e.Error, Inputs: e.Inputs}
}

// stepOf is the step of an attempt. A node may seem to be ready later than it was claimed here, because clocks differ:
// then all moments move.
func stepOf(e *state.End, p Node, slot uint16, head bool) record.Step {
	n := p.state()
	step := record.Step{
		Kind: record.AttemptEnded, Outcome: e.Outcome, Head: head, Node: e.Node, Epoch: e.Epoch, Attempt: e.Attempt, Slot: slot,
		Ready: n.ready, Fetch: e.Fetch, Became: dag.NoNode, Usage: e.Usage,
	}
	step.Claimed = max(e.Claimed, n.ready)
	step.Started = max(e.Started, step.Claimed)
	step.Ended = max(e.Ended, step.Started)
	step.Updated = max(e.Updated, step.Ended)
	switch e.Outcome {
	case record.OutcomeOK:
		step.OutputBytes = e.OutputBytes
	case record.OutcomeRetrying:
		step.Delay = time.Duration(e.Delay)
	}
	return step
}
