package records

import (
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// write fills in steps and details, and the names of the nodes.
func (c *compiler) write(out *Recording) error {
	w := &writer{compiler: c, out: out, numbers: dag.NewNumbering(out.Graph)}
	w.numberNodes()
	w.collectReadied()
	out.Steps = make([]record.Step, 0, len(c.events)+2*len(c.run.Workers)+2)
	out.Details = make([]record.Detail, 0, w.countDetails())
	started := newStep(record.RunStarted)
	started.Readied = w.atStart
	w.add(started)
	for i := range c.run.Workers {
		s := newStep(record.WorkerStarted)
		s.Worker, s.Started = uint16(i), c.workerStart(i)
		w.add(s)
	}
	for i, e := range c.events {
		w.event(e, w.readied[i])
	}
	for i := range c.run.Workers {
		s := newStep(record.WorkerStopped)
		s.Worker, s.Ended = uint16(i), c.workerEnd(i)
		w.add(s)
	}
	finished := newStep(record.RunFinished)
	finished.Outcome, finished.Ended = c.status().Outcome(), int64(c.made.makespan)
	w.add(finished)
	return w.nameNodes()
}

func (w *writer) event(e event, readied []dag.NodeID) {
	switch e.kind {
	case groupOpens:
		w.expand(e)
	case attemptOpens:
		w.announce(&w.stretches[e.of])
	case attemptEnds:
		w.end(e.of, readied)
	case taskSkipped:
		s := newStep(record.TaskSkipped)
		s.Outcome, s.Node, s.Ended, s.Readied = record.OutcomeSkipped, w.nodes[e.of], e.reached, readied
		w.add(s)
	}
}

func newStep(kind record.StepKind) record.Step { return record.Step{Kind: kind, Became: dag.NoNode} }

func (w *writer) add(s record.Step) {
	s.Seq = uint64(len(w.out.Steps) + 1)
	w.out.Steps = append(w.out.Steps, s)
}

// numberNodes gives the nodes that exist from the start their numbers, see compiler.graph.
func (w *writer) numberNodes() {
	w.nodes, w.expands = make([]dag.NodeID, len(w.run.Tasks)), make([]dag.NodeID, len(w.after))
	for i := range w.nodes {
		w.nodes[i] = dag.NoNode
	}
	for i, t := range w.sorted {
		w.nodes[t] = dag.NodeID(i)
	}
	for i, g := range w.groupsInOrder() {
		w.expands[g] = dag.NodeID(len(w.sorted) + i)
	}
}

// collectReadied lists what each event made ready, in the order of the nodes.
func (w *writer) collectReadied() {
	w.readied = make([][]dag.NodeID, len(w.events))
	ready := func(node dag.NodeID, by int32) {
		switch {
		case by == atStart:
			w.atStart = append(w.atStart, node)
		case by >= 0:
			w.readied[by] = append(w.readied[by], node)
		}
	}
	for _, t := range w.sorted {
		ready(w.nodes[t], w.causes.tasks[t])
	}
	for _, g := range w.groupsInOrder() {
		ready(w.expands[g], w.causes.groups[g])
	}
}

// expand opens a group, whose tasks get the next numbers.
func (w *writer) expand(e event) {
	tasks := w.after[e.of].tasks
	s := newStep(record.FanOutExpanded)
	s.Outcome, s.Node, s.Attempt, s.Head, s.Width = record.OutcomeOK, w.expands[e.of], 1, true, uint32(len(tasks))
	s.Ready, s.Claimed, s.Started, s.Ended, s.Updated = e.reached, e.reached, e.reached, e.reached, e.reached
	limits := dag.Limits{Tasks: MaxTasks + 1, Edges: MaxTasks + MaxEdges}
	if block, err := w.numbers.Expand(s.Node, len(tasks), limits); err == nil { // check has held the tasks to less
		for i, t := range tasks {
			w.nodes[t] = dag.Place{Block: block, Instance: uint32(i)}.ID()
			s.Readied = append(s.Readied, w.nodes[t])
		}
	}
	w.add(s)
}

// announce writes the begin of an attempt whose end nobody saw.
func (w *writer) announce(a *stretch) {
	s := newStep(record.AttemptStarted)
	s.Node, s.Attempt, s.Worker, s.Slot, s.Head = w.nodes[a.task], uint16(a.number), uint16(a.worker), uint16(a.lane), !a.follows
	s.Ready, s.Claimed, s.Started, s.Fetch = a.ready, a.claimed, a.started, a.fetch
	w.add(s)
}

// end writes an attempt, with the details of it.
func (w *writer) end(of int32, readied []dag.NodeID) {
	a := &w.stretches[of]
	t, recorded := w.recorded(a)
	s := newStep(record.AttemptEnded)
	s.Outcome, s.Announced = a.outcome, a.outcome == record.OutcomeLost
	s.Node, s.Attempt, s.Worker, s.Slot, s.Head = w.nodes[a.task], uint16(a.number), uint16(a.worker), uint16(a.lane), !a.follows
	s.Ready, s.Claimed, s.Started, s.Fetch = a.ready, a.claimed, a.started, a.fetch
	s.Ended, s.Updated, s.Readied = a.ended, a.over, readied
	if a.became != None {
		s.Became = w.nodes[a.became]
	}
	if of+1 < w.first[a.task+1] && s.Outcome == record.OutcomeFailed {
		next := &w.stretches[of+1]
		s.Outcome, s.Delay = record.OutcomeRetrying, time.Duration(max(next.ready-a.ended, 0))
	}
	if a.isOK() {
		s.OutputBytes = t.OutputBytes
		if t.OutputBytes != 0 {
			s.Location, s.StoredBytes = record.LocationStored, max(t.OutputBytes, 0)
		}
	}
	s.Usage = t.usage(recorded)
	w.add(s)
	if w.says(a) {
		w.out.Details = append(w.out.Details, w.detail(a))
	}
}

// recorded is what an attempt was made of.
func (w *writer) recorded(a *stretch) (*Task, *Attempt) {
	t := &w.run.Tasks[a.task]
	return t, &t.Attempts[a.number-1]
}

// countDetails counts them, as appending to a long list leaves several times as much behind.
func (w *writer) countDetails() int {
	n := 0
	for i := range w.stretches {
		if w.says(&w.stretches[i]) {
			n++
		}
	}
	return n
}

// usage is what is recorded of an attempt, with the sums of what the task read; nil if that is nothing. That of the
// attempt is shared if it says everything.
func (t *Task) usage(a *Attempt) *record.Usage {
	u := unknownUsage
	if a.Usage != nil {
		u = *a.Usage
	}
	if t.Inputs != nil {
		u.InputBytes, u.OutsideBytes = 0, 0
		for _, in := range t.Inputs {
			u.InputBytes = addBytes(u.InputBytes, in.Bytes)
			if in.From == None {
				u.OutsideBytes = addBytes(u.OutsideBytes, in.Bytes)
			}
		}
	}
	if t.ResultBytes >= 0 {
		u.ResultBytes = t.ResultBytes
	}
	switch {
	case u == unknownUsage:
		return nil
	case a.Usage != nil && u == *a.Usage:
		return a.Usage
	}
	own := u // so that only this one is allocated
	return &own
}

// unknownUsage is a usage in which nothing is known.
var unknownUsage = *NewUsage()

// nameNodes gives the nodes of the graph the names of their tasks, as far as there is room.
func (w *writer) nameNodes() error {
	if w.names == nil {
		return nil
	}
	byNode, all, left := make([]string, w.numbers.Nodes()), 0, 0
	for t, name := range w.names {
		if all+len(name) > dag.MaxNames {
			left++
			continue
		}
		if node := w.nodes[t]; node != dag.NoNode {
			byNode[node] = name
			all += len(name)
		}
	}
	w.notes.LeftOut(left, "names of tasks are left out, as all of them together are too long")
	graph, err := w.out.Graph.WithNames(byNode)
	if err != nil {
		return fmt.Errorf("records: %w", err)
	}
	w.out.Graph = graph
	return nil
}
