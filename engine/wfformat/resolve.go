package wfformat

import (
	"container/heap"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// resolver assembles the tasks: names become numbers, in the order of the file until order renumbers them.
type resolver struct {
	*parser
	byID   map[string]int32
	byName map[string]int32 // ambiguous if several tasks have the name
	tasks  []Task
}

const ambiguous int32 = -1

func (p *parser) resolve() error {
	if len(p.written) == 0 {
		return in("workflow.specification.tasks", errors.New("is empty, expected at least one task"))
	}
	p.inst.Makespan = duration(p.makespan)
	r := &resolver{parser: p, byID: map[string]int32{}, byName: map[string]int32{}}
	for _, step := range []func() error{r.identify, r.describe, r.connect, r.order} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// identify gives every task a number and adds the data of its execution.
func (r *resolver) identify() error {
	for i := range r.written {
		t := &r.written[i]
		if t.id == "" {
			t.id = t.name // schema 1.4 does not require ids
		}
		if t.id == "" {
			return in(fmt.Sprintf("tasks[%d].id", i), errors.New("is missing, expected a string"))
		}
		if _, known := r.byID[t.id]; known {
			return in(fmt.Sprintf("tasks[%d].id", i), fmt.Errorf("%q is given twice, expected one task of an id", short(t.id)))
		}
		r.byID[t.id] = int32(i)
		if _, known := r.byName[t.name]; known {
			r.byName[t.name] = ambiguous
		} else if t.name != "" {
			r.byName[t.name] = int32(i)
		}
	}
	joined := make([]bool, len(r.written))
	for i := range r.executed {
		e := &r.executed[i]
		n, err := r.find(e.id)
		if err == nil && joined[n] {
			err = fmt.Errorf("%q is given twice, expected one execution of a task", short(e.id))
		}
		if err != nil {
			return in(fmt.Sprintf("workflow.execution.tasks[%d].id", i), err)
		}
		joined[n] = true
		r.join(&r.written[n], e)
	}
	return nil
}

// find resolves a reference to a task: an id, or a name that exactly one task has.
func (r *resolver) find(ref string) (int32, error) {
	if n, ok := r.byID[ref]; ok {
		return n, nil
	}
	n, ok := r.byName[ref]
	switch {
	case !ok:
		return 0, fmt.Errorf("%q is unknown, expected the id of a task of the specification", short(ref))
	case n == ambiguous:
		return 0, fmt.Errorf("%q is the name of several tasks, expected an id", short(ref))
	default:
		return n, nil
	}
}

// join adds to a task what the execution part of the file says about it.
func (r *resolver) join(t, e *rawTask) {
	t.runtime, t.older = max(t.runtime, e.runtime), max(t.older, e.older)
	t.cores, t.cpu = max(t.cores, e.cores), max(t.cpu, e.cpu)
	if e.program != "" {
		t.program, t.command = e.program, e.command
	}
	if t.category == "" {
		t.category = e.category
	}
	t.memory, t.read, t.wrote = max(t.memory, e.memory), max(t.read, e.read), max(t.wrote, e.wrote)
	if e.machine != "" {
		t.machine = e.machine
	}
	if e.at != "" {
		t.at = e.at
	}
}

// describe fills in everything but the edges.
func (r *resolver) describe() error {
	r.tasks = make([]Task, len(r.written))
	total := 0.0
	for i := range r.tasks {
		raw, t := &r.written[i], &r.tasks[i]
		seconds := raw.runtime
		if seconds < 0 {
			seconds = raw.older
		}
		if total += max(seconds, 0); total > maxSeconds*10 {
			return in(field(raw, "runtimeInSeconds"), fmt.Errorf("brings the sum of all runtimes above %g s, expected less", maxSeconds*10))
		}
		*t = Task{
			ID: raw.id, Name: raw.name, Category: categoryOf(raw), Command: raw.command,
			Runtime: duration(seconds), Timed: seconds >= 0, ExecutedAt: readTime(raw.at), Machine: NoMachine,
			Cores: max(1, int(math.Ceil(raw.cores))), CPU: share(raw.cpu),
			MemoryBytes: int64(math.Ceil(raw.memory)), ReadBytes: int64(math.Ceil(raw.read)), WrittenBytes: int64(math.Ceil(raw.wrote)),
		}
		var err error
		if raw.machine != "" {
			if t.Machine, err = r.machine(raw.machine, 0); err != nil {
				return in(field(raw, "machines"), err)
			}
		}
		if t.Inputs, err = r.fileNumbers(raw.inputs); err != nil {
			return in(field(raw, "inputFiles"), err)
		}
		if t.Outputs, err = r.fileNumbers(raw.outputs); err != nil {
			return in(field(raw, "outputFiles"), err)
		}
	}
	return nil
}

// share turns percents into a share, unset ones into -1.
func share(percent float64) float64 {
	if percent < 0 {
		return unset
	}
	return percent / 100
}

// field describes where in the file a field of a task is.
func field(t *rawTask, name string) string { return "task " + short(t.id) + ": " + name }

// fileNumbers resolves ids of files. If the file has no list of files, they are added without sizes.
func (r *resolver) fileNumbers(ids []string) ([]int32, error) {
	out := make([]int32, 0, len(ids))
	for _, id := range ids {
		if _, known := r.files[id]; !known {
			if r.listed {
				return nil, fmt.Errorf("%q is unknown, expected the id of a file of the specification", short(id))
			}
			if err := r.addFile(id, unset); err != nil {
				return nil, err
			}
		}
		out = append(out, r.files[id])
	}
	return distinct(out), nil
}

// distinct removes repeated numbers.
func distinct(s []int32) []int32 {
	seen := make(map[int32]struct{}, len(s))
	return slices.DeleteFunc(s, func(v int32) bool {
		_, again := seen[v]
		seen[v] = struct{}{}
		return again
	})
}

// edge is parent and child in one number, so that edges sort by parent.
type edge uint64

func makeEdge(parent, child int32) edge { return edge(parent)<<32 | edge(child) }
func (e edge) parent() int32            { return int32(e >> 32) }
func (e edge) child() int32             { return int32(e & (1<<32 - 1)) }

// connect finds the edges: the union of the lists of parents and children, unless they contradict each other.
func (r *resolver) connect() error {
	var up, down []edge
	for i := range r.tasks {
		raw := &r.written[i]
		for _, ref := range raw.parents {
			n, err := r.find(ref)
			if err != nil {
				return in(field(raw, "parents"), err)
			}
			up = append(up, makeEdge(n, int32(i)))
		}
		for _, ref := range raw.children {
			n, err := r.find(ref)
			if err != nil {
				return in(field(raw, "children"), err)
			}
			down = append(down, makeEdge(int32(i), n))
		}
	}
	slices.Sort(up)
	slices.Sort(down)
	up, down = slices.Compact(up), slices.Compact(down)
	all := slices.Compact(slices.Sorted(slices.Values(slices.Concat(up, down))))
	if len(all) > r.limits.Edges {
		return tooMany("%d edges, at most %d are allowed", len(all), r.limits.Edges)
	}
	for _, e := range all {
		p, c := &r.written[e.parent()], &r.written[e.child()]
		_, said := slices.BinarySearch(down, e)
		if !said && len(p.children) > 0 {
			return in(field(c, "parents"), fmt.Errorf("name %s, whose children do not name it, expected both or neither", short(p.id)))
		}
		_, said = slices.BinarySearch(up, e)
		if !said && len(c.parents) > 0 {
			return in(field(p, "children"), fmt.Errorf("name %s, whose parents do not name it, expected both or neither", short(c.id)))
		}
		r.tasks[e.parent()].Children = append(r.tasks[e.parent()].Children, e.child())
		r.tasks[e.child()].Parents = append(r.tasks[e.child()].Parents, e.parent())
	}
	return nil
}

// order renumbers the tasks: parents first, otherwise in the order of the file.
func (r *resolver) order() error {
	waits := make([]int, len(r.tasks))
	ready := &lowestFirst{}
	for i := range r.tasks {
		if waits[i] = len(r.tasks[i].Parents); waits[i] == 0 {
			heap.Push(ready, int32(i))
		}
	}
	number := make([]int32, len(r.tasks))
	for ready.Len() > 0 {
		i := heap.Pop(ready).(int32)
		number[i] = int32(len(r.inst.Tasks))
		r.inst.Tasks = append(r.inst.Tasks, r.tasks[i])
		for _, c := range r.tasks[i].Children {
			if waits[c]--; waits[c] == 0 {
				heap.Push(ready, c)
			}
		}
	}
	if len(r.inst.Tasks) < len(r.tasks) {
		return r.cycle(waits)
	}
	for i := range r.inst.Tasks {
		for _, list := range [][]int32{r.inst.Tasks[i].Parents, r.inst.Tasks[i].Children} {
			for k := range list {
				list[k] = number[list[k]]
			}
			slices.Sort(list)
		}
	}
	return nil
}

// lowestFirst is a heap.Interface of numbers.
type lowestFirst []int32

func (h lowestFirst) Len() int           { return len(h) }
func (h lowestFirst) Less(i, j int) bool { return h[i] < h[j] }
func (h lowestFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *lowestFirst) Push(v any)        { *h = append(*h, v.(int32)) }

func (h *lowestFirst) Pop() any {
	last := len(*h) - 1
	v := (*h)[last]
	*h = (*h)[:last]
	return v
}

// cycle describes one cycle. Each task that waits has a parent that waits, so following parents must end in a cycle.
func (r *resolver) cycle(waits []int) error {
	at := int32(slices.IndexFunc(waits, func(n int) bool { return n > 0 }))
	var way []int32
	seen := map[int32]int{}
	for {
		if first, again := seen[at]; again {
			way = way[first:]
			break
		}
		seen[at] = len(way)
		way = append(way, at)
		parents := r.tasks[at].Parents
		at = parents[slices.IndexFunc(parents, func(p int32) bool { return waits[p] > 0 })]
	}
	slices.Reverse(way)
	const most = 10
	names := make([]string, 0, most+2)
	for _, i := range way[:min(most, len(way))] {
		names = append(names, short(r.tasks[i].ID))
	}
	if len(way) > most {
		names = append(names, fmt.Sprintf("… (%d tasks)", len(way)))
	}
	names = append(names, names[0])
	return fmt.Errorf("the tasks %s form a cycle, expected none", strings.Join(names, " → "))
}
