package ninja

import (
	"slices"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/unique"
)

// connect adds what the graph knows: rules and dependencies.
func (l *log) connect(r *records.Run, o *one, g *graph) {
	w := &walk{graph: g, run: r, tasks: make([]int32, len(g.edges))}
	for i := range w.tasks {
		w.tasks[i] = records.None
	}
	w.from = make([]int32, len(o.commands))
	for t, c := range o.commands {
		w.from[t] = none
		for _, i := range c.lines {
			if e := g.producer(l.lines[i].output); e != none {
				w.from[t] = e
			}
		}
		if w.from[t] == none {
			r.Notes.LeftOut(1, "commands are not in the graph, so what they depend on is not known")
			continue
		}
		w.tasks[w.from[t]] = int32(t)
		r.Tasks[t].Function = g.edges[w.from[t]].rule
	}
	parents, ok := w.direct()
	if !ok {
		parents = w.joined()
	}
	edges := 0
	for t := range w.from {
		w.keep(int32(t), parents[t])
		edges += len(r.Tasks[t].Parents)
	}
	if edges == 0 {
		r.Notes.Remark(record.NoteRecorded, "the graph has no dependencies between the commands of the run")
	}
	r.Notes.Recorded(edges, "dependencies are those of the graph, which names no headers and passes over commands that did not run")
}

// walk finds what the commands of a run wait for.
type walk struct {
	*graph
	run    *records.Run
	tasks  []int32 // by edge: the task that ran it, or None
	from   []int32 // by task: its edge, or none
	values []int32 // by edge that did not run: what waits for all that it waits for, or None
	states []state // of values
}

type state uint8

const (
	unknown state = iota
	opened
	settled
)

// keep makes tasks the parents of a task, except those that ended after it had started.
func (w *walk) keep(t int32, parents []int32) {
	slices.Sort(parents)
	parents = slices.Compact(parents)
	all := len(parents)
	start := w.run.Tasks[t].Attempts[0].Started
	parents = slices.DeleteFunc(parents, func(p int32) bool { return p == t || w.run.Tasks[p].Attempts[0].Ended > start })
	w.run.Notes.LeftOut(all-len(parents), "edges of the graph contradict the times, so it is that of another state of the build")
	w.run.Tasks[t].Parents = parents
}

// direct finds the tasks that each task waits for, passing over edges that did not run. It returns false if that is too
// many: where a name stands for hundreds of files that thousands of commands wait for.
func (w *walk) direct() ([][]int32, bool) {
	seen := make([]int32, len(w.edges)) // by edge: the task for which it was last visited
	for i := range seen {
		seen[i] = records.None
	}
	all := make([][]int32, len(w.from))
	edges, visits := 0, 0
	var stack []int32
	for t, from := range w.from {
		if from == none {
			continue
		}
		stack = append(stack[:0], from)
		seen[from] = int32(t)
		for len(stack) > 0 {
			e := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			visits += 1 + len(w.edges[e].in)
			for _, file := range w.edges[e].in {
				p := w.made[file]
				if p == none || seen[p] == int32(t) {
					continue
				}
				seen[p] = int32(t)
				if w.tasks[p] == records.None {
					stack = append(stack, p)
				} else {
					all[t] = append(all[t], w.tasks[p])
				}
			}
			if visits > 20*w.arcs+100_000 {
				return nil, false
			}
		}
		if edges += len(all[t]); edges > 8*len(w.from)+1000 {
			return nil, false
		}
	}
	return all, true
}

// joined finds the same with a task of no length for each edge that did not run and waits for several: so there are no
// more dependencies than the graph has arcs.
func (w *walk) joined() [][]int32 {
	w.values, w.states = make([]int32, len(w.edges)), make([]state, len(w.edges))
	names := w.names()
	all := make([][]int32, len(w.from))
	for t, from := range w.from {
		if from == none {
			continue
		}
		for _, file := range w.edges[from].in {
			p := w.made[file]
			if p == none || p == from {
				continue
			}
			w.settle(p, names)
			if v := w.value(p); v != records.None {
				all[t] = append(all[t], v)
			}
		}
	}
	w.run.Notes.Inferred(len(w.run.Tasks)-len(w.from), "names for several files are tasks without a length, as direct dependencies would be too many")
	return all
}

// value is what stands for an edge: its task, or what waits for all that it waits for.
func (w *walk) value(e int32) int32 {
	if w.tasks[e] != records.None {
		return w.tasks[e]
	}
	if w.states[e] != settled {
		return records.None // in a cycle
	}
	return w.values[e]
}

// settle finds the value of an edge, after those of all edges before it that did not run either.
func (w *walk) settle(e int32, names *joinNames) {
	for stack := []int32{e}; len(stack) > 0; {
		at := stack[len(stack)-1]
		if w.tasks[at] != records.None || w.states[at] == settled {
			stack = stack[:len(stack)-1]
			continue
		}
		first := w.states[at] == unknown
		w.states[at] = opened
		var parents []int32
		for _, file := range w.edges[at].in {
			p := w.made[file]
			switch {
			case p == none:
			case first && w.tasks[p] == records.None && w.states[p] == unknown:
				stack = append(stack, p)
			case !first:
				if v := w.value(p); v != records.None {
					parents = append(parents, v)
				}
			}
		}
		if !first {
			w.values[at], w.states[at] = w.join(at, parents, names), settled
			stack = stack[:len(stack)-1]
		}
	}
}

// join is a task that waits for several, or the only one.
func (w *walk) join(e int32, parents []int32, names *joinNames) int32 {
	slices.Sort(parents)
	parents = slices.Compact(parents)
	switch len(parents) {
	case 0:
		return records.None
	case 1:
		return parents[0]
	}
	t := records.NewTask(names.ids.ID(w.edges[e].rule + " " + names.paths[e]))
	t.Function = "phony"
	t.Parents = parents
	a := records.NewAttempt()
	for _, p := range parents {
		a.Ended = max(a.Ended, w.run.Tasks[p].Attempts[0].Ended)
	}
	a.Started, a.Outcome = a.Ended, record.OutcomeOK
	t.Attempts = []records.Attempt{a}
	w.run.Tasks = append(w.run.Tasks, t)
	return int32(len(w.run.Tasks) - 1)
}

// joinNames names edges that did not run.
type joinNames struct {
	paths []string // by edge: the first output
	ids   unique.Names
}

func (w *walk) names() *joinNames {
	n := &joinNames{paths: make([]string, len(w.edges)), ids: unique.Names{}}
	for path, file := range w.files {
		if file >= 0 && w.made[file] != none {
			if e := w.made[file]; n.paths[e] == "" || path < n.paths[e] {
				n.paths[e] = path
			}
		}
	}
	for i := range w.run.Tasks {
		n.ids[w.run.Tasks[i].ID]++
	}
	return n
}
