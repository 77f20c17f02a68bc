package metricsstore

import (
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// settle counts a task by how its latest attempt ended. A task that is run again because its output was lost is
// counted by its latest end only.
func (f *Fold) settle(task dag.NodeID, o record.Outcome) {
	if o == record.NoOutcome {
		return // not an end, whatever the step says
	}
	if int(task) >= len(f.ends) {
		f.ends = append(f.ends, make([]record.Outcome, f.numbering.Nodes()-len(f.ends))...)
	}
	if before := f.ends[task]; before != record.NoOutcome {
		*f.counter(before)--
	}
	f.ends[task] = o
	*f.counter(o)++
}

// restart begins the next revision of a run, which repeats what had not ended well.
func (f *Fold) restart() {
	for task, o := range f.ends {
		if o != record.NoOutcome && o != record.OutcomeOK {
			*f.counter(o)--
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

// counter is the total that a task counts in whose latest attempt ended with an outcome.
func (f *Fold) counter(o record.Outcome) *int64 {
	switch o {
	case record.OutcomeOK:
		return &f.counts.Succeeded
	case record.OutcomeFailed:
		return &f.counts.Failed
	case record.OutcomeCancelled:
		return &f.counts.Cancelled
	case record.OutcomeSkipped:
		return &f.counts.Skipped
	default:
		return &f.counts.Unfinished
	}
}
