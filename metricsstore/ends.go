package metricsstore

import (
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// taskEnds counts tasks by how their latest attempt ended: by outcome, the last one for outcomes of later versions.
type taskEnds [record.OutcomeCached + 2]int64

func (e *taskEnds) of(o record.Outcome) *int64 { return &e[min(int(o), len(e)-1)] }

// settle counts a task by how its latest attempt ended. A task that is run again because its output was lost is
// counted by its latest end only.
func (f *Fold) settle(task dag.NodeID, o record.Outcome) {
	if o == record.NoOutcome {
		return // not an end, whatever the step says
	}
	if int(task) >= len(f.ends) {
		f.ends = append(f.ends, make([]record.Outcome, f.Numbering().Nodes()-len(f.ends))...)
	}
	*f.settled.of(f.ends[task])--
	*f.settled.of(o)++
	f.ends[task] = o
}

// restart begins the next revision of a run, which repeats what had not ended well.
func (f *Fold) restart() {
	for task, o := range f.ends {
		if !o.Done() {
			*f.settled.of(o)--
			f.ends[task] = record.NoOutcome
		}
	}
}

// end returns how the latest attempt of a task ended.
func (f *Fold) end(task dag.NodeID) record.Outcome {
	if int(task) >= len(f.ends) {
		return record.NoOutcome
	}
	return f.ends[task]
}

// countTasks fills in how many tasks ended in which way. Those whose attempts were announced and have not ended are
// unfinished, as are those whose latest one failed or was lost and will be repeated.
func (f *Fold) countTasks(c *Counts) {
	e := &f.settled
	c.Succeeded, c.Failed = e[record.OutcomeOK], e[record.OutcomeFailed]
	c.Cancelled, c.Skipped = e[record.OutcomeCancelled], e[record.OutcomeSkipped]
	c.Cached = e[record.OutcomeCached]
	c.Unfinished = e[record.OutcomeRetrying] + e[record.OutcomeLost] + e[len(e)-1]
	for node := range f.attempts.Nodes {
		if _, isTask := f.walker.Function(node); isTask && f.end(node) == record.NoOutcome {
			c.Unfinished++
		}
	}
}
