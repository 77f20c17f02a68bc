package trace

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// Limits of what is made of one drop.
const (
	MaxRuns   = 1000 // the traces with most spans
	maxSingle = 100  // traces of one span if there are more of them
	maxSpans  = 2 * records.MaxTasks
	blockSize = 1 << 12 // growing one list would copy it again and again
)

// Span is one span as a file has it. NewSpan fills in what is not known.
type Span struct {
	Trace    ID
	ID       SpanID
	Parent   SpanID // zero for a root
	Resource int32  // slot of what recorded it, or None
	Server   bool   // if another span has this ID, that is the call of this one
	Outcome  record.Outcome
	Name     string
	Command  string
	Log      string         // what else the record says, a line for each fact
	Start    records.Moment // Unknown if not recorded, like End
	End      records.Moment
	Links    []Link
	Error    *records.Failure
	Attempt  *Attempt // nil of spans that dagscope has not exported
}

// Link is a span that another one follows.
type Link struct {
	Trace ID
	Span  SpanID
}

// Resource is what recorded a span: a process of a service.
type Resource struct {
	Service  string // empty if it has no name
	Instance string // what tells instances of one service on one host apart, such as a process ID
	Host     string
	SDK      string // what recorded it, such as "opentelemetry go 1.47.0"
}

// Collector collects spans. It is not safe for concurrent use.
type Collector struct {
	blocks    [][]Span // all but the last have blockSize
	count     int
	traces    map[ID]int32
	trace     []int32 // of each span
	sizes     []int32 // of each trace
	resources []Resource
	numbers   map[Resource]int32
	slots     []int32
	texts     map[string]string
	notes     records.Notes
	cut       string
}

// NewCollector returns an empty one.
func NewCollector() *Collector {
	return &Collector{traces: map[ID]int32{}, numbers: map[Resource]int32{}, texts: map[string]string{}}
}

// NewSpan is a span about which nothing is known.
func NewSpan() Span {
	return Span{Resource: records.None, Start: records.Unknown, End: records.Unknown}
}

// Slot returns the number of a resource that SetResource says more about, before or after spans of it were added.
func (c *Collector) Slot() int32 {
	c.slots = append(c.slots, records.None)
	return int32(len(c.slots) - 1)
}

// SetResource says what a slot is.
func (c *Collector) SetResource(slot int32, r Resource) {
	n, ok := c.numbers[r]
	if !ok {
		n = int32(len(c.resources))
		c.numbers[r] = n
		c.resources = append(c.resources, r)
	}
	c.slots[slot] = n
}

// Text returns a copy of text that is shared by all that are equal.
func (c *Collector) Text(text []byte) string {
	if t, ok := c.texts[string(text)]; ok {
		return t
	}
	t := string(text)
	c.texts[t] = t
	return t
}

// Add adds a copy of a span. A span without IDs is counted and left out.
func (c *Collector) Add(s *Span) error {
	if s.Trace == (ID{}) || s.ID == (SpanID{}) {
		c.notes.LeftOut(1, "spans have no ID of a trace or none of their own")
		return nil
	}
	if c.count == maxSpans {
		return fmt.Errorf("%w: expected at most %d spans", records.ErrTooLarge, maxSpans)
	}
	t, ok := c.traces[s.Trace]
	if !ok {
		t = int32(len(c.sizes))
		c.traces[s.Trace] = t
		c.sizes = append(c.sizes, 0)
	}
	c.sizes[t]++
	c.trace = append(c.trace, t)
	if c.count%blockSize == 0 {
		c.blocks = append(c.blocks, make([]Span, 0, min(blockSize, 2*c.count+8)))
	}
	last := &c.blocks[len(c.blocks)-1]
	*last = append(*last, *s)
	c.count++
	return nil
}

// span is the span with a number.
func (c *Collector) span(n int32) *Span { return &c.blocks[n/blockSize][n%blockSize] }

// Len is the number of spans.
func (c *Collector) Len() int { return c.count }

// Notes are what is said about all runs.
func (c *Collector) Notes() *records.Notes { return &c.notes }

// Cut says why spans may be missing in all traces.
func (c *Collector) Cut(format string, args ...any) {
	if c.cut == "" {
		c.cut = fmt.Sprintf(format, args...)
	}
}

// Runs makes a run of each trace, in the order of their first spans. The Collector must not be used afterwards.
func (c *Collector) Runs(system, format string) []*records.Run {
	byTrace := c.byTrace()
	chosen := c.choose()
	runs := make([]*records.Run, len(chosen))
	var next atomic.Int64
	var building sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 4) {
		building.Go(func() {
			b := builder{Collector: c, names: map[string]string{}}
			for i := next.Add(1) - 1; int(i) < len(chosen); i = next.Add(1) - 1 {
				r := records.NewRun(system, format)
				r.Incomplete = c.cut
				r.Notes = slices.Clone(c.notes)
				b.build(r, byTrace[chosen[i]])
				runs[i] = r
			}
		})
	}
	building.Wait()
	slices.SortStableFunc(runs, func(a, b *records.Run) int { return cmp.Compare(firstStart(a), firstStart(b)) })
	return runs
}

func firstStart(r *records.Run) records.Moment {
	first := records.Unknown
	for i := range r.Tasks {
		for _, a := range r.Tasks[i].Attempts {
			if a.Started.Known() && (!first.Known() || a.Started < first) {
				first = a.Started
			}
		}
	}
	return first
}

// byTrace returns the numbers of the spans of each trace.
func (c *Collector) byTrace() [][]int32 {
	all := make([]int32, 0, c.count)
	lists := make([][]int32, len(c.sizes))
	for t, n := range c.sizes {
		lists[t] = all[len(all) : len(all) : len(all)+int(n)]
		all = all[:len(all)+int(n)]
	}
	for i, t := range c.trace {
		lists[t] = append(lists[t], int32(i))
	}
	return lists
}

// choose returns the traces that become runs.
func (c *Collector) choose() []int32 {
	chosen := make([]int32, len(c.sizes))
	single := 0
	for i, n := range c.sizes {
		chosen[i] = int32(i)
		if n == 1 {
			single++
		}
	}
	slices.SortStableFunc(chosen, func(a, b int32) int { return cmp.Compare(c.sizes[b], c.sizes[a]) })
	if single > maxSingle {
		keep := len(chosen) - single
		if keep == 0 {
			keep = maxSingle
		}
		c.notes.LeftOut(len(chosen)-keep, "traces of a single span are in the same files and are not runs")
		chosen = chosen[:keep]
	}
	if len(chosen) > MaxRuns {
		c.notes.LeftOut(len(chosen)-MaxRuns, "traces with fewer spans are in the same files and are not runs")
		chosen = chosen[:MaxRuns]
	}
	return chosen
}

// Outcome is how a span ended.
func Outcome(ended, failed bool) record.Outcome {
	switch {
	case !ended:
		return record.NoOutcome
	case failed:
		return record.OutcomeFailed
	default:
		return record.OutcomeOK
	}
}
