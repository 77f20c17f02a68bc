package shared

import (
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state"
)

// ending is the end of an attempt that is not committed yet.
type ending struct {
	at      at
	outcome engine.Outcome
	step    engine.Step
	out     *output // of a task that is OK, nil if it has no readers
	detail  *engine.Detail
	width   uint32 // of an expansion that is OK
	// needs are inputs that have to be stored first, because another session may execute the node next.
	needs []*output
	// strand: the session may become what waits for the node. Not after a recomputation, whose readers are elsewhere.
	strand  bool
	counted bool // the edges are counted as reported
	border  bool // nodes that are not of this session wait for it
}

// returnedClaim is a claim to be released once needs are stored.
type returnedClaim struct {
	at    at
	needs []*output
}

// handover is a held output to be stored, because others may execute its readers after all.
type handover struct {
	at  at
	out *output
}

// pendingEdges are the edges of a finished node that did not fit into one commit.
type pendingEdges struct {
	at   at
	bad  bool
	next int // the first edge that is left
}

// candidate is a ready node that the session may become.
type candidate struct {
	at at
	by *ending
}

// spreads reports whether the end sets the edges that leave the node.
func (e *ending) spreads(p engine.Policy) bool {
	switch e.outcome {
	case engine.OutcomeOK, engine.OutcomeSkipped:
		return true
	case engine.OutcomeFailed:
		return p == engine.Continue
	default:
		return false
	}
}

// bad reports whether nodes that wait for it are to be skipped.
func (e *ending) bad() bool { return e.outcome != engine.OutcomeOK }

// completeAttempt applies the end of an attempt that a lane has executed. It returns the node that the lane becomes:
// follower if the end made that ready, otherwise with next the first node that it made ready, or NoNode.
func (s *share) completeAttempt(e *state.End, slot uint16, head bool, out *output, follower engine.NodeID, next bool) engine.NodeID {
	p := s.find(e.Node)
	en := s.newEnding(p, e.Outcome)
	en.step = stepOf(e, p, slot, head)
	en.step.Announced = p.node().announced
	en.detail = detailOf(e)
	switch {
	case e.Outcome == engine.OutcomeRetrying:
		en.needs = s.unstored(p)
	case e.Outcome != engine.OutcomeOK:
		en.needs = s.keepFrontier(p)
	case p.kind() == engine.ExpandNode:
		elements, _ := e.Output.([]any)
		en.width = uint32(len(elements))
		en.step.Kind, en.step.Width, en.step.OutputBytes = engine.FanOutExpanded, en.width, 0
	default:
		s.pace.add(e.Ended-e.Started, s.now)
		s.keepOutput(en, out, e.Ended-e.Started)
	}
	s.applyEnd(en)
	return s.chooseNext(en, follower, next)
}

// keepFrontier has the inputs of a task stored that did not succeed, as far as only this process has them: the next
// revision of the run begins with them.
func (s *share) keepFrontier(p at) []*output {
	needs := s.unstored(p)
	for _, o := range needs {
		o.must = true
	}
	return needs
}

// newEnding adds an ending to the outbox.
func (s *share) newEnding(p at, outcome engine.Outcome) *ending {
	n := p.node()
	n.phase = ended
	en := &ending{at: p, outcome: outcome, strand: n.epoch == 0 && !s.rules.NoBecome}
	s.outbox = append(s.outbox, en)
	return en
}

// applyEnd drops the inputs of an attempt that has ended and follows its edges.
func (s *share) applyEnd(en *ending) {
	switch {
	case en.outcome == engine.OutcomeRetrying || en.outcome == engine.OutcomeFailed || en.at.kind() == engine.ExpandNode:
		s.urgent = true
	case en.at.is(engine.Sink) || s.rules.NoBecome:
		s.urgent = true
	}
	if en.outcome == engine.OutcomeRetrying {
		return
	}
	s.dropInputs(en.at)
	if !en.spreads(s.policy) || en.outcome == engine.OutcomeOK && en.at.kind() == engine.ExpandNode {
		return // what an expansion makes ready is known once it is committed
	}
	s.spread(en, en.step.Ended)
}

