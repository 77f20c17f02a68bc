package records

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"unsafe"

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
	// Log and Common are what else the record says, as in Attempt.
	Log    string
	Common string
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
	var ids []string
	var naming sync.WaitGroup
	naming.Go(func() { ids = f.periodIDs() })
	f.connect()
	f.cutCycles()
	f.report()
	parents := f.parents(int32(len(r.Tasks)))
	naming.Wait()
	r.appendPeriods(f, ids, &parents)
}

// appendPeriods appends a task for each period, at both halves of them at once.
func (r *Run) appendPeriods(f *forest, ids []string, parents *parentLists) {
	base, half := len(r.Tasks), len(f.periods)/2
	r.Tasks = slices.Grow(r.Tasks, len(f.periods))[:base+len(f.periods)]
	tasks := r.Tasks[base:]
	var filling sync.WaitGroup
	filling.Go(func() { f.fillTasks(tasks, 0, half, ids, parents) })
	f.fillTasks(tasks, half, len(tasks), ids, parents)
	filling.Wait()
}

// touch writes to each page of new tasks. A large allocation starts the garbage collector, which reads them; a page that
// is read before it is first written is mapped twice, at ten times the cost.
func touch(tasks []Task) {
	const step = 4096 / unsafe.Sizeof(Task{})
	for i := uintptr(0); i < uintptr(len(tasks)); i += step {
		tasks[i].Cores = 0
	}
}

// attemptBlock is for how many tasks attempts are allocated at once: so few that they are written before the collector
// reads them.
const attemptBlock = 1 << 10

// fillTasks makes the tasks of the periods in [from, to).
func (f *forest) fillTasks(tasks []Task, from, to int, ids []string, parents *parentLists) {
	touch(tasks[from:to])
	names := partNames{}
	var attempts []Attempt
	for i := from; i < to; i++ {
		if len(attempts) == 0 {
			attempts = make([]Attempt, min(attemptBlock, to-i))
		}
		t, a := &tasks[i], &attempts[0]
		*t = NewTask(ids[i])
		t.Parents = parents.of(i)
		f.fillTask(t, a, int32(i), names)
		if a.Started.Known() || a.Ended.Known() || a.Outcome != record.NoOutcome {
			t.Attempts = attempts[:1:1]
		}
		attempts = attempts[1:]
	}
}

// fillTask fills in the task of a period, which has its ID and parents, and the period's attempt.
func (f *forest) fillTask(t *Task, a *Attempt, i int32, names partNames) {
	p := &f.periods[i]
	s := &f.spans[p.span]
	first, last := f.first[p.span], f.first[p.span+1]-1
	t.Name, t.Function = s.Name, function(s)
	if first < last {
		name := cmp.Or(s.Name, s.ID)
		if s.Name != "" && !saysMore(name, t.Function) {
			name = t.Function
		}
		t.Name = names.of(name, i-first+1, last-first+1)
	}
	*a = NewAttempt()
	a.Claimed, a.Started, a.Ended = p.from, p.from, p.to
	a.Worker, a.Lane, a.Outcome = s.Worker, s.Lane, record.OutcomeOK
	if i == first {
		a.Ready = s.Ready
	}
	if !a.Ready.Known() && len(t.Parents) == 0 {
		a.Ready = a.Started // nothing shows that it has waited
	}
	if i == last {
		a.Outcome, a.Error, a.Usage, a.Log, a.Common = s.Outcome, s.Error, s.Usage, s.Log, s.Common
		t.Command = s.Command
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
