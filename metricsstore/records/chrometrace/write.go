package chrometrace

import (
	"sync"
	"time"

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
	names := newNaming(len(kept))
	for i, n := range kept {
		b.fill(&spans[i], n)
		names.add(b.trace, b.event(n).name, &spans[i])
		if parent := b.kept(b.spans[n].parent); parent != none {
			spans[i].Parent = number[parent]
		}
	}
	var describing sync.WaitGroup
	describing.Go(func() { newDescriber(b).describe(spans, kept) })
	names.give(b.trace, spans)
	for _, l := range b.links {
		if from, to := b.kept(l.from), b.kept(l.to); from != none && to != none && from != to {
			spans[number[to]].Links = append(spans[number[to]].Links, number[from])
		}
	}
	describing.Wait()
	b.events, b.args = nil, args{} // they take as much memory as the tasks
	b.run.AddSpans(spans)
	if len(b.bodies)+len(b.skipped)+len(b.retries)+len(b.waits) > 0 {
		b.settle(spans, kept)
	}
}

// kept is a span, or the innermost one around it that is not dropped, or none.
func (b *builder) kept(n int32) int32 {
	for n != none && b.drop[n] {
		n = b.spans[n].parent
	}
	return n
}

// fill sets what the trace says about a span, except for its ID, Log and Common.
func (b *builder) fill(s *records.Span, n int32) {
	e := b.event(n)
	*s = records.NewSpan("")
	if s.Name = b.name(e); len(s.Name) > records.MaxText {
		s.Name = bounded.Text(s.Name)
	}
	if s.Name == "" {
		s.Name = b.cat(e)
	}
	s.Function = s.Name
	s.Start, s.End = b.moment(b.spans[n].start), b.moment(b.spans[n].end)
	if body, ok := b.bodies[n]; ok && len(b.bodies) > 0 {
		s.Start, s.End = b.moment(body.start), b.moment(body.end)
	}
	s.Worker = b.worker(e.lane)
	if b.spans[n].lane < int32(len(b.lanes)) {
		s.Lane = b.laneIn[e.lane]
	}
	if s.End.Known() {
		s.Outcome = record.OutcomeOK
	}
	if b.tool.span != nil {
		b.tool.span(b, n, s)
	}
}

// settle puts what is recorded about the time around bodies into the attempts, takes away those of tasks that did not
// run, and makes one task of further attempts.
func (b *builder) settle(spans []records.Span, kept []int32) {
	placed := place(b.run.Tasks, spans)
	for i, n := range kept {
		last := &b.run.Tasks[placed[i].last]
		first := &b.run.Tasks[placed[i].last-placed[i].parts+1]
		if b.skipped[n] {
			last.Skipped, last.Attempts = true, nil
		}
		if waited := b.waits[n]; placed[i].parts == 1 && len(last.Attempts) > 0 {
			last.Attempts[0].Started = last.Attempts[0].Started.Add(time.Duration(waited))
		}
		body, ok := b.bodies[n]
		if !ok || len(first.Attempts) == 0 || len(last.Attempts) == 0 {
			continue
		}
		a := &first.Attempts[0]
		a.Claimed, a.Fetch = b.moment(b.spans[n].start), body.fetch
		if len(first.Parents) == 0 {
			a.Ready = a.Claimed
		}
		last.Attempts[0].Over = b.moment(b.spans[n].end)
	}
	b.mergeRetries(kept, placed)
}