// keepOutput adds the value of a task to the cache, with the tasks to repeat if it were lost.
func (s *share) keepOutput(en *ending, o *output, ran int64) {
	if o == nil {
		return
	}
	p := en.at
	en.out = o
	o.line = line{1, ran}
	for _, parent := range p.scope().Parents(p.local) {
		if in := p.sibling(parent).node().out; in != nil && in.stage == held {
			o.line = o.line.join(in.line)
		}
	}
	o.left = int32(len(p.scope().Children(p.local)))
	p.node().out = o
	s.add(o)
	if o.stage == moving {
		s.uploads = append(s.uploads, o)
	}
}

// dropInputs counts the node at p, which has ended, off the readers of its inputs, and drops those without readers.
func (s *share) dropInputs(p at) {
	for _, parent := range p.scope().Parents(p.local) {
		n := p.sibling(parent).node()
		o := n.out
		if o == nil {
			continue
		}
		if o.left--; o.left > 0 || o.must || o.stage == moving || o.stage == packed {
			continue
		}
		if o.stage == held {
			s.saved.NotStoredBytes += max(o.bytes, 0)
		}
		s.remove(o)
		n.out = nil
	}
}

// endUnexecuted ends a node that no lane executes: a join, a skipped node, a poison task.
func (s *share) endUnexecuted(p at, outcome engine.Outcome, now int64, failure *engine.ErrorRecord) {
	en := s.unexecutedEnding(p, outcome, now, failure)
	s.applyEnd(en)
	s.chooseNext(en, engine.NoNode, false)
}

func (s *share) unexecutedEnding(p at, outcome engine.Outcome, now int64, failure *engine.ErrorRecord) *ending {
	en := s.newEnding(p, outcome)
	n := p.node()
	now = max(now, n.ready)
	en.step = engine.Step{
		Kind: engine.AttemptEnded, Outcome: outcome, Node: p.id(), Epoch: n.epoch, Attempt: n.attempt, Head: true,
		Ready: n.ready, Claimed: now, Started: now, Ended: now, Updated: now, Became: engine.NoNode,
	}
	if outcome == engine.OutcomeSkipped && p.isTask() {
		en.step = engine.Step{
			Kind: engine.TaskSkipped, Outcome: outcome, Node: p.id(), Epoch: n.epoch, Ended: now, Updated: now, Became: engine.NoNode,
		}
	}
	if failure != nil {
		en.detail = &engine.Detail{Node: p.id(), Epoch: int(n.epoch), Attempt: int(n.attempt), Error: failure}
	}
	return en
}

// spread follows the edges of an ending, and of the nodes that it ends in turn. It uses a list instead of recursion,
// since chains of joins may be long.
func (s *share) spread(en *ending, now int64) {
	s.work = append(s.work[:0], en)
	for len(s.work) > 0 {
		en := s.work[len(s.work)-1]
		s.work = s.work[:len(s.work)-1]
		if !en.strand {
			en.border = en.at.degree() > 0
			continue
		}
		for i := range en.at.degree() {
			s.arrive(en, en.at.child(i), now)
		}
	}
}

// arrive counts one more parent of the node at c that has ended here. If that was the last, and all have ended here, no
// other session can claim the node, and this one may become it.
func (s *share) arrive(en *ending, c at, now int64) {
	n := c.node()
	n.arrived++
	n.ready = max(n.ready, en.step.Ended)
	n.bad = n.bad || en.bad()
	class := c.class()
	if n.phase != away || n.arrived < s.waits(c) || !s.mayBecome() || s.layout.isBounded(class) || !n.bad && !s.layout.canRun(class) {
		en.border = true
		return
	}
	n.epoch, n.attempt, n.errors, n.announced = 0, 1, 0, false
	if c.kind() != engine.JoinNode && !n.bad {
		s.candidates = append(s.candidates, candidate{c, en})
		return
	}
	outcome := engine.OutcomeOK
	if n.bad {
		outcome = engine.OutcomeSkipped
	}
	by := s.unexecutedEnding(c, outcome, now, nil)
	s.dropInputs(c)
	if c.is(engine.Sink) {
		s.urgent = true
	}
	s.work = append(s.work, by)
}

