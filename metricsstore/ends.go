package metricsstore

import "github.com/dagscope/dagscope/engine"

// settle counts a task by how its latest attempt ended. A task that is run again because its output was lost is
// counted by its latest end only.
func (f *Fold) settle(task engine.NodeID, o engine.Outcome) {
	if o == engine.NoOutcome {
		return // not an end, whatever the step says
	}
	if int(task) >= len(f.ends) {
		f.ends = append(f.ends, make([]engine.Outcome, f.numbering.Nodes()-len(f.ends))...)
	}
	if before := f.ends[task]; before != engine.NoOutcome {
		*f.counter(before)--
	}
	f.ends[task] = o
	*f.counter(o)++
}

// restart begins the next revision of a run, which repeats what had not ended well.
func (f *Fold) restart() {
	for task, o := range f.ends {
		if o != engine.NoOutcome && o != engine.OutcomeOK {
			*f.counter(o)--
			f.ends[task] = engine.NoOutcome
		}
	}
}

// end returns how the latest attempt of a task ended.
func (f *Fold) end(task engine.NodeID) engine.Outcome {
	if int(task) >= len(f.ends) {
		return engine.NoOutcome
	}
	return f.ends[task]
}

// counter is the total that a task counts in whose latest attempt ended with an outcome.
func (f *Fold) counter(o engine.Outcome) *int64 {
	switch o {
	case engine.OutcomeOK:
		return &f.counts.Succeeded
	case engine.OutcomeFailed:
		return &f.counts.Failed
	case engine.OutcomeCancelled:
		return &f.counts.Cancelled
	case engine.OutcomeSkipped:
		return &f.counts.Skipped
	default:
		return &f.counts.Unfinished
	}
}
