package analysis

import (
	"context"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// Run is a run as it is analysed: its graph with all fan-outs expanded, its attempts, and the slots that there were.
type Run struct {
	Table     *runtable.Table
	Numbering *dag.Numbering
	// Recorded: the run was made from the record of another tool, which need not say what a task waited for.
	Recorded bool

	waits       waits
	function    []uint16 // by node, of tasks
	attempts    attempts
	marks       []runtable.Mark
	standstills []Standstill
	workers     []record.WorkerRecord
	// endNS is when the run ended, in nanoseconds since its start, as all moments here; infinite for a live run.
	endNS float64
	ended bool
}

// Read reads a kept run. Errors are those of Queries.Decode, and metricsstore.ErrCorrupt for a log that does not fit its
// graph.
func Read(ctx context.Context, q *metricsstore.Queries, run *metricsstore.Run) (*Run, error) {
	table, err := runtable.Read(ctx, q, run)
	if err != nil {
		return nil, err
	}
	workers, err := q.Workers(ctx, run.Info.ID)
	if err != nil {
		return nil, err
	}
	return New(table, workers, run.Info.Imported() != nil), nil
}

// New prepares the table of a run for analysis. Of the workers, the numbers of processors and slots count; what is not
// known of them is taken from what they did.
func New(table *runtable.Table, workers []record.WorkerRecord, recorded bool) *Run {
	r := &Run{
		Table: table, Numbering: table.Numbering(), Recorded: recorded, marks: table.Marks(), workers: workers,
		endNS: infinity, ended: table.Ended(),
	}
	if r.ended {
		r.endNS = float64(table.End())
	}
	r.waits, r.function = newWaits(r.Numbering), functionsOf(r.Numbering)
	r.attempts = newAttempts(&table.View, r.Numbering.Nodes())
	r.standstills = standstillsOf(r.marks, r.endNS)
	return r
}

// functionsOf is, for each node that is a task, the number of its function.
func functionsOf(n *dag.Numbering) []uint16 {
	functions := make([]uint16, n.Nodes())
	for _, b := range n.Blocks() {
		s := n.Graph().Scope(b.Scope)
		for instance := range b.Instances {
			for local := range s.Tasks() {
				functions[dag.Place{Block: b, Instance: instance, Local: local}.ID()] = s.Function(local)
			}
		}
	}
	return functions
}

// Tasks is how many tasks the run has.
func (r *Run) Tasks() int { return r.Numbering.Tasks() }

// Ended reports whether the run had ended when it was read.
func (r *Run) Ended() bool { return r.ended }

// makespan is from the first claim to the last end; both are 0 if there is none.
func (r *Run) makespan() (from, to float64) {
	a := &r.attempts
	from, to = infinity, -infinity
	for row := range a.node {
		if a.claimed[row] < from {
			from = a.claimed[row]
		}
		if a.updated[row] > to && a.outcome[row] != record.OutcomeSkipped {
			to = a.updated[row]
		}
	}
	if from <= to {
		return from, to
	}
	return 0, 0
}

// ExecuteNS is, for each node, how long the attempt that counts for its task executed, in nanoseconds; NaN for what was not
// executed: tasks that never ran or were cached, joins and fan-outs.
func (r *Run) ExecuteNS() []float64 {
	execute := make([]float64, len(r.waits.isTask))
	for node, row := range r.counted() {
		execute[node] = unknown
		if row != noRow && r.attempts.outcome[row] == record.OutcomeOK {
			execute[node] = r.attempts.phases(int(row)).execute
		}
	}
	return execute
}

// Levels is, for each node, how many tasks precede it on the longest path to it.
func (r *Run) Levels() []int32 {
	levels := make([]int32, len(r.waits.isTask))
	for _, node := range r.waits.order() {
		for _, before := range r.waits.before.of(node) {
			level := levels[before]
			if r.waits.isTask[before] {
				level++
			}
			levels[node] = max(levels[node], level)
		}
	}
	return levels
}
