package runtable

import (
	"math"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// View is what a table shows: the rows of a run up to a step. Its slices must not be modified and are valid until the
// table changes.
type View struct {
	seq        uint64
	tasks      int
	rows       []Row
	previous   []int32 // for each row, the previous row of the same node, -1 for none
	newest     nodeRows
	marks      []Mark
	expansions []Expansion
	endings    []ending // of the run, ascending; the last one may have no restart yet
	ended      bool
	end        int64
}

// ending is the period during which a run was over, until it was continued.
type ending struct{ from, restart int64 }

// Seq is the last step that the table shows, 0 before the first.
func (v *View) Seq() uint64 { return v.seq }

// Tasks is the number of tasks of the run, counting the fan-outs that have expanded so far.
func (v *View) Tasks() int { return v.tasks }

// Rows is the number of rows.
func (v *View) Rows() int { return len(v.rows) }

// Row returns row i, which must exist.
func (v *View) Row(i int) Row { return v.rows[i] }

// RowsOf lists the rows of a node, oldest first.
func (v *View) RowsOf(node dag.NodeID) []int {
	var out []int
	for i := v.newest.get(node); i >= 0; i = v.previous[i] {
		out = append(out, int(i))
	}
	slices.Reverse(out)
	return out
}

// Marks lists marks in the order of the log.
func (v *View) Marks() []Mark { return v.marks }

// Expansions lists expansions in the order of the log.
func (v *View) Expansions() []Expansion { return v.expansions }

// Ended reports whether the log is complete: the run has ended and nothing follows.
func (v *View) Ended() bool { return v.ended }

// End is the last moment in the table; for a run that has ended, the moment of its end.
func (v *View) End() int64 { return v.end }

// add appends a row.
func (v *View) add(r Row) int {
	i := len(v.rows)
	v.rows = append(v.rows, r)
	v.previous = append(v.previous, v.newest.get(r.Node))
	v.newest.set(r.Node, int32(i))
	return i
}

// addMark appends a mark. A RunStarted after the first one begins the next revision. If the revision before it was cut
// off, no mark says when that was over.
func (v *View) addMark(m Mark) {
	switch m.Kind {
	case record.RunFinished:
		v.endings = append(v.endings, ending{m.At, math.MaxInt64})
	case record.RunStarted:
		isFirst := !slices.ContainsFunc(v.marks, func(before Mark) bool { return before.Kind == record.RunStarted })
		if n := len(v.endings); n > 0 && v.endings[n-1].restart == math.MaxInt64 {
			v.endings[n-1].restart = m.At
		} else if !isFirst {
			v.endings = append(v.endings, ending{m.At, m.At})
		}
	}
	v.marks = append(v.marks, m)
}

// StateAt returns the state of a task at a moment. The frontend computes the same, see FORMAT.md.
func (v *View) StateAt(node dag.NodeID, at int64) State {
	isOver := v.overAt(at)
	for i := v.newest.get(node); i >= 0; i = v.previous[i] {
		r := &v.rows[i]
		if isOver && !r.reached(HasClaimed, r.Claimed, at) && !r.reached(HasUpdated, r.Updated, at) {
			continue // it was not claimed before the run ended
		}
		if begin, ok := r.begin(); ok && begin <= at {
			return v.stateOf(r, at, isOver)
		}
	}
	return waiting(isOver)
}

// overAt reports whether the run was over at a moment, even if it was continued later.
func (v *View) overAt(at int64) bool {
	return v.ended && at >= v.end || slices.ContainsFunc(v.endings, func(e ending) bool { return e.from <= at && at < e.restart })
}

// waiting returns the state of a task that has to wait for its turn.
func waiting(isOver bool) State {
	if isOver {
		return NotRun
	}
	return Pending
}

func (v *View) stateOf(r *Row, at int64, isOver bool) State {
	switch {
	case r.reached(HasUpdated, r.Updated, at):
		if !r.Outcome.Done() && v.restarted(r.Updated, at) {
			return waiting(isOver)
		}
		if r.Outcome == record.OutcomeRetrying && isOver {
			return Failed
		}
		return stateOfOutcome[min(int(r.Outcome), len(stateOfOutcome)-1)]
	case isOver:
		return Lost
	case r.reached(HasEnded, r.Ended, at):
		return Storing
	case r.reached(HasStarted, r.Started, at) && r.Outcome == record.OutcomeCached:
		return Fetching // its output, from the cache
	case r.reached(HasStarted, r.Started, at):
		return Running
	case r.reached(HasClaimed, r.Claimed, at):
		return Fetching
	case r.Attempt > 1:
		return Retrying
	}
	return Ready
}

// restarted reports whether the run was continued between two moments: tasks that were not done by then are repeated.
func (v *View) restarted(after, by int64) bool {
	return slices.ContainsFunc(v.endings, func(e ending) bool { return after <= e.restart && e.restart <= by })
}

// rowsInPage is how many nodes one page of nodeRows covers.
const rowsInPage = 512

// nodeRows maps nodes to row numbers, in pages that are allocated when first written.
type nodeRows struct {
	pages []*[rowsInPage]int32 // row + 1, so that 0 stands for none
}

func (n *nodeRows) set(node dag.NodeID, row int32) {
	page := int(node / rowsInPage)
	if page >= len(n.pages) {
		n.pages = slices.Grow(n.pages, page+1-len(n.pages))[:page+1]
	}
	if n.pages[page] == nil {
		n.pages[page] = new([rowsInPage]int32)
	}
	n.pages[page][node%rowsInPage] = row + 1
}

// get returns -1 for a node without rows.
func (n *nodeRows) get(node dag.NodeID) int32 {
	page := int(node / rowsInPage)
	if page >= len(n.pages) || n.pages[page] == nil {
		return -1
	}
	return n.pages[page][node%rowsInPage] - 1
}
