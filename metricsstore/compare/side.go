package compare

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/analysis"
)

// Reasons for refusing a comparison.
var (
	// ErrDifferent: the runs are of different workflows.
	ErrDifferent = errors.New("compare: the runs are of different workflows")
	// ErrNoPath: a run has not ended, or none of its tasks has, so that nothing explains its makespan.
	ErrNoPath = errors.New("compare: a run has no critical path")
	// ErrNoBase: there is no earlier good run to compare with.
	ErrNoBase = errors.New("compare: there is no earlier good run")
)

// Side is one of the runs of a comparison.
type Side struct {
	ID record.RunID
	// Makespan is that of the run's header, in nanoseconds: the recorded one for imported runs that have one.
	Makespan int64

	run   *analysis.Run
	path  *analysis.Path
	tasks []task // by node; function is empty for joins and fan-outs
	// byFunction has execution times in nanoseconds, ascending.
	byFunction map[string][]float64
}

// task is what a comparison needs of a node. Execute is NaN unless the task was executed.
type task struct {
	id      dag.Identity
	level   int32
	execute float64
}

// Read reads one side. Errors are those of analysis.Read, and ErrNoPath.
func Read(ctx context.Context, q *metricsstore.Queries, run *metricsstore.Run) (*Side, error) {
	r, err := analysis.Read(ctx, q, run)
	if err != nil {
		return nil, err
	}
	return NewSide(run.Info.ID, run.MakespanNS(), r)
}

// NewSide is the side of a run that was analysed. The error is ErrNoPath.
func NewSide(id record.RunID, makespan int64, r *analysis.Run) (*Side, error) {
	s := &Side{ID: id, Makespan: makespan, run: r, path: r.Path(), byFunction: map[string][]float64{}}
	if s.path == nil {
		return nil, fmt.Errorf("%w: run %s, expected one that has ended and executed at least one task", ErrNoPath, id)
	}
	execute, levels := r.ExecuteNS(), r.Levels()
	s.tasks = make([]task, len(execute))
	for node := range s.tasks {
		id := dag.NodeID(node)
		if !r.Numbering.IsTask(id) {
			continue
		}
		t := &s.tasks[node]
		t.id, t.level, t.execute = r.Numbering.Identity(r.Numbering.Locate(id)), levels[node], execute[node]
		if t.execute >= 0 { // not NaN
			s.byFunction[t.id.Function] = append(s.byFunction[t.id.Function], t.execute)
		}
	}
	for _, values := range s.byFunction {
		slices.Sort(values)
	}
	return s, nil
}

// Run is the analysed run of the side.
func (s *Side) Run() *analysis.Run { return s.run }

// functions counts tasks by function.
func (s *Side) functions() map[string]int {
	n := map[string]int{}
	for i := range s.tasks {
		if f := s.tasks[i].id.Function; f != "" {
			n[f]++
		}
	}
	return n
}

// sameWorkflow refuses two runs of which one has less than half of its tasks in functions that the other one has too.
func sameWorkflow(a, b *Side) error {
	fa, fb := a.functions(), b.functions()
	for _, pair := range [][2]map[string]int{{fa, fb}, {fb, fa}} {
		all, shared := 0, 0
		for name, n := range pair[0] {
			all += n
			if pair[1][name] > 0 {
				shared += n
			}
		}
		if 2*shared < all {
			return fmt.Errorf("%w: %s has the functions %s, and %s has %s; expected at least half of the tasks of each in functions of both",
				ErrDifferent, a.ID, some(fa), b.ID, some(fb))
		}
	}
	return nil
}

// some names the first few functions.
func some(functions map[string]int) string {
	const named = 3
	names := slices.Sorted(maps.Keys(functions))
	if len(names) > named {
		return fmt.Sprintf("%q and %d more", names[:named], len(names)-named)
	}
	return fmt.Sprintf("%q", names)
}
