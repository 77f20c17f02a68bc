package dbt

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// maxSteps bounds how many steps are taken from node to node.
const maxSteps = 50_000_000

// wiring connects the tasks of a run.
type wiring struct {
	r      *results
	out    *records.Run
	number map[string]int32    // of the tasks, by node
	before map[string][]string // what each node depends on
	after  map[string][]string
	has    map[int64]bool // the edges that were added
	steps  int
}

// connect sets the parents of the tasks.
func (r *results) connect(out *records.Run, m *manifest) {
	w := &wiring{
		r: r, out: out, number: map[string]int32{}, before: map[string][]string{}, after: map[string][]string{}, has: map[int64]bool{},
	}
	for i := range r.rows {
		if _, known := w.number[r.rows[i].ID]; !known {
			w.number[r.rows[i].ID] = int32(i)
		}
		if n := r.rows[i].Node; n != nil && m == nil {
			w.before[r.rows[i].ID] = n.DependsOn.Nodes
		}
	}
	if m != nil {
		for id, n := range m.nodes {
			w.before[id] = n.before
		}
	}
	for id, before := range w.before {
		for _, p := range before {
			w.after[p] = append(w.after[p], id)
		}
	}
	for p := range w.after {
		slices.Sort(w.after[p])
	}
	w.direct()
	if r.command() == "build" {
		w.tests()
	}
	w.hooks()
	for i := range out.Tasks {
		slices.Sort(out.Tasks[i].Parents)
		out.Tasks[i].Parents = slices.Compact(out.Tasks[i].Parents)
	}
	if w.steps > maxSteps {
		r.notes.LeftOut(1, "manifests are too large to follow all dependencies")
	}
}

func (w *wiring) add(parent, child int32) bool {
	key := int64(parent)<<32 | int64(child)
	if parent == child || w.has[key] {
		return false
	}
	w.has[key] = true
	w.out.Tasks[child].Parents = append(w.out.Tasks[child].Parents, parent)
	return true
}

// direct adds the dependencies of the manifest, over nodes that are not in the results. With dbt build, a unit test
// that ended before its model was made depends on what the model does, and the model on it.
func (w *wiring) direct() {
	over, missing, units := 0, 0, 0
	for i := range w.r.rows {
		id := w.r.rows[i].ID
		if w.before[id] == nil {
			if _, known := w.before[id]; !known && len(w.before) > 0 && !isHook(id) {
				missing++
			}
			continue
		}
		if model, ok := w.testedBefore(id); ok {
			units++
			w.add(int32(i), model)
			id = w.r.rows[model].ID
		}
		found, direct := w.nearest(id)
		for k, p := range found {
			if w.add(w.number[p], int32(i)) && k >= direct {
				over++
			}
		}
	}
	w.r.notes.Inferred(over, "dependencies lead over nodes that are not in the results, as dbt orders by them")
	w.r.notes.Inferred(units, "unit tests ran before their model, as dbt build does")
	w.r.notes.LeftOut(missing, "nodes are not in the manifest: what they depend on is unknown")
}

// testedBefore returns the model of a unit test, if that started after the test had ended.
func (w *wiring) testedBefore(id string) (model int32, ok bool) {
	if !strings.HasPrefix(id, "unit_test.") || w.r.command() != "build" || len(w.before[id]) == 0 {
		return 0, false
	}
	model, ok = w.number[w.before[id][0]]
	if !ok {
		return 0, false
	}
	test, of := w.out.Tasks[w.number[id]].Attempts, w.out.Tasks[model].Attempts
	return model, len(test) > 0 && (len(of) == 0 || test[0].Ended.Known() && test[0].Ended <= of[0].Claimed)
}

