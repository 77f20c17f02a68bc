package records

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/dagscope/dagscope/engine/record"
)

// Span is one span of a trace: work from one moment to another that may contain the work of other spans. NewSpan fills
// in what is not known.
type Span struct {
	// ID is unique in the run. Name is what the tool displays, if that differs.
	ID   string
	Name string
	// Function is what the span has in common with others of its kind; Name or else ID if it is empty.
	Function string
	Command  string
	// Log is what else the record says, a line for each fact.
	Log string
	// Parent is the number of the span that contains or has caused this one, None for a root, Absent if the record names
	// a parent that it does not contain.
	Parent int32
	// Links are the numbers of spans that this one follows. Absent counts as a link to a span that is not in the record.
	Links []int32
	// Start and End are Unknown where they are not recorded: a span without an end was under way. Ready is when it could
	// have started, if that is recorded.
	Ready  Moment
	Start  Moment
	End    Moment
	Worker int32 // number in Run.Workers, or None
	Lane   int32 // of the worker, as recorded, or None
	// Outcome is as in Attempt.
	Outcome record.Outcome
	Error   *Failure
	Usage   *record.Usage
}

// Absent is the number of a span that a record names and does not contain.
const Absent int32 = -2

// NewSpan is a span about which nothing is known but its ID: a root without moments.
func NewSpan(id string) Span {
	return Span{ID: id, Parent: None, Ready: Unknown, Start: Unknown, End: Unknown, Worker: None, Lane: None}
}

// AddSpans appends tasks for a forest of spans, whose numbers in Parent and Links are indices of spans. It works in
// spans, which have no meaning afterwards, except that IDs stay where all are different.
//
// A child that begins and ends within its parent is waited for: the parent's own time is what such children do not
// cover. A span is one task, unless it was at work before the last child that it waits for had ended, or while it
// started a child that outlives it. Then it has a task for each of these periods, so that each task is where the work
// was: the last has the ID, outcome, error and usage of the span, those before it have its ID with /1, /2 and so on,
// and all of them have its function. So the sum over a function's tasks is its own time, and no time is counted twice.
//
// The edges are these. A period of a span precedes the children that started at its end, and follows those that ended
// before it. A child that started while the parent waited for others follows the sibling that ended last before, if
// there is one. What starts at the beginning of its parent follows what the parent follows. A child that outlives its
// parent follows the period in which it was started, and one that starts after its parent had ended follows the
// parent. If a child begins before its parent on another worker, their clocks differ, and all spans of a worker are
// moved by one time where that makes it right. Where it does not, the child follows an empty first period of the parent;
// on the same worker there is no edge. Links are treated as children that outlive.
//
// The graph has no cycles and at most three edges for each span plus one for each link and period. Whole milliseconds
// and microseconds count as rounded: children may exceed their parents by as much.
func (r *Run) AddSpans(spans []Span) {
	f := plant(spans, &r.Notes)
	f.alignClocks()
	f.relateAll()
	f.divide()
	f.connect()
	f.cutCycles()
	f.report()
	r.appendPeriods(f)
}

// appendPeriods appends a task for each period.
func (r *Run) appendPeriods(f *forest) {
	base := int32(len(r.Tasks))
	ids := f.periodIDs()
	parents := f.parents(base)
	r.Tasks = slices.Grow(r.Tasks, len(f.periods))
	attempts := make([]Attempt, len(f.periods)) // one allocation for all of them
	names := partNames{}
	for i, p := range f.periods {
		s := &f.spans[p.span]
		first, last := f.first[p.span], f.first[p.span+1]-1
		r.Tasks = append(r.Tasks, NewTask(ids[i]))
		t := &r.Tasks[len(r.Tasks)-1]
		t.Name, t.Function, t.Parents = s.Name, function(s), parents[i]
		if first < last {
			name := cmp.Or(s.Name, s.ID)
			if s.Name != "" && !saysMore(name, t.Function) {
				name = t.Function
			}
			t.Name = names.of(name, int32(i)-first+1, last-first+1)
		}
		a := &attempts[i]
		*a = NewAttempt()
		a.Claimed, a.Started, a.Ended = p.from, p.from, p.to
		a.Worker, a.Lane, a.Outcome = s.Worker, s.Lane, record.OutcomeOK
		if int32(i) == first {
			a.Ready = s.Ready
		}
		if !a.Ready.Known() && len(t.Parents) == 0 {
			a.Ready = a.Started // nothing shows that it has waited
		}
		if int32(i) == last {
			a.Outcome, a.Error, a.Usage, a.Log = s.Outcome, s.Error, s.Usage, s.Log
			t.Command = s.Command
		}
		if p.from.Known() || p.to.Known() || a.Outcome != record.NoOutcome {
			t.Attempts = attempts[i : i+1 : i+1]
		}
	}
}

// partNames are names of periods of spans, which are as much alike as those of the spans.
type partNames map[partName]string

type partName struct {
	of          string
	number, all int32
}

// mostNames bounds the names that are remembered to find equal ones.
const mostNames = 1 << 14

func (n partNames) of(name string, number, all int32) string {
	key := partName{name, number, all}
	text, ok := n[key]
	if !ok {
		text = name + ", part " + strconv.Itoa(int(number)) + " of " + strconv.Itoa(int(all))
		if len(n) < mostNames {
			n[key] = text
		}
	}
	return text
}

func function(s *Span) string { return cmp.Or(s.Function, s.Name, s.ID) }
