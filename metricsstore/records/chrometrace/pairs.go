package chrometrace

import (
	"math"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// span is work from one moment to another.
type span struct {
	start, end int64 // ns; end is open if it is not recorded
	begin      int32 // its event
	last       int32 // the event that ended it, none for a complete event
	lane       int32 // within which it contains others
	parent     int32 // the innermost span that contains it, or none
}

const (
	open = math.MaxInt64
	none = records.None
)

// forest is the spans of a trace.
type forest struct {
	*trace
	rules rules
	spans []span
	order []int32 // the spans by lane, then by start; what contains another comes first
	first []int32 // where in order each lane begins
	async map[asyncLane]int32
	links []link

	orphans   int // ends without a begin
	backwards int // spans that end before they start
	crossing  int // spans that overlap one of their lane and are not in it
	shortened int // spans that ended later than what contains them because of rounding
	flows     flowCounts
}

// rules are by which the events of a tool are put together.
type rules struct {
	// flat: spans of a lane do not contain each other, they are tasks of their own.
	flat bool
	// asyncByID: asynchronous events contain each other if they have the same ID, whatever their categories.
	asyncByID bool
	// namedFlows: the name of a flow event is "a -> b", where a ends at the begin of the flow and b starts at its end.
	namedFlows bool
	// inner is the category of spans that also lie in one that has the same times; empty for none.
	inner string
}

// asyncLane is where asynchronous events contain each other.
type asyncLane struct {
	cat int32
	id  int64
}

// link is an edge of a flow between two spans.
type link struct{ from, to int32 }

// flowCounts are flow events that are no edges.
type flowCounts struct {
	astray   int // in no span
	endless  int // begins without an end
	baseless int // ends without a begin
	edges    int
}

// pair makes spans of the events, which it sorts.
func (t *trace) pair(rules rules) *forest {
	t.sort()
	f := &forest{trace: t, rules: rules, async: map[asyncLane]int32{}}
	p := pairing{forest: f, lanes: make([][]int32, len(t.lanes)), named: map[openKey][]int32{}}
	begins := 0
	for i := range t.events {
		if strings.IndexByte("XBbS", t.events[i].phase) >= 0 {
			begins++
		}
	}
	f.spans = make([]span, 0, begins)
	for i := range t.events {
		p.add(int32(i))
	}
	return f
}

// pairing matches ends with their begins.
type pairing struct {
	*forest
	lanes [][]int32           // spans that were begun, by lane
	named map[openKey][]int32 // the same by name
}

// openKey is what the end of a span has in common with its begin.
type openKey struct {
	async bool
	place int32 // the lane or, of asynchronous events, the category
	name  int32
	id    int64
}

func (p *pairing) add(i int32) {
	e := &p.events[i]
	switch e.phase {
	case 'X':
		end := int64(open)
		if e.lasts != unknown {
			end = e.at + e.lasts
		}
		if end < e.at {
			p.backwards++
			end = e.at
		}
		p.spans = append(p.spans, span{start: e.at, end: end, begin: i, last: none, lane: e.lane, parent: none})
	case 'B':
		n := p.begin(i, e.lane)
		p.lanes[e.lane] = append(p.lanes[e.lane], n)
		p.push(openKey{place: e.lane, name: e.name}, n)
	case 'E':
		p.endOnLane(i)
	case 'b', 'S':
		p.push(openKey{async: true, place: e.cat, name: e.name, id: e.id}, p.begin(i, p.asyncLane(e)))
	case 'e', 'F':
		p.end(p.pop(openKey{async: true, place: e.cat, name: e.name, id: e.id}), i)
	}
}

func (p *pairing) begin(i, lane int32) int32 {
	p.spans = append(p.spans, span{start: p.events[i].at, end: open, begin: i, last: none, lane: lane, parent: none})
	return int32(len(p.spans) - 1)
}

func (p *pairing) push(key openKey, n int32) { p.named[key] = append(p.named[key], n) }

// pop is the span with the key that was begun last and has not ended, or none.
func (p *pairing) pop(key openKey) int32 {
	stack := p.dropEnded(p.named[key])
	n := none
	if last := len(stack) - 1; last >= 0 {
		n, stack = stack[last], stack[:last]
	}
	if stack != nil {
		p.named[key] = stack
	}
	return n
}

// dropEnded removes spans that have ended from the top of a stack.
func (p *pairing) dropEnded(stack []int32) []int32 {
	for len(stack) > 0 && p.spans[stack[len(stack)-1]].last != none {
		stack = stack[:len(stack)-1]
	}
	return stack
}

// endOnLane ends the span of that name that was begun last on the lane. If the event has no name, it is the one that
// was begun last.
func (p *pairing) endOnLane(i int32) {
	e := &p.events[i]
	stack := p.dropEnded(p.lanes[e.lane])
	n := none
	if e.name != 0 {
		n = p.pop(openKey{place: e.lane, name: e.name})
	} else if len(stack) > 0 {
		n = stack[len(stack)-1]
	}
	p.end(n, i)
	p.lanes[e.lane] = p.dropEnded(stack)
}

func (p *pairing) end(n, i int32) {
	if n == none {
		p.orphans++
		return
	}
	s := &p.spans[n]
	s.end, s.last = p.events[i].at, i
}

// asyncLane is the lane of an asynchronous event: those with one ID contain each other.
func (f *forest) asyncLane(e *event) int32 {
	key := asyncLane{cat: e.cat, id: e.id}
	if f.rules.asyncByID {
		key.cat = 0
	}
	n, ok := f.async[key]
	if !ok {
		n = int32(len(f.lanes) + len(f.async))
		f.async[key] = n
	}
	return n
}
