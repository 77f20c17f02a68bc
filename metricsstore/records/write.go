package records

import (
	"fmt"
	"iter"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// writer has what is needed to write the steps and details of a run. It is not changed by writing them.
type writer struct {
	*compiler
	numbers *dag.Numbering
	nodes   []dag.NodeID // by task
	expands []dag.NodeID // by group
	atStart []dag.NodeID // what was ready at the start
	readied readied
}

// readied is what each event made ready, in the order of the nodes.
type readied struct {
	first []int32 // of each event, and of none after them
	all   []dag.NodeID
}

// by is nil for nothing.
func (r *readied) by(event int) []dag.NodeID {
	from, to := r.first[event], r.first[event+1]
	if from == to {
		return nil
	}
	return r.all[from:to]
}

func newWriter(c *compiler, graph *dag.Graph) *writer {
	w := &writer{compiler: c, numbers: dag.NewNumbering(graph)}
	w.numberNodes()
	w.collectReadied()
	return w
}

// count is the number of steps.
func (w *writer) count() int { return 1 + len(w.run.Workers) + len(w.events) + len(w.run.Workers) + 1 }

// firstFailure is the error of the first attempt that failed for good, nil if there is none.
func (w *writer) firstFailure() *record.ErrorRecord {
	for _, e := range w.events {
		if e.kind != attemptEnds {
			continue
		}
		if a := &w.stretches[e.of]; a.outcome == record.OutcomeFailed && !w.isRetried(e.of) {
			_, recorded := w.recorded(a)
			return w.failure(a, recorded)
		}
	}
	return nil
}

// isRetried reports whether the task of an attempt has another one after it.
func (w *writer) isRetried(of int32) bool { return of+1 < w.first[w.stretches[of].task+1] }

// recorded is what an attempt was made of.
func (w *writer) recorded(a *stretch) (*Task, *Attempt) {
	t := &w.run.Tasks[a.task]
	return t, &t.Attempts[a.number-1]
}

// numberNodes gives the nodes their numbers: first those that exist from the start, see compiler.graph, then the tasks
// of groups in the order in which these open.
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
	limits := dag.Limits{Tasks: MaxTasks + 1, Edges: MaxTasks + MaxEdges}
	for _, e := range w.events {
		if e.kind != groupOpens {
			continue
		}
		tasks := w.after[e.of].tasks
		if block, err := w.numbers.Expand(w.expands[e.of], len(tasks), limits); err == nil { // check has held the tasks to less
			for i, t := range tasks {
				w.nodes[t] = dag.Place{Block: block, Instance: uint32(i)}.ID()
			}
		}
	}
}

// collectReadied lists what each event made ready.
func (w *writer) collectReadied() {
	r := readied{first: make([]int32, len(w.events)+2)}
	for _, by := range w.causesOfNodes() {
		if by >= 0 {
			r.first[by+2]++
		}
	}
	for i := range w.events {
		r.first[i+2] += r.first[i+1]
	}
	r.all = make([]dag.NodeID, r.first[len(w.events)+1])
	for node, by := range w.causesOfNodes() { // first[by+1] moves from the first node of by to that of by+1
		switch {
		case by == atStart:
			w.atStart = append(w.atStart, node)
		case by >= 0:
			r.all[r.first[by+1]] = node
			r.first[by+1]++
		}
	}
	w.readied = r
}

// causesOfNodes are the nodes that exist from the start, with the event that made each ready.
func (w *writer) causesOfNodes() iter.Seq2[dag.NodeID, int32] {
	return func(yield func(node dag.NodeID, by int32) bool) {
		for _, t := range w.sorted {
			if !yield(w.nodes[t], w.causes.tasks[t]) {
				return
			}
		}
		for _, g := range w.groupsInOrder() {
			if !yield(w.expands[g], w.causes.groups[g]) {
				return
			}
		}
	}
}

