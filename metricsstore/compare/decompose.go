package compare

import (
	"cmp"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/metricsstore/analysis"
)

// Part is what a phase of a function contributes to the difference of two makespans: the time that the critical path of
// each run spends on it, in nanoseconds.
type Part struct {
	Function   string `json:"function"`
	Phase      string `json:"phase"`
	Base       int64  `json:"base_ns"`
	Run        int64  `json:"run_ns"`
	Difference int64  `json:"difference_ns"`
}

// Decomposition is the difference of two makespans by functions and phases of both critical paths. Parts and Rest add up to
// Difference exactly.
type Decomposition struct {
	Difference int64 `json:"difference_ns"`
	// Parts are those that differ, the largest difference first.
	Parts []Part `json:"parts"`
	// Rest is what no path shows: how much more a recording says that the run took than its tasks do.
	Rest int64 `json:"rest_ns"`
	// Waiting, Working and Repeating sum up the parts by kinds of phases.
	Waiting   int64 `json:"waiting_ns" doc:"Queue, unready and stood: nothing of the path was at work."`
	Working   int64 `json:"working_ns" doc:"Wait, fetch, execute, store and update."`
	Repeating int64 `json:"repeating_ns" doc:"Earlier attempts and the time before retries."`
	// Tasks are the fewest tasks that make up MostOf of Difference.
	Tasks []TaskPart `json:"tasks"`
}

// TaskPart is what one task contributes: its time on either path.
type TaskPart struct {
	Task     string `json:"task"`
	Function string `json:"function"`
	// BaseNode and RunNode are its nodes in both runs; nil if it is not on the path of that run.
	BaseNode   *dag.NodeID `json:"base_node"`
	RunNode    *dag.NodeID `json:"run_node"`
	Difference int64       `json:"difference_ns"`
}

// MostOf is the share of the difference that the listed tasks make up.
const MostOf = 0.8

// kind groups phases.
type kind int

const (
	waiting kind = iota
	working
	repeating
)

var phases = []struct {
	name string
	kind kind
	of   func(*analysis.PathPhases) int64
}{
	{"again", repeating, func(p *analysis.PathPhases) int64 { return p.Again }},
	{"backoff", repeating, func(p *analysis.PathPhases) int64 { return p.Backoff }},
	{"stood", waiting, func(p *analysis.PathPhases) int64 { return p.Stood }},
	{"unready", waiting, func(p *analysis.PathPhases) int64 { return p.Unready }},
	{"queue", waiting, func(p *analysis.PathPhases) int64 { return p.Queue }},
	{"wait", working, func(p *analysis.PathPhases) int64 { return p.Wait }},
	{"fetch", working, func(p *analysis.PathPhases) int64 { return p.Fetch }},
	{"execute", working, func(p *analysis.PathPhases) int64 { return p.Execute }},
	{"store", working, func(p *analysis.PathPhases) int64 { return p.Store }},
	{"update", working, func(p *analysis.PathPhases) int64 { return p.Update }},
}

func decompose(a, b *Side) *Decomposition {
	base, run := a.byPathFunction(), b.byPathFunction()
	functions := map[string]bool{}
	for f := range base {
		functions[f] = true
	}
	for f := range run {
		functions[f] = true
	}
	d := &Decomposition{Difference: b.Makespan - a.Makespan, Parts: []Part{}}
	d.Rest = d.Difference
	for f := range functions {
		was, is := base[f], run[f]
		for _, phase := range phases {
			p := Part{Function: f, Phase: phase.name, Base: phase.of(&was), Run: phase.of(&is)}
			p.Difference = p.Run - p.Base
			if p.Difference == 0 {
				continue
			}
			d.Parts = append(d.Parts, p)
			d.Rest -= p.Difference
			*[]*int64{&d.Waiting, &d.Working, &d.Repeating}[phase.kind] += p.Difference
		}
	}
	slices.SortFunc(d.Parts, func(x, y Part) int {
		return cmp.Or(cmp.Compare(abs(y.Difference), abs(x.Difference)), cmp.Compare(x.Function, y.Function), cmp.Compare(x.Phase, y.Phase))
	})
	d.Tasks = fewest(taskParts(a, b), b.path.Phases.Total()-a.path.Phases.Total())
	return d
}

// byPathFunction sums up the phases of the critical path by function.
func (s *Side) byPathFunction() map[string]analysis.PathPhases {
	sums := map[string]analysis.PathPhases{}
	for i := range s.path.Steps {
		step := &s.path.Steps[i]
		sum := sums[s.tasks[step.Node].id.Function]
		sum.Add(&step.PathPhases)
		sums[s.tasks[step.Node].id.Function] = sum
	}
	return sums
}

// taskParts has a part for each task on either path.
func taskParts(a, b *Side) []TaskPart {
	parts := map[string]*TaskPart{}
	of := func(s *Side, step *analysis.PathStep) *TaskPart {
		t := &s.tasks[step.Node]
		if parts[t.key()] == nil {
			parts[t.key()] = &TaskPart{Task: t.id.String(), Function: t.id.Function}
		}
		return parts[t.key()]
	}
	for i := range a.path.Steps {
		p := of(a, &a.path.Steps[i])
		p.BaseNode, p.Difference = &a.path.Steps[i].Node, p.Difference-a.path.Steps[i].Total()
	}
	for i := range b.path.Steps {
		p := of(b, &b.path.Steps[i])
		p.RunNode, p.Difference = &b.path.Steps[i].Node, p.Difference+b.path.Steps[i].Total()
	}
	out := make([]TaskPart, 0, len(parts))
	for _, p := range parts {
		out = append(out, *p)
	}
	return out
}

// fewest keeps the parts with the sign of the difference, the largest first, until they make up MostOf of it, at most
// MaxListed.
func fewest(parts []TaskPart, difference int64) []TaskPart {
	slices.SortFunc(parts, func(x, y TaskPart) int {
		if difference < 0 {
			x, y = y, x
		}
		return cmp.Or(cmp.Compare(y.Difference, x.Difference), cmp.Compare(x.Task, y.Task))
	})
	sum := int64(0)
	for i := range parts {
		if i == MaxListed || float64(abs(sum)) >= MostOf*float64(abs(difference)) || (parts[i].Difference > 0) != (difference > 0) {
			return parts[:i]
		}
		sum += parts[i].Difference
	}
	return parts
}

func abs(ns int64) int64 { return max(ns, -ns) }
