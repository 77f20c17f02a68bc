package nextflow

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// maxEdges bounds the edges that are inferred with more than one parent from a process.
const maxEdges = 1_000_000

// bestGraph finds the graph with most of the processes of a listing, nil if none has half of them.
func bestGraph(l *listing, graphs []*graph) *graph {
	var best *graph
	processes := l.processes()
	most := (len(processes)+1)/2 - 1
	for _, g := range graphs {
		if n := len(g.match(processes, nil)); n > most {
			best, most = g, n
		}
	}
	return best
}

// processes are those of the rows, sorted.
func (l *listing) processes() []string {
	seen := map[string]bool{}
	var all []string
	for i := range l.rows {
		if p := l.rows[i].process; p != "" && !seen[p] {
			seen[p] = true
			all = append(all, p)
		}
	}
	slices.Sort(all)
	return all
}

// match finds the processes of a listing by their names in the graph, where the workflows that they are in can be left
// out: the one with the fewest left out. If there are several, it is ambiguous.
func (g *graph) match(processes []string, ambiguous func(name string)) map[string]string {
	suffixes := map[string][]string{}
	for _, process := range processes {
		for at := 0; at >= 0; {
			suffixes[process[at:]] = append(suffixes[process[at:]], process)
			next := strings.IndexByte(process[at:], ':')
			if next < 0 {
				break
			}
			at += next + 1
		}
	}
	found := map[string]string{}
	for i := range g.nodes {
		name := g.nodes[i].process
		if name == "" || found[name] != "" {
			continue
		}
		candidates := suffixes[name]
		for end := name; len(candidates) == 0; candidates = suffixes[end] { // a depth of groups that the trace has not
			_, rest, more := strings.Cut(end, ":")
			if !more {
				break
			}
			end = rest
		}
		depth := func(a, b string) int { return cmp.Compare(strings.Count(a, ":"), strings.Count(b, ":")) }
		slices.SortStableFunc(candidates, depth)
		switch {
		case len(candidates) > 1 && depth(candidates[0], candidates[1]) == 0:
			if ambiguous != nil {
				ambiguous(name)
			}
		case len(candidates) > 0:
			found[name] = candidates[0]
		}
	}
	return found
}

// wiring connects the tasks of a run.
type wiring struct {
	l     *listing
	r     *records.Run
	by    map[string]*members
	edges int
	has   map[int64]bool
}

// members are the tasks of a process.
type members struct {
	all    []int32
	ended  []done // those that succeeded, in the order of their ends; cached ones first
	cached int    // how many of ended
	byTag  map[string][]done
}

type done struct {
	task int32
	end  records.Moment
}

func byEnd(a, b done) int { return cmp.Compare(a.end, b.end) }

// connect infers the parents of tasks from the graph of their processes.
func (l *listing) connect(r *records.Run, g *graph, tasks [][]int) {
	w := &wiring{l: l, r: r, by: map[string]*members{}, has: map[int64]bool{}}
	for n, rows := range tasks {
		w.member(int32(n), rows)
	}
	for _, m := range w.by {
		slices.SortStableFunc(m.ended, byEnd)
		for _, tagged := range m.byTag {
			slices.SortStableFunc(tagged, byEnd)
		}
	}
	names := g.match(l.processes(), func(string) {
		l.notes.LeftOut(1, "processes of the graph can be several of the trace, so nothing is connected to them")
	})
	links, complete := g.links()
	if !complete {
		l.notes.Remark(record.NoteLeftOut, "the graph is too large to follow all of its edges")
	}
	used := map[link]bool{}
	gathers := map[[2]string]bool{}
	for _, e := range links {
		gathers[[2]string{e.from, e.to}] = gathers[[2]string{e.from, e.to}] || e.gathers
	}
	absent := map[string]bool{}
	for _, e := range links {
		for _, end := range []string{e.from, e.to} {
			if names[end] == "" && !absent[end] {
				absent[end] = true
				l.notes.LeftOut(1, "processes of the graph have no task in the trace")
			}
		}
		e = link{names[e.from], names[e.to], gathers[[2]string{e.from, e.to}]}
		if e.from != "" && e.to != "" && e.from != e.to && !used[e] {
			used[e] = true
			w.link(e, tasks)
		}
	}
	l.notes.Inferred(len(used), "dependencies between processes were read from the graph")
	l.notes.LeftOut(w.unmatched(names), "processes of the trace are not in the graph, so nothing is connected to them")
}