// write writes all steps and details.
func (r *replay) write() {
	started := newStep(record.RunStarted)
	started.Readied = r.atStart
	r.add(started)
	for i := range r.run.Workers {
		s := newStep(record.WorkerStarted)
		s.Worker, s.Started = uint16(i), r.workerStart(i)
		r.add(s)
	}
	for i, e := range r.events {
		r.event(e, r.readied.by(i))
	}
	for i := range r.run.Workers {
		s := newStep(record.WorkerStopped)
		s.Worker, s.Ended = uint16(i), r.workerEnd(i)
		r.add(s)
	}
	finished := newStep(record.RunFinished)
	finished.Outcome, finished.Ended = r.status().Outcome(), int64(r.made.makespan)
	r.add(finished)
	if len(r.steps) > 0 {
		r.pass()
	}
}

func (r *replay) event(e event, readied []dag.NodeID) {
	switch e.kind {
	case groupOpens:
		r.expand(e)
	case attemptOpens:
		r.announce(&r.stretches[e.of])
	case attemptEnds:
		r.end(e.of, readied)
	case taskSkipped:
		s := newStep(record.TaskSkipped)
		s.Outcome, s.Node, s.Ended, s.Readied = record.OutcomeSkipped, r.nodes[e.of], e.reached, readied
		r.add(s)
	}
}

func newStep(kind record.StepKind) record.Step { return record.Step{Kind: kind, Became: dag.NoNode} }

// expand opens a group.
func (r *replay) expand(e event) {
	tasks := r.after[e.of].tasks
	s := newStep(record.FanOutExpanded)
	s.Outcome, s.Node, s.Attempt, s.Head, s.Width = record.OutcomeOK, r.expands[e.of], 1, true, uint32(len(tasks))
	s.Ready, s.Claimed, s.Started, s.Ended, s.Updated = e.reached, e.reached, e.reached, e.reached, e.reached
	s.Readied = make([]dag.NodeID, len(tasks))
	for i, t := range tasks {
		s.Readied[i] = r.nodes[t]
	}
	r.add(s)
}

// announce writes the begin of an attempt whose end nobody saw.
func (r *replay) announce(a *stretch) {
	s := newStep(record.AttemptStarted)
	s.Node, s.Attempt, s.Worker, s.Slot, s.Head = r.nodes[a.task], uint16(a.number), uint16(a.worker), uint16(a.lane), !a.follows
	s.Ready, s.Claimed, s.Started, s.Fetch = a.ready, a.claimed, a.started, a.fetch
	r.add(s)
}

// end writes an attempt, with the details of it.
func (r *replay) end(of int32, readied []dag.NodeID) {
	a := &r.stretches[of]
	t, recorded := r.recorded(a)
	s := newStep(record.AttemptEnded)
	s.Outcome, s.Announced = a.outcome, a.outcome == record.OutcomeLost
	s.Node, s.Attempt, s.Worker, s.Slot, s.Head = r.nodes[a.task], uint16(a.number), uint16(a.worker), uint16(a.lane), !a.follows
	s.Ready, s.Claimed, s.Started, s.Fetch = a.ready, a.claimed, a.started, a.fetch
	s.Ended, s.Updated, s.Readied = a.ended, a.over, readied
	if a.became != None {
		s.Became = r.nodes[a.became]
	}
	if s.Outcome == record.OutcomeFailed && r.isRetried(of) {
		next := &r.stretches[of+1]
		s.Outcome, s.Delay = record.OutcomeRetrying, time.Duration(max(next.ready-a.ended, 0))
	}
	if a.isOK() {
		s.OutputBytes = t.OutputBytes
		if t.OutputBytes != 0 {
			s.Location, s.StoredBytes = record.LocationStored, max(t.OutputBytes, 0)
		}
	}
	s.Usage = t.usage(recorded)
	r.add(s)
	if r.says(a) {
		r.details = append(r.details, r.detail(a))
	}
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
func (w *writer) nameNodes(graph *dag.Graph) (*dag.Graph, error) {
	if w.names == nil {
		return graph, nil
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
	graph, err := graph.WithNames(byNode)
	if err != nil {
		return nil, fmt.Errorf("records: %w", err)
	}
	return graph, nil
}
