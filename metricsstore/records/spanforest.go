package records

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
)

// forest is a set of spans on its way to tasks.
type forest struct {
	notes    *Notes
	spans    []Span
	grain    []int64  // by how much the moments of each span can be wrong in ns because they were rounded
	children children // of each span, by start
	relation []relation
	cuts     [][]Moment // of each span, when it started what it does not wait for
	periods  []period   // those of a span in order, one at least
	first    []int32    // of each span its first period, and the number of periods
	clusters []cluster
	within   []int32 // of each span that is waited for, its cluster
	cause    []int32 // of each span the period that it follows, or None
	edges    []spanEdge
	waited   []int32 // reused
	ended    []int32
}

// relation is how the time of a span lies to that of its parent.
type relation uint8

const (
	root      relation = iota
	contained          // the parent waits for it
	launched           // it began in its parent's time and outlives it
	after              // it began when its parent had ended
	skewed             // it began before its parent, by another clock
	apart              // nothing can be said
)

// period is a time in which a span was at work itself.
type period struct {
	span     int32
	from, to Moment
}

// cluster is a time in which a span waited for children.
type cluster struct {
	next int32 // the period after it; the one before it precedes that, unless the span began with the cluster
}

type spanEdge struct {
	from, to int32 // periods
	link     bool
}

// plant leaves out spans that are repeated, and gives each a parent that makes trees of them.
func plant(spans []Span, notes *Notes) *forest {
	f := &forest{notes: notes, spans: spans}
	number := f.dropRepeated()
	at := func(old int32) int32 {
		if old == None || old < 0 || int(old) >= len(number) {
			return min(old, Absent+1)
		}
		return number[old]
	}
	absent, lost, ends := 0, 0, 0
	for i := range f.spans {
		s := &f.spans[i]
		s.Parent = at(s.Parent)
		if s.Parent < 0 && s.Parent != None || int(s.Parent) >= len(f.spans) {
			absent++
			s.Parent = None
		}
		links := s.Links[:0]
		for _, l := range s.Links {
			if l = at(l); l < 0 || int(l) >= len(f.spans) {
				lost++
			} else if l != int32(i) {
				links = append(links, l)
			}
		}
		slices.Sort(links)
		s.Links = slices.Compact(links)
		if s.Start.Known() && s.End.Known() && s.End < s.Start {
			ends++
			s.End = s.Start
		}
	}
	notes.Recorded(absent, "spans name a parent that the record does not contain and are roots")
	notes.LeftOut(lost, "links lead to spans that the record does not contain")
	notes.Repaired(ends, "spans end before they start and are empty")
	f.cutLoops()
	f.grain = make([]int64, len(f.spans))
	for i := range f.spans {
		f.grain[i] = grain(f.spans[i].Start)
	}
	f.children = childrenOf(len(f.spans), func(yield func(parent, child int32) bool) {
		for i := range f.spans {
			if p := f.spans[i].Parent; p != None && !yield(p, int32(i)) {
				return
			}
		}
	})
	return f
}

// identity is what two spans have in common that are one.
type identity struct {
	id, name       string
	start, end     Moment
	parent, worker int32
	outcome        record.Outcome
}

// dropRepeated leaves out spans that are in the record more than once, and returns the new number of each. Different
// spans with one ID get different ones.
func (f *forest) dropRepeated() []int32 {
	number := make([]int32, len(f.spans))
	used := make(map[string]int32, len(f.spans)) // how many have an ID
	for i := range f.spans {
		number[i] = int32(i)
		used[f.spans[i].ID]++
	}
	if len(used) == len(f.spans) {
		return number
	}
	clear(used)
	seen := make(map[identity]int32, len(f.spans))
	kept, repeated, renamed := f.spans[:0], 0, 0
	for i, s := range f.spans {
		what := identity{s.ID, s.Name, s.Start, s.End, s.Parent, s.Worker, s.Outcome}
		if old, found := seen[what]; found {
			number[i] = old
			repeated++
			continue
		}
		number[i] = int32(len(kept))
		seen[what] = number[i]
		if n := used[s.ID]; n > 0 {
			used[s.ID]++
			renamed++
			s.ID = unusedID(used, s.ID, "#", int(n)+1)
		}
		used[s.ID]++
		kept = append(kept, s)
	}
	f.spans = kept
	f.notes.LeftOut(repeated, "spans are in the record a second time")
	f.notes.Repaired(renamed, "spans have the ID of a different span and got another one")
	return number
}

// unusedID is the first of id#2, id#3 and so on that is not in used.
func unusedID(used map[string]int32, id, mark string, from int) string {
	for n := from; ; n++ {
		next := id + mark + strconv.Itoa(n)
		if _, taken := used[next]; !taken {
			return next
		}
	}
}

