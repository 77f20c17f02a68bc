package compare

import (
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/analysis"
)

// Comparison says what changed from Base to Run. Differences are those of Run minus those of Base.
type Comparison struct {
	Base Compared `json:"base"`
	Run  Compared `json:"run"`
	// Against describes the set that Base stands for; nil for a pair of runs.
	Against   *Set      `json:"against,omitempty"`
	Alignment Alignment `json:"alignment"`
	// Decomposition is nil while one of the runs has not ended: only the end shows what a makespan consists of.
	Decomposition *Decomposition `json:"decomposition,omitempty"`
	// Functions are all functions of both runs, those that changed most first. While one of the runs has not ended, they
	// are of the tasks that both have executed.
	Functions []Shift `json:"functions"`
	// Evidence says how far the figures carry.
	Evidence string `json:"evidence"`
}

// Compared is one of the two runs.
type Compared struct {
	Run   record.RunID `json:"run"`
	Ended bool         `json:"ended"`
	// MakespanNS is 0 for a run that has not ended.
	MakespanNS int64 `json:"makespan_ns"`
	Tasks      int   `json:"tasks"`
	// Executed counts the tasks that were executed, without those whose output was known before.
	Executed int `json:"executed"`
	// Path is nil for a run that has not ended.
	Path *analysis.Path `json:"path,omitempty"`
}

// onePair is the evidence of two runs.
const onePair = "One pair proves nothing: the tasks of one run share its machine and its moment. Compare with several runs for an interval."

// soFar is the evidence of a run that has not ended.
const soFar = "A run has not ended: compared are the tasks that both runs have executed so far, and nothing explains the makespan yet. "

// Pair compares two runs. The error is ErrDifferent.
func Pair(base, run *Side) (*Comparison, error) {
	if err := sameWorkflow(base, run); err != nil {
		return nil, err
	}
	c := &Comparison{Base: compared(base), Run: compared(run), Alignment: align(base, run), Evidence: onePair}
	if !base.run.Ended() || !run.run.Ended() {
		c.Evidence = soFar + onePair
		base, run = common(base, run, &c.Alignment)
	} else {
		c.Decomposition = decompose(base, run)
	}
	c.Functions = shifts(base, run, &c.Alignment)
	return c, nil
}

func compared(s *Side) Compared {
	return Compared{Run: s.ID, Ended: s.run.Ended(), MakespanNS: s.Makespan, Tasks: s.run.Tasks(), Executed: s.executed(), Path: s.path}
}
