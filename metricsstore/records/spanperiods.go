package records

import (
	"slices"
	"sort"
)

// divide finds the periods of all spans and the clusters of children between them.
func (f *forest) divide() {
	f.within = make([]int32, len(f.spans))
	f.first = make([]int32, 0, len(f.spans)+1)
	f.periods = make([]period, 0, 2*len(f.spans)) // mostly enough
	for i := range f.spans {
		f.first = append(f.first, int32(len(f.periods)))
		f.divideSpan(int32(i))
	}
	f.first = append(f.first, int32(len(f.periods)))
}

func (f *forest) divideSpan(n int32) {
	s := &f.spans[n]
	if !s.Start.Known() {
		f.periods = append(f.periods, period{n, s.Start, s.End})
		return
	}
	cuts := f.cuts[n]
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	pos, busy := s.Start, s.Start // own time begins at pos; a cluster lasts until busy
	open := int32(None)
	for _, c := range f.children.of(n) {
		if f.relation[c] != contained {
			continue
		}
		from := max(f.spans[c].Start, s.Start)
		to := min(f.spans[c].End, s.End)
		if open == None || from > busy {
			if open != None {
				pos = busy
			}
			cuts = f.work(n, pos, from, cuts)
			open, busy = int32(len(f.clusters)), from
			f.clusters = append(f.clusters, cluster{next: int32(len(f.periods))})
		}
		busy = max(busy, to)
		f.within[c] = open
	}
	if open != None {
		pos = busy
	}
	f.finish(n, pos, s.End, cuts)
}

// work appends the periods from pos to end that cuts divide, if they are not empty, and returns the later cuts.
func (f *forest) work(n int32, pos, end Moment, cuts []Moment) []Moment {
	for len(cuts) > 0 && cuts[0] < pos {
		cuts = cuts[1:]
	}
	for len(cuts) > 0 && cuts[0] < end || len(cuts) > 0 && cuts[0] == end && pos == end {
		f.periods = append(f.periods, period{n, pos, cuts[0]})
		pos, cuts = cuts[0], cuts[1:]
		if pos == end {
			return cuts
		}
	}
	if pos < end {
		f.periods = append(f.periods, period{n, pos, end})
	}
	return cuts
}

// finish appends the last periods of a span, of which there is always one.
func (f *forest) finish(n int32, pos, end Moment, cuts []Moment) {
	for _, c := range cuts {
		if c < pos || end.Known() && c >= end {
			continue
		}
		f.periods = append(f.periods, period{n, pos, c})
		pos = c
	}
	f.periods = append(f.periods, period{n, pos, end})
}

// connect adds the edges between periods. A cause is inherited from parents, so these come first.
func (f *forest) connect() {
	f.cause = make([]int32, len(f.spans))
	f.edges = make([]spanEdge, 0, len(f.spans)+len(f.periods))
	order := make([]int32, 0, len(f.spans))
	for i := range f.spans {
		f.cause[i] = None
		if f.spans[i].Parent == None {
			order = append(order, int32(i))
		}
	}
	for i := 0; i < len(order); i++ {
		f.connectChildren(order[i])
		order = append(order, f.children.of(order[i])...)
	}
	for _, n := range order {
		f.connectSpan(n)
	}
	f.connectLinks()
}

// connectChildren finds the causes of a span's children, and lets the span wait for those that it contains.
func (f *forest) connectChildren(n int32) {
	f.waited = f.waited[:0]
	for _, c := range f.children.of(n) {
		if f.relation[c] == contained {
			f.waited = append(f.waited, c)
		} else {
			f.cause[c] = f.causeOf(n, c, f.relation[c])
		}
	}
	f.ended = append(f.ended[:0], f.waited...)
	ended := f.ended
	slices.SortFunc(ended, f.byEnd)
	last, inferred := int32(None), 0
	for _, c := range f.waited {
		for len(ended) > 0 && f.spans[ended[0]].End <= f.spans[c].Start && f.byStart(ended[0], c) < 0 {
			last, ended = ended[0], ended[1:]
		}
		k := f.clusters[f.within[c]]
		switch {
		case last != None && f.within[last] == f.within[c]:
			f.cause[c] = f.lastOf(last)
			inferred++
		case k.next > f.first[n]:
			f.cause[c] = k.next - 1
		default:
			f.cause[c] = f.cause[n]
		}
		f.edges = append(f.edges, spanEdge{from: f.lastOf(c), to: k.next})
	}
	f.notes.Inferred(inferred, "spans follow the span in the same container that ended last before they started")
}

// causeOf is the period of a span that was the last before c started, or what the span follows.
func (f *forest) causeOf(n, c int32, how relation) int32 {
	switch how {
	case after:
		return f.lastOf(n)
	case skewed:
		return f.first[n]
	case launched:
		first, last := int(f.first[n]), int(f.lastOf(n))
		start := max(f.spans[c].Start, f.spans[n].Start)
		i := first + sort.Search(last-first, func(i int) bool { return f.periods[first+i].to > start }) - 1
		if i >= first {
			return int32(i)
		}
		return f.cause[n]
	default:
		return None
	}
}