// chooseNext decides which of the nodes that were made ready just now the session executes itself. The others are left to
// be claimed.
func (s *share) chooseNext(en *ending, follower engine.NodeID, next bool) (became engine.NodeID) {
	became = engine.NoNode
	room := s.target() - s.queue.len()
	queue := s.candidates[:0]
	for _, c := range s.candidates {
		n := c.at.node()
		id := c.at.id()
		switch {
		case id == follower, follower == engine.NoNode && next && became == engine.NoNode && s.isRunning():
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
		s.queue.push(queue[i].at.id(), s.now)
	}
	s.candidates = s.candidates[:0]
	en.step.Became = became
	s.urgent = s.urgent || en.border && s.others > 0
	return became
}

// clusters reports whether a task is to be executed here because its input is large.
func (s *share) clusters(c candidate) bool {
	if s.rules.NoClustering || c.by.out == nil || c.by.out.bytes < s.rules.ClusterBytes {
		return false
	}
	s.saved.Clustered++
	return true
}

// failRefused turns a retry beyond the budget, or a fan-out that is too wide, into a failure. It returns to the front of
// the outbox.
func (s *share) failRefused(en *ending, why string) {
	rec := &engine.ErrorRecord{Kind: engine.LimitError, Node: en.at.id(), Attempt: int(en.step.Attempt), Epoch: int(en.step.Epoch), Message: why}
	if en.outcome == engine.OutcomeRetrying {
		en.step.Delay = 0
		if en.detail != nil && en.detail.Error != nil {
			again := *en.detail.Error
			again.Message += " (not tried again: " + why + ")"
			rec = &again
		}
	}
	en.width, en.step.Width = 0, 0
	en.outcome, en.step.Outcome = engine.OutcomeFailed, engine.OutcomeFailed
	if en.detail == nil {
		en.detail = &engine.Detail{Node: en.at.id(), Epoch: int(en.step.Epoch), Attempt: int(en.step.Attempt)}
	}
	en.detail.Error = rec
	en.needs = nil
	s.outbox = append([]*ending{en}, s.outbox...)
	s.applyEnd(en)
	s.chooseNext(en, engine.NoNode, false)
}

func detailOf(e *state.End) *engine.Detail {
	if e.Error == nil && len(e.Log) == 0 && len(e.Inputs) == 0 {
		return nil
	}
	return &engine.Detail{Node: e.Node, Epoch: int(e.Epoch), Attempt: int(e.Attempt), Log: e.Log, Error: e.Error, Inputs: e.Inputs}
}

// stepOf is the step of an attempt. A node may seem to be ready later than it was claimed here, because clocks differ:
// then all moments move.
func stepOf(e *state.End, p at, slot uint16, head bool) engine.Step {
	n := p.node()
	step := engine.Step{
		Kind: engine.AttemptEnded, Outcome: e.Outcome, Head: head, Node: e.Node, Epoch: e.Epoch, Attempt: e.Attempt, Slot: slot,
		Ready: n.ready, Fetch: e.Fetch, Became: engine.NoNode,
	}
	step.Claimed = max(e.Claimed, n.ready)
	step.Started = max(e.Started, step.Claimed)
	step.Ended = max(e.Ended, step.Started)
	step.Updated = max(e.Updated, step.Ended)
	switch e.Outcome {
	case engine.OutcomeOK:
		step.OutputBytes = e.OutputBytes
	case engine.OutcomeRetrying:
		step.Delay = time.Duration(e.Delay)
	}
	return step
}
