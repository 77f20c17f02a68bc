package chrometrace

import (
	"cmp"
	"slices"
	"sort"
)

// nest finds for each span the innermost one on its lane that contains it, and where flows begin and end.
func (f *forest) nest() {
	f.sortByLane()
	points := f.flowPoints()
	for lane := range len(f.first) - 1 {
		spans := f.order[f.first[lane]:f.first[lane+1]]
		var here []*flowPoint
		if lane < len(points) {
			here = points[lane]
		}
		f.sweep(spans, here)
	}
	f.connect(points)
}

// sortByLane puts the spans into order.
func (f *forest) sortByLane() {
	lanes := len(f.lanes) + len(f.async)
	f.first = make([]int32, lanes+1)
	for i := range f.spans {
		f.first[f.spans[i].lane+1]++
	}
	for l := range lanes {
		f.first[l+1] += f.first[l]
	}
	next := slices.Clone(f.first)
	f.order = make([]int32, len(f.spans))
	for i := range f.spans { // they are in the order of their starts
		l := f.spans[i].lane
		f.order[next[l]] = int32(i)
		next[l]++
	}
	longerFirst := func(a, b int32) int {
		return cmp.Or(cmp.Compare(f.spans[b].end, f.spans[a].end), cmp.Compare(a, b))
	}
	for l := range lanes {
		spans := f.order[f.first[l]:f.first[l+1]]
		for len(spans) > 0 {
			same := 1
			for same < len(spans) && f.spans[spans[same]].start == f.spans[spans[0]].start {
				same++
			}
			if same > 1 {
				slices.SortFunc(spans[:same], longerFirst)
			}
			spans = spans[same:]
		}
	}
}

// sweep goes through the spans of a lane, and the flow events between them, in the order of time. The stack holds what
// a later span can be in: each lies within the one below it.
func (f *forest) sweep(spans []int32, points []*flowPoint) {
	var stack []int32
	all := spans
	for len(spans) > 0 || len(points) > 0 {
		if len(spans) == 0 || len(points) > 0 && points[0].at < f.spans[spans[0]].start {
			for len(stack) > 0 && f.spans[stack[len(stack)-1]].end < points[0].at {
				stack = stack[:len(stack)-1]
			}
			f.place(points[0], all, stack)
			points = points[1:]
			continue
		}
		stack = append(f.around(stack, spans[0]), spans[0])
		spans = spans[1:]
	}
}

// around removes from the stack what does not contain the next span, and makes the innermost of the others its parent.
func (f *forest) around(stack []int32, n int32) []int32 {
	s := &f.spans[n]
	for len(stack) > 0 {
		top := &f.spans[stack[len(stack)-1]]
		if holds(top, s) || rounded(top, s) || f.isInner(n) && s.start >= top.start && s.end <= top.end {
			break
		}
		if s.start < top.end && s.end > top.end && !f.rules.flat {
			f.crossing++
		}
		stack = stack[:len(stack)-1]
	}
	if len(stack) == 0 || f.rules.flat {
		return stack
	}
	s.parent = stack[len(stack)-1]
	if end := f.spans[s.parent].end; s.end > end {
		s.end = end
		f.shortened++
	}
	return stack
}

// isInner reports whether a span lies in those that have the same times.
func (f *forest) isInner(n int32) bool {
	return f.rules.inner != "" && f.cat(&f.events[f.spans[n].begin]) == f.rules.inner
}

// place finds the span of a flow event: the innermost one at that time or, if it says so, the next one that starts.
func (f *forest) place(p *flowPoint, spans, stack []int32) {
	switch {
	case p.span != none: // the event names it
	case p.next:
		i := sort.Search(len(spans), func(i int) bool { return f.spans[spans[i]].start >= p.at })
		if i < len(spans) {
			p.span = spans[i]
		}
	case len(stack) > 0:
		p.span = stack[len(stack)-1]
	}
}

// holds reports whether a contains b, which does not start before it. What only overlaps is not contained, and neither
// is what has the same times: such events are next to each other, such as tasks that a cache answered in no time. Of
// begins and ends, their order in the file decides.
func holds(a, b *span) bool {
	around := a.last != none && b.last != none && a.begin < b.begin && a.last > b.last
	switch {
	case b.start > a.end || b.end > a.end:
		return false
	case b.start == a.end || b.start == a.start && b.end == a.end:
		return around
	}
	return true
}

// rounded reports whether b may be in a although it ends after it, because each start and duration was rounded: to
// microseconds, or to the quarter of one to which floating point numbers hold moments since 1970.
func rounded(a, b *span) bool {
	const quarter, whole = 250, 1000
	over := b.end - a.end
	if a.last != none || b.last != none || over <= 0 || over > whole || b.end == open || b.start >= a.end || b.end-b.start > a.end-a.start {
		return false
	}
	if a.start%whole == 0 && a.end%whole == 0 && b.start%whole == 0 && b.end%whole == 0 {
		return true
	}
	return over <= quarter && a.start > year2000 && a.start%quarter == 0 && b.start%quarter == 0
}
