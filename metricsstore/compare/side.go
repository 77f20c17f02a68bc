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
	// ErrNoPath: a run has ended and none of its tasks has, so that nothing explains its makespan.
	ErrNoPath = errors.New("compare: a run has no critical path")
	// ErrNoBase: there is no earlier good run to compare with.
	ErrNoBase = errors.New("compare: there is no earlier good run")
)

// Side is one of the runs of a comparison.
type Side struct {
	ID record.RunID
	// Makespan is that of the run's header, in nanoseconds: the recorded one for imported runs that have one; 0 for a run
	// that has not ended.
	Makespan int64

	run   *analysis.Run
	path  *analysis.Path // nil before the end
	tasks []task         // by node; function is empty for joins and fan-outs
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

// NewSide is the side of a run that was analysed, which may not have ended yet. The error is ErrNoPath.
func NewSide(id record.RunID, makespan int64, r *analysis.Run) (*Side, error) {
	if !r.Ended() {
		makespan = 0
	}
	s := &Side{ID: id, Makespan: makespan, run: r, path: r.Path(), byFunction: map[string][]float64{}}
	if s.path == nil && r.Ended() {
		return nil, fmt.Errorf("%w: run %s, expected one that has executed at least one task", ErrNoPath, id)
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
	s.sort()
	return s, nil
}

// Run is the analysed run of the side.
func (s *Side) Run() *analysis.Run { return s.run }

// common is both sides with the execution times of those tasks alone that both have executed.
func common(a, b *Side, al *Alignment) (*Side, *Side) {
	onlyA, onlyB := *a, *b
	onlyA.byFunction, onlyB.byFunction = map[string][]float64{}, map[string][]float64{}
	for node, partner := range al.Partner {
		if partner == dag.NoNode || !(a.tasks[partner].execute >= 0 && b.tasks[node].execute >= 0) {
			continue
		}
		f := b.tasks[node].id.Function
		onlyA.byFunction[f] = append(onlyA.byFunction[f], a.tasks[partner].execute)
		onlyB.byFunction[f] = append(onlyB.byFunction[f], b.tasks[node].execute)
	}
	onlyA.sort()
	onlyB.sort()
	return &onlyA, &onlyB
}

// sort brings the execution times of each function into ascending order.
func (s *Side) sort() {
	for _, values := range s.byFunction {
		slices.Sort(values)
	}
}

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

// executed counts the tasks that were executed.
func (s *Side) executed() (n int) {
	for _, values := range s.byFunction {
		n += len(values)
	}
	return n
}

// sameWorkflow refuses two runs of which one has less than half of its tasks in functions that the other one has too. What
// a run does not have yet it may still get: its fan-outs have no tasks before they are expanded.
func sameWorkflow(a, b *Side) error {
	fa, fb := a.functions(), b.functions()
	for _, pair := range []struct {
		of, in  map[string]int
		isWhole bool
	}{{fa, fb, b.run.Ended()}, {fb, fa, a.run.Ended()}} {
		all, shared := 0, 0
		for name, n := range pair.of {
			all += n
			if pair.in[name] > 0 {
				shared += n
			}
		}
		if pair.isWhole && 2*shared < all {
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
