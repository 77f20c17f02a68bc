package chrometrace

import (
	"cmp"
	"slices"
	"strings"
)

// flowPoint is where a flow begins, passes or ends.
type flowPoint struct {
	at    int64
	span  int32 // in which it is, or none
	event int32
	key   flowKey
	phase byte // s, t or f
	next  bool // it ends in the next span that starts
}

// flowKey is what the events of one flow have in common.
type flowKey struct {
	cat, name int32
	id        int64
}

// flowPoints are the points of each lane, in the order of time.
func (f *forest) flowPoints() [][]*flowPoint {
	points := make([][]*flowPoint, len(f.lanes))
	named := f.namedEnds()
	count := 0
	for i := range f.events {
		if isFlow(f.events[i].phase) {
			count++
		}
	}
	all := make([]flowPoint, 0, count)
	for i := range f.events {
		e := &f.events[i]
		if !isFlow(e.phase) {
			continue
		}
		all = append(all, flowPoint{
			at: e.at, span: none, event: int32(i), phase: e.phase, key: flowKey{e.cat, e.name, e.id},
			next: e.phase == 'f' && e.flow&bindEnclosing == 0,
		})
		p := &all[len(all)-1]
		if named != nil {
			p.span = named.find(f, e)
		}
		points[e.lane] = append(points[e.lane], p)
	}
	return points
}

func isFlow(phase byte) bool { return phase == 's' || phase == 't' || phase == 'f' }

// connect makes links of the points of each flow and of the spans that say that they are in one.
func (f *forest) connect(lanes [][]*flowPoint) {
	var all []*flowPoint
	for _, points := range lanes {
		all = append(all, points...)
	}
	for i := range f.spans {
		s := &f.spans[i]
		e := &f.events[s.begin]
		key := flowKey{id: e.id, name: -1} // these have nothing but the ID in common
		if e.flow&flowIn != 0 {
			all = append(all, &flowPoint{at: e.at, span: int32(i), event: s.begin, phase: 'f', key: key})
		}
		if e.flow&flowOut != 0 {
			all = append(all, &flowPoint{at: e.at, span: int32(i), event: s.begin, phase: 's', key: key})
		}
	}
	slices.SortStableFunc(all, func(a, b *flowPoint) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.event, b.event))
	})
	c := chains{forest: f, begun: map[flowKey]*chain{}, early: map[flowKey]int32{}}
	for _, p := range all {
		if p.span == none {
			f.flows.astray++
			continue
		}
		c.add(p)
	}
	for _, begun := range c.begun {
		if !begun.used {
			f.flows.endless++
		}
	}
	f.flows.baseless += len(c.early)
	f.flows.edges = len(f.links)
	slices.SortFunc(f.links, func(a, b link) int { return cmp.Or(cmp.Compare(a.to, b.to), cmp.Compare(a.from, b.from)) })
	f.links = slices.Compact(f.links)
}

// chains follows flows through their points.
type chains struct {
	*forest
	begun map[flowKey]*chain
	early map[flowKey]int32 // ends that came before their begin, as they do where two clocks are in a trace
}

// chain is a flow that has begun.
type chain struct {
	span int32
	used bool // it has arrived somewhere
}

func (c *chains) add(p *flowPoint) {
	now, begun := c.begun[p.key]
	if p.phase == 's' {
		if begun && !now.used {
			c.flows.endless++
		}
		next := &chain{span: p.span}
		if end, early := c.early[p.key]; early {
			delete(c.early, p.key)
			c.link(p.span, end)
			next.used = true
		}
		c.begun[p.key] = next
		return
	}
	if !begun {
		if _, early := c.early[p.key]; early {
			c.flows.baseless++
		}
		c.early[p.key] = p.span
		return
	}
	c.link(now.span, p.span)
	now.used = true
	if p.phase == 't' {
		now.span = p.span
	}
}

func (c *chains) link(from, to int32) {
	if from != to {
		c.links = append(c.links, link{from, to})
	}
}

// namedSpans finds spans by their names and ends, for flows that name both.
type namedSpans struct{ starts, ends map[namedSpan]int32 }

type namedSpan struct {
	lane int32
	at   int64
	name string
}

// namedEnds is nil for tools whose flows do not name their ends.
func (f *forest) namedEnds() *namedSpans {
	if !f.rules.namedFlows {
		return nil
	}
	n := &namedSpans{starts: map[namedSpan]int32{}, ends: map[namedSpan]int32{}}
	for i := range f.spans {
		s := &f.spans[i]
		e := &f.events[s.begin]
		n.starts[namedSpan{e.lane, s.start, f.texts.all[e.name]}] = int32(i)
		n.ends[namedSpan{e.lane, s.end, f.texts.all[e.name]}] = int32(i)
	}
	return n
}

// find is the span that a flow event with a name such as "a -> b" belongs to.
func (n *namedSpans) find(f *forest, e *event) int32 {
	from, to, ok := strings.Cut(f.texts.all[e.name], " -> ")
	in, name := n.ends, from
	if e.phase == 'f' {
		in, name = n.starts, to
	}
	if i, found := in[namedSpan{e.lane, e.at, name}]; ok && found {
		return i
	}
	return none
}
