package runtable

import (
	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// roomAtOnce bounds the rows for which a table allocates space at the start: some 8 MB.
const roomAtOnce = 1 << 16

// lookBack is how many attempts of a task can be active at once; a log with more gets additional rows.
const lookBack = 8

// Table is the table of a run, folded from its log, and can list what changed since any step. Not safe for concurrent use.
type Table struct {
	View
	walker  record.Walker
	changes changes
	// seqOfMark and seqOfExpansion are the steps that marks and expansions come from.
	seqOfMark      []uint64
	seqOfExpansion []uint64
	picked         []uint32
}

// New starts the table of a run of g, which need not be Executable.
func New(g *dag.Graph) *Table {
	t := &Table{walker: record.NewWalker(g)}
	t.tasks = t.Numbering().Tasks()
	room := min(t.tasks, roomAtOnce) // most tasks have one row
	t.rows, t.previous = make([]Row, 0, room), make([]int32, 0, room)
	t.changes = changes{last: make([]uint64, 0, room), list: make([]change, 0, room)}
	return t
}

// Numbering numbers the nodes of the run, as far as the steps have expanded it.
func (t *Table) Numbering() *dag.Numbering { return t.walker.Numbering() }

// TasksIn lists the tasks that are in a state at a moment, in the order of their nodes.
func (t *Table) TasksIn(state State, at int64) []dag.NodeID {
	var in []dag.NodeID
	for node := range dag.NodeID(t.Numbering().Nodes()) {
		if t.isTask(node) && t.StateAt(node, at) == state {
			in = append(in, node)
		}
	}
	return in
}

// Steps applies steps, in the order of Seq, and skips those that it has already applied. If a step cannot belong to
// this graph, the error is codec.ErrMalformed; the steps before it stay applied, and none after it is.
func (t *Table) Steps(steps []record.Step) error {
	for i := range steps {
		isNew, err := t.walker.Next(&steps[i])
		if err != nil {
			return err
		}
		if isNew {
			t.step(&steps[i])
		}
	}
	return nil
}

// Complete marks the log as complete, even if it does not say how the run ended. Steps that arrive later undo it.
func (t *Table) Complete() { t.ended = true }

func (t *Table) step(s *record.Step) {
	t.seq = s.Seq
	t.ended = false
	switch s.Kind {
	case record.AttemptStarted:
		t.started(s)
	case record.AttemptEnded:
		t.attemptEnded(s)
	case record.FanOutExpanded:
		t.expanded(s)
	case record.TaskSkipped:
		t.skipped(s)
	default:
		t.mark(s)
	}
	for _, id := range s.Readied {
		t.readied(id, over(s))
	}
	t.changes.compact(len(t.rows))
}

func (t *Table) isTask(node dag.NodeID) bool {
	_, isTask := t.walker.Function(node)
	return isTask
}

// over is the moment at which a step was over.
func over(s *record.Step) int64 { return clampTime(s.Over()) }

// touch notes that the current step has changed a row.
func (t *Table) touch(row int) {
	t.changes.note(row, t.seq)
	t.end = max(t.end, t.rows[row].latest())
}

// open returns the row of the attempt that a step is about, and adds one if it has none.
func (t *Table) open(s *record.Step) int {
	newest := int(t.newest.get(s.Node))
	for i, n := newest, 0; i >= 0 && n < lookBack; i, n = int(t.previous[i]), n+1 {
		if r := &t.rows[i]; !r.over() && r.Epoch == s.Epoch && r.Attempt == s.Attempt {
			return i
		}
	}
	if newest >= 0 && !t.rows[newest].over() && t.rows[newest].Has&HasClaimed == 0 {
		return newest // the predicted epoch and attempt were wrong
	}
	return t.add(blank(s.Node))
}

func blank(node dag.NodeID) Row {
	return Row{Node: node, Attempt: 1, Worker: NoWorker, OutputBytes: codec.UnknownSize, StoredBytes: codec.UnknownSize}
}

// readied adds the row of a task that can be claimed.
func (t *Table) readied(id dag.NodeID, at int64) {
	if !t.isTask(id) {
		return
	}
	r := blank(id)
	if newest := t.newest.get(id); newest >= 0 {
		last := &t.rows[newest]
		if !last.over() {
			return
		}
		r.Epoch = last.Epoch + 1 // its output was lost, or the run is continued after its end
	}
	r.Ready, r.Has = at, HasReady
	t.touch(t.add(r))
}

func (t *Table) started(s *record.Step) {
	if !t.isTask(s.Node) {
		return
	}
	i := t.open(s)
	r := &t.rows[i]
	r.claim(s)
	r.Ready = clampTime(s.Ready)
	r.Claimed = max(clampTime(s.Claimed), r.Ready)
	r.Started = max(clampTime(s.Started), r.Claimed)
	r.Fetch = min(max(s.Fetch, 0), r.Started-r.Claimed)
	r.Has = HasReady | HasClaimed | HasStarted
	t.touch(i)
}

// claim fills in what both the start and the end of an attempt have.
func (r *Row) claim(s *record.Step) {
	r.Epoch, r.Attempt, r.Worker, r.Slot = s.Epoch, s.Attempt, s.Worker, s.Slot
	if s.Head {
		r.Flags |= Head
	}
}

func (t *Table) attemptEnded(s *record.Step) {
	if !t.isTask(s.Node) {
		return
	}
	i := t.open(s)
	r := &t.rows[i]
	r.Outcome = s.Outcome
	if s.LostUnseen() {
		r.lose(s)
	} else {
		r.end(s)
	}
	t.touch(i)
	switch s.Outcome {
	case record.OutcomeRetrying:
		t.again(s, clampTime(r.Ended+clampTime(int64(s.Delay))))
	case record.OutcomeLost:
		t.again(s, r.Updated)
	}
}

// again adds the row of the next attempt of a task, for which there is no step.
func (t *Table) again(s *record.Step, ready int64) {
	next := blank(s.Node)
	next.Epoch, next.Attempt = s.Epoch, s.Attempt+1
	next.Ready, next.Has = ready, HasReady
	t.touch(t.add(next))
}

// end fills in the end of an attempt.
func (r *Row) end(s *record.Step) {
	r.Flags = 0
	r.claim(s)
	if s.Became != dag.NoNode {
		r.Flags |= Became
	}
	if s.Location == record.LocationStored {
		r.Flags |= Stored
	}
	r.order(s)
	r.OutputBytes, r.StoredBytes, r.Usage = clampSize(s.OutputBytes), clampSize(s.StoredBytes), newUsage(s.Usage)
}

// lose ends an attempt whose loss was reported by a process that did not see it begin: the fields from its announcement
// stay.
func (r *Row) lose(s *record.Step) {
	r.Epoch, r.Attempt, r.Worker = s.Epoch, s.Attempt, s.Worker
	r.Updated, r.Has = max(over(s), r.Ready, r.latest()), r.Has|HasUpdated
	if r.Has&HasStarted != 0 {
		r.Ended, r.Has = r.Updated, r.Has|HasEnded
	}
}

// order fills in the moments of an ended attempt. As in record.TaskMetrics, moments that are not between ready and the
// end, or are before their predecessor, are moved.
func (r *Row) order(s *record.Step) {
	claimed, started, ended, updated, _ := s.Ordered()
	r.Ready, r.Claimed, r.Started = clampTime(s.Ready), clampTime(claimed), clampTime(started)
	r.Ended, r.Updated = clampTime(ended), clampTime(updated)
	r.Fetch = min(max(s.Fetch, 0), r.Started-r.Claimed)
	r.Has = HasReady | HasClaimed | HasStarted | HasEnded | HasUpdated
}

func (t *Table) skipped(s *record.Step) {
	if !t.isTask(s.Node) {
		return
	}
	i := int(t.newest.get(s.Node))
	if i < 0 || t.rows[i].over() {
		i = t.add(blank(s.Node))
	}
	epoch := max(t.rows[i].Epoch, s.Epoch)
	t.rows[i] = blank(s.Node)
	r := &t.rows[i]
	r.Epoch, r.Outcome, r.Has, r.Updated = epoch, record.OutcomeSkipped, HasUpdated, over(s)
	t.touch(i)
}

func (t *Table) expanded(s *record.Step) {
	block := t.walker.Grown()
	if block == nil {
		return
	}
	t.tasks = t.Numbering().Tasks()
	t.expansions = append(t.expansions, Expansion{Node: s.Node, Width: s.Width, First: block.First})
	t.seqOfExpansion = append(t.seqOfExpansion, s.Seq)
	t.end = max(t.end, over(s))
}

// mark adds what happened to the run or to a worker; unknown kinds of steps are ignored.
func (t *Table) mark(s *record.Step) {
	m := Mark{Kind: s.Kind, At: over(s)}
	switch s.Kind {
	case record.RunFinished:
		m.Value = uint32(s.Outcome)
	case record.WorkerStarted, record.SlotLeaked:
		m.Value = uint32(s.Worker)
	case record.WorkerStopped:
		m.Value = uint32(s.Worker)
		if s.Outcome == record.OutcomeLost {
			m.Value |= WorkerLost
		}
	case record.RunStarted, record.RunPaused, record.RunResumed, record.RunDeadline, record.CancelRequested:
	default:
		return
	}
	t.end = max(t.end, m.At)
	t.ended = s.Kind == record.RunFinished
	t.addMark(m)
	t.seqOfMark = append(t.seqOfMark, s.Seq)
}