func (f *forest) lastOf(n int32) int32 { return f.first[n+1] - 1 }

// connectSpan connects the periods of a span with its cause and, where it did not wait between them, with each other.
func (f *forest) connectSpan(n int32) {
	first := f.first[n]
	if c := f.cause[n]; c != None {
		f.edges = append(f.edges, spanEdge{from: c, to: first})
	}
	for p := first + 1; p < f.first[n+1]; p++ {
		if f.periods[p].from == f.periods[p-1].to {
			f.edges = append(f.edges, spanEdge{from: p - 1, to: p})
		}
	}
}

// connectLinks adds an edge for each link.
func (f *forest) connectLinks() {
	undone := 0
	for i := range f.spans {
		s := &f.spans[i]
		for _, l := range s.Links {
			from := f.causeOf(l, int32(i), f.follows(int32(i), l))
			if from == None {
				undone++
				continue
			}
			f.edges = append(f.edges, spanEdge{from: from, to: f.first[i], link: true})
		}
	}
	f.notes.LeftOut(undone, "links contradict the times of the spans and are not edges")
}

// cutCycles leaves out links that close a cycle. Without links there is none: each edge leads from a span to what
// contains it, to what it contains, or to what comes after it in a container.
func (f *forest) cutCycles() {
	if !slices.ContainsFunc(f.edges, func(e spanEdge) bool { return e.link }) {
		return
	}
	stuck := f.stuck()
	if stuck == nil {
		return
	}
	before := len(f.edges)
	f.edges = slices.DeleteFunc(f.edges, func(e spanEdge) bool { return e.link && stuck[e.from] && stuck[e.to] })
	f.notes.LeftOut(before-len(f.edges), "links are not edges because links and the order of the spans are a cycle")
}

// stuck returns the periods that are on a cycle or between cycles, nil if there are none.
func (f *forest) stuck() []bool {
	n := len(f.periods)
	start, degree := make([]int32, n+1), make([]int32, n)
	for _, e := range f.edges {
		start[e.from+1]++
		degree[e.to]++
	}
	for i := range n {
		start[i+1] += start[i]
	}
	next, to := slices.Clone(start), make([]int32, len(f.edges))
	for _, e := range f.edges {
		to[next[e.from]] = e.to
		next[e.from]++
	}
	queue := make([]int32, 0, n)
	for i, d := range degree {
		if d == 0 {
			queue = append(queue, int32(i))
		}
	}
	for i := 0; i < len(queue); i++ {
		for _, t := range to[start[queue[i]]:start[queue[i]+1]] {
			if degree[t]--; degree[t] == 0 {
				queue = append(queue, t)
			}
		}
	}
	if len(queue) == n {
		return nil
	}
	stuck := make([]bool, n)
	for i, d := range degree {
		stuck[i] = d > 0
	}
	return stuck
}

// parentLists are the tasks that each period follows, those of one period after those of the one before.
type parentLists struct {
	all   []int32
	first []int32 // of each period, and the number of all
}

// of returns the parents of a period in order, nil if there are none.
func (p *parentLists) of(i int) []int32 {
	list := p.all[p.first[i]:p.first[i+1]:p.first[i+1]]
	if len(list) == 0 {
		return nil
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// parents lists the tasks that each period follows, whose numbers begin with base.
func (f *forest) parents(base int32) parentLists {
	p := parentLists{all: make([]int32, len(f.edges)), first: make([]int32, len(f.periods)+1)}
	for _, e := range f.edges {
		p.first[e.to+1]++
	}
	for i := range f.periods {
		p.first[i+1] += p.first[i]
	}
	next := slices.Clone(p.first)
	for _, e := range f.edges {
		p.all[next[e.to]] = base + e.from
		next[e.to]++
	}
	return p
}

// report says how the spans were drawn.
func (f *forest) report() {
	var count [apart + 1]int
	divided := 0
	for i, r := range f.relation {
		count[r]++
		if f.first[i]+1 < f.first[i+1] {
			divided++
		}
	}
	f.notes.Inferred(count[contained], "spans lie within others, which wait for them; the time of a span is its own")
	f.notes.Inferred(divided, "spans are several tasks, one for each period in which they did not wait")
	f.notes.Inferred(count[launched], "spans end after the span that contains their start and are not waited for")
	f.notes.Inferred(count[after], "spans start after their parent had ended and follow it")
	f.notes.Inferred(count[skewed], "spans start before their parent by the clock of another worker")
	f.notes.LeftOut(count[apart], "parents are no edges because the spans start before them or times are missing")
}
