package chrometrace

import (
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

// keptSpans numbers the spans that are not dropped, in the order in which they are in a lane.
func (b *builder) keptSpans() []int32 {
	kept := make([]int32, 0, len(b.spans))
	for i := range b.spans {
		if !b.drop[i] {
			kept = append(kept, int32(i))
		}
	}
	return kept
}

// write adds tasks for the spans.
func (b *builder) write(kept []int32) {
	number := make([]int32, len(b.spans))
	for i := range number {
		number[i] = none
	}
	for i, n := range kept {
		number[n] = int32(i)
	}
	b.numberLanes(kept)
	spans := make([]records.Span, len(kept))
	for i, n := range kept {
		spans[i] = b.span(n)
		parent := b.spans[n].parent
		for parent != none && b.drop[parent] {
			parent = b.spans[parent].parent
		}
		if parent != none {
			spans[i].Parent = number[parent]
		}
	}
	for _, l := range b.links {
		from, to := number[l.from], number[l.to]
		if from != none && to != none {
			spans[to].Links = append(spans[to].Links, from)
		}
	}
	b.run.AddSpans(spans)
	if len(b.bodies) > 0 || len(b.skipped) > 0 {
		b.settle(spans, kept)
	}
}

// span is what the trace says about a span.
func (b *builder) span(n int32) records.Span {
	e := b.event(n)
	s := records.NewSpan("")
	s.Name = bounded.Text(b.name(e))
	if s.Name == "" {
		s.Name = b.cat(e)
	}
	s.Function = s.Name
	s.Start, s.End = b.moment(b.spans[n].start), b.moment(b.spans[n].end)
	if body, ok := b.bodies[n]; ok {
		s.Start, s.End = b.moment(body.start), b.moment(body.end)
	}
	s.Worker = b.worker(e.lane)
	if b.spans[n].lane < int32(len(b.lanes)) {
		s.Lane = b.laneIn[e.lane]
	}
	s.Log = b.spanLog(n)
	if s.End.Known() {
		s.Outcome = record.OutcomeOK
	}
	if b.tool.span != nil {
		b.tool.span(b, n, &s)
	}
	s.ID = b.id(&s)
	return s
}

// spanLog is what else the trace says about a span.
func (b *builder) spanLog(n int32) string {
	e := b.event(n)
	log := b.log(e)
	if last := b.spans[n].last; log == "" && last != none {
		log = b.log(&b.events[last])
	}
	thread := b.lanes[e.lane].name
	if thread != "" && !strings.HasPrefix(thread, "thread ") {
		thread = "thread " + thread
	}
	return bounded.Lines(log, b.bodies[n].log, thread)
}

// id is the ID of a span: its name, unless the tool has one.
func (b *builder) id(s *records.Span) string {
	const long = 100
	if s.ID != "" {
		return b.ids.ID(clip(s.ID, long))
	}
	return b.ids.ID(clip(s.Name, long))
}

// settle puts what is recorded about the time around bodies into the attempts that AddSpans has made, which are in the
// order of the spans, and takes away those of tasks that did not run.
func (b *builder) settle(spans []records.Span, kept []int32) {
	i, first := 0, true
	for t := range b.run.Tasks {
		task := &b.run.Tasks[t]
		n := kept[i]
		last := task.ID == spans[i].ID
		body, ok := b.bodies[n]
		if ok && first {
			a := &task.Attempts[0]
			a.Claimed, a.Fetch = b.moment(b.spans[n].start), body.fetch
			if len(task.Parents) == 0 {
				a.Ready = a.Claimed
			}
		}
		if ok && last {
			task.Attempts[0].Over = b.moment(b.spans[n].end)
		}
		if b.skipped[n] {
			task.Skipped, task.Attempts = true, nil
		}
		if first = last; last {
			i++
		}
	}
}