func (w *wiring) unmatched(names map[string]string) int {
	in := map[string]bool{}
	for _, process := range names {
		in[process] = true
	}
	count := 0
	for process := range w.by {
		if !in[process] {
			count++
		}
	}
	return count
}

func (w *wiring) member(task int32, rows []int) {
	last := &w.l.rows[rows[len(rows)-1]]
	m := w.by[last.process]
	if m == nil {
		m = &members{byTag: map[string][]done{}}
		w.by[last.process] = m
	}
	m.all = append(m.all, task)
	d := done{task, last.when.complete}
	switch last.status {
	case "CACHED":
		d.end = records.Unknown // before all others
		m.cached++
	case "COMPLETED":
		if !d.end.Known() {
			d.end = math.MaxInt64 // nothing follows from it
		} else if last.when.derived {
			d.end = d.end.Add(-last.when.duration.slack)
		}
	default:
		return
	}
	m.ended = append(m.ended, d)
	if last.tag != "" {
		m.byTag[last.tag] = append(m.byTag[last.tag], d)
	}
}

// link connects the tasks of two processes.
func (w *wiring) link(e link, tasks [][]int) {
	from, to := w.by[e.from], w.by[e.to]
	for _, child := range to.all {
		first := &w.l.rows[tasks[child][0]]
		begins := first.when.submit
		if !begins.Known() {
			begins = first.when.start
		}
		if first.status == "CACHED" {
			begins = records.Unknown // after cached ones only
		}
		ready := from.ended[:countUntil(from.ended, begins)]
		if len(ready) == 0 {
			w.l.notes.LeftOut(1, "edges of the graph have no parent that had succeeded when the task was submitted")
			continue
		}
		tagged := from.byTag[first.tag]
		tagged = tagged[:countUntil(tagged, begins)]
		switch {
		case w.edges+max(len(ready), len(tagged)) > maxEdges:
			w.add(child, ready[len(ready)-1:], "edges come from only the last task that ended before the submission, as all of the process before it are too many to draw")
		case e.gathers:
			w.add(child, ready, "edges come from all tasks of the process before, as an operator between waits for all")
		case len(tagged) > 0:
			w.add(child, tagged, "edges connect tasks with the same tag")
		case len(from.all) == 1:
			w.add(child, ready, "edges come from the single task of the process before")
		case len(to.all) == 1:
			w.add(child, ready, "edges lead from all tasks of the process before to the single task of a process")
		case len(ready) == from.cached:
			w.l.notes.LeftOut(1, "edges of the graph lead to one of several cached tasks, and which one is not recorded")
		default:
			w.add(child, ready[len(ready)-1:], "edges come from the last task of the process before that ended before the submission, as no tag connects them")
		}
	}
}

// countUntil counts those that had ended.
func countUntil(ended []done, until records.Moment) int {
	n, _ := slices.BinarySearchFunc(ended, until, func(d done, m records.Moment) int {
		if d.end <= m {
			return -1
		}
		return 1
	})
	return n
}

func (w *wiring) add(child int32, parents []done, why string) {
	t := &w.r.Tasks[child]
	added := 0
	for _, p := range parents {
		key := int64(child)<<32 | int64(p.task)
		if w.has[key] {
			continue
		}
		w.has[key] = true
		t.Parents = append(t.Parents, p.task)
		added++
	}
	w.edges += added
	w.l.notes.Inferred(added, why)
}
