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
	Against       *Set          `json:"against,omitempty"`
	Alignment     Alignment     `json:"alignment"`
	Decomposition Decomposition `json:"decomposition"`
	// Functions are all functions of both runs, those that changed most first.
	Functions []Shift `json:"functions"`
	// Evidence says how far the figures carry.
	Evidence string `json:"evidence"`
}

// Compared is one of the two runs.
type Compared struct {
	Run        record.RunID  `json:"run"`
	MakespanNS int64         `json:"makespan_ns"`
	Tasks      int           `json:"tasks"`
	Path       analysis.Path `json:"path"`
}

// onePair is the evidence of two runs.
const onePair = "One pair proves nothing: the tasks of one run share its machine and its moment. Compare with several runs for an interval."

// Pair compares two runs. The error is ErrDifferent.
func Pair(base, run *Side) (*Comparison, error) {
	if err := sameWorkflow(base, run); err != nil {
		return nil, err
	}
	c := &Comparison{
		Base: compared(base), Run: compared(run), Alignment: align(base, run), Decomposition: decompose(base, run), Evidence: onePair,
	}
	c.Functions = shifts(base, run, &c.Alignment)
	return c, nil
}

func compared(s *Side) Compared {
	return Compared{Run: s.ID, MakespanNS: s.Makespan, Tasks: s.run.Tasks(), Path: *s.path}
}