// nearest are the nodes with results that a node depends on, the direct ones first, then those over nodes without.
func (w *wiring) nearest(id string) (found []string, direct int) {
	seen := map[string]bool{id: true}
	queue := slices.Clone(w.before[id])
	for at := 0; at < len(queue) && w.steps <= maxSteps; at++ {
		p := queue[at]
		if w.steps++; seen[p] {
			continue
		}
		seen[p] = true
		if _, ok := w.number[p]; ok {
			found = append(found, p)
			if at < len(w.before[id]) {
				direct++
			}
		} else {
			queue = append(queue, w.before[p]...)
		}
	}
	return found, direct
}

// tests adds what dbt build does: what depends on all that a test is about waits for the test.
func (w *wiring) tests() {
	added := 0
	for i := range w.r.rows {
		id := w.r.rows[i].ID
		if !strings.HasPrefix(id, "test.") || len(w.before[id]) == 0 {
			continue
		}
		below := w.below(w.before[id][0])
		for _, p := range w.before[id][1:] {
			other := w.below(p)
			for n := range below {
				if !other[n] {
					delete(below, n)
				}
			}
		}
		for n := range below {
			child, ok := w.number[n]
			if !ok || isTest(n) || w.follows(n, below) {
				continue
			}
			if w.add(int32(i), child) {
				added++
			}
		}
	}
	w.r.notes.Inferred(added, "dependencies on tests were added, as dbt build tests a node before what depends on it")
}

func isTest(id string) bool {
	return strings.HasPrefix(id, "test.") || strings.HasPrefix(id, "unit_test.")
}

// follows reports whether a node comes after another one of a set that has a result, and so waits for what that does.
func (w *wiring) follows(id string, set map[string]bool) bool {
	found, _ := w.nearest(id)
	for _, p := range found {
		if set[p] && !isTest(p) {
			return true
		}
	}
	return false
}

// below are all nodes that depend on one, directly or not.
func (w *wiring) below(id string) map[string]bool {
	found := map[string]bool{}
	queue := []string{id}
	for len(queue) > 0 && w.steps <= maxSteps {
		n := queue[0]
		queue = queue[1:]
		for _, next := range w.after[n] {
			if w.steps++; !found[next] {
				found[next] = true
				queue = append(queue, next)
			}
		}
	}
	return found
}

func isHook(id string) bool { return strings.HasPrefix(id, "operation.") }

// hooks puts those on the start of a run before all nodes and those on its end after all, in the order of their results.
func (w *wiring) hooks() {
	var begin, end []int32
	for i := range w.r.rows {
		switch id := w.r.rows[i].ID; {
		case isHook(id) && strings.Contains(id, "on-run-start"):
			begin = append(begin, int32(i))
		case isHook(id) && strings.Contains(id, "on-run-end"):
			end = append(end, int32(i))
		}
	}
	byStart := func(a, b int32) int { return cmp.Compare(w.start(a), w.start(b)) }
	slices.SortStableFunc(begin, byStart)
	slices.SortStableFunc(end, byStart)
	added := 0
	chain := func(hooks []int32) {
		for i := 1; i < len(hooks); i++ {
			if w.add(hooks[i-1], hooks[i]) {
				added++
			}
		}
	}
	chain(begin)
	chain(end)
	last := make([]bool, len(w.out.Tasks))
	for i := range w.out.Tasks {
		last[i] = !isHook(w.r.rows[i].ID)
		if last[i] && len(begin) > 0 && len(w.out.Tasks[i].Parents) == 0 {
			w.add(begin[len(begin)-1], int32(i))
			added++
		}
	}
	if len(end) > 0 {
		for i := range w.out.Tasks {
			for _, p := range w.out.Tasks[i].Parents {
				last[p] = false
			}
		}
		for i, is := range last {
			if is {
				w.add(int32(i), end[0])
				added++
			}
		}
	}
	w.r.notes.Inferred(added, "dependencies on hooks were added: they run before and after all nodes")
}

func (w *wiring) start(task int32) records.Moment {
	if attempts := w.out.Tasks[task].Attempts; len(attempts) > 0 {
		return attempts[0].Claimed
	}
	return records.Unknown
}