// cutLoops makes a root of one span of each loop of parents.
func (f *forest) cutLoops() {
	const (
		unseen = iota
		onPath
		done
	)
	state := make([]uint8, len(f.spans))
	loops := 0
	var path []int32
	for i := range f.spans {
		path = path[:0]
		for n := int32(i); n != None && state[n] != done; n = f.spans[n].Parent {
			if state[n] == onPath {
				f.spans[n].Parent = None
				loops++
				break
			}
			state[n] = onPath
			path = append(path, n)
		}
		for _, n := range path {
			state[n] = done
		}
	}
	f.notes.Repaired(loops, "spans are among their own ancestors and became roots")
}

// relateAll says for each span how it lies to its parent, and collects where parents are cut.
func (f *forest) relateAll() {
	n := len(f.spans)
	f.relation, f.cuts = make([]relation, n), make([][]Moment, n)
	for i := range f.spans {
		s := &f.spans[i]
		if s.Parent == None {
			continue
		}
		f.relation[i] = f.relate(int32(i), s.Parent)
		f.cut(s.Parent, s, f.relation[i])
	}
	for i := range f.spans {
		s := &f.spans[i]
		for _, l := range s.Links {
			f.cut(l, s, f.follows(int32(i), l))
		}
	}
	for i := range f.spans {
		c := f.children.of(int32(i))
		slices.SortFunc(c, f.byStart)
		if len(f.spans[i].Links) > 0 && len(c) > 0 && f.spans[i].Start.Known() {
			f.cuts[i] = append(f.cuts[i], f.spans[i].Start) // a period that follows the links and precedes the children
		}
	}
}

// cut notes that s started while p was at work.
func (f *forest) cut(p int32, s *Span, how relation) {
	from := &f.spans[p]
	if how == skewed || how == launched && s.Start > from.Start && from.End.Known() {
		f.cuts[p] = append(f.cuts[p], max(s.Start, from.Start))
	}
}

// follows is how span i lies to one that it has a link to: never contained.
func (f *forest) follows(i, to int32) relation {
	s, t := &f.spans[i], &f.spans[to]
	if s.Start.Known() && t.End.Known() && s.Start >= t.End-f.slack(i, to) {
		return after
	}
	r := f.relate(i, to)
	if r == contained {
		return launched
	}
	return r
}

// relate is how span i lies to its parent.
func (f *forest) relate(i, parent int32) relation {
	s, p := &f.spans[i], &f.spans[parent]
	if !s.Start.Known() || !p.Start.Known() {
		return apart
	}
	slack := f.slack(i, parent)
	switch {
	case s.Start < p.Start-slack && s.Worker == p.Worker:
		return apart
	case s.Start < p.Start-slack:
		return skewed
	case !p.End.Known():
		return launched
	case s.End.Known() && s.End <= p.End+slack && s.Start <= p.End:
		return contained
	case s.Start >= p.End:
		return after
	default:
		return launched
	}
}

// slack is by how much the times of two spans may contradict each other because they were rounded.
func (f *forest) slack(a, b int32) Moment { return Moment(max(f.grain[a], f.grain[b])) }

// grain is by how much moments can be wrong in ns that were rounded as this one.
func grain(m Moment) int64 {
	switch {
	case m%1e6 == 0:
		return 1e6
	case m%1e3 == 0:
		return 2e3 // start and duration are rounded each
	default:
		return 0
	}
}

func (f *forest) byStart(a, b int32) int {
	s, t := &f.spans[a], &f.spans[b]
	return cmp.Or(cmp.Compare(s.Start, t.Start), cmp.Compare(s.End, t.End), cmp.Compare(a, b))
}

func (f *forest) byEnd(a, b int32) int {
	s, t := &f.spans[a], &f.spans[b]
	return cmp.Or(cmp.Compare(s.End, t.End), cmp.Compare(s.Start, t.Start), cmp.Compare(a, b))
}

// periodIDs names the periods.
func (f *forest) periodIDs() []string {
	var used map[string]int32 // nil if no ID of a span can be one of these
	for i := range f.spans {
		if strings.IndexByte(f.spans[i].ID, '/') >= 0 {
			used = make(map[string]int32, len(f.spans))
			break
		}
	}
	for i := range f.spans {
		if used != nil {
			used[f.spans[i].ID] = 0
		}
	}
	ids := make([]string, len(f.periods))
	for i, p := range f.periods {
		id := f.spans[p.span].ID
		if int32(i) < f.first[p.span+1]-1 {
			id += "/" + strconv.Itoa(i-int(f.first[p.span])+1)
			if _, taken := used[id]; taken {
				id = unusedID(used, id, "#", 2)
			}
			if used != nil {
				used[id] = 0
			}
		}
		ids[i] = id
	}
	return ids
}
