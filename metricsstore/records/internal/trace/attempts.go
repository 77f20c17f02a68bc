package trace

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// Attempt is what the span of an attempt says that dagscope has exported: there is nothing to infer.
type Attempt struct {
	Task          string
	Node          int64
	Epoch, Number int64
	Lane          int32
	Outcome       record.Outcome
	OutputBytes   int64 // -1 if not known
	// How long it waited before it was claimed, and its phases from then on.
	Queue, Wait, Fetch, Execute time.Duration
}

// areAttempts reports whether all spans are attempts, but for one root that is their run.
func (c *builder) areAttempts(numbers []int32) bool {
	others := 0
	for _, n := range numbers {
		s := c.span(n)
		if s.Attempt != nil {
			continue
		}
		if others++; others > 1 || s.Parent != (SpanID{}) {
			return false
		}
	}
	return others < len(numbers)
}

// addAttempts appends the tasks that spans are attempts of, below the root that is their run. Links are the tasks that each
// waited for.
func (c *builder) addAttempts(r *records.Run, numbers []int32, spans []records.Span) {
	order := make([]int32, 0, len(spans)) // of those that are attempts
	for i, n := range numbers {
		if c.span(n).Attempt != nil {
			order = append(order, int32(i))
		} else {
			r.Started, r.Ended = spans[i].Start, spans[i].End
		}
	}
	attempt := func(i int32) *Attempt { return c.span(numbers[i]).Attempt }
	slices.SortFunc(order, func(a, b int32) int {
		s, t := attempt(a), attempt(b)
		return cmp.Or(cmp.Compare(s.Node, t.Node), cmp.Compare(s.Epoch, t.Epoch), cmp.Compare(s.Number, t.Number), cmp.Compare(a, b))
	})
	task := make([]int32, len(spans)) // of each span
	used := map[string]bool{}
	last := int64(-1)
	for _, i := range order {
		s := attempt(i)
		if last != s.Node || len(r.Tasks) == 0 {
			last = s.Node
			id := s.Task
			if used[id] {
				id = fmt.Sprintf("%s, node %d", id, s.Node)
			}
			used[id] = true
			t := records.NewTask(id)
			t.Function = spans[i].Function
			r.Tasks = append(r.Tasks, t)
		}
		task[i] = int32(len(r.Tasks) - 1)
		t := &r.Tasks[task[i]]
		t.OutputBytes = max(t.OutputBytes, s.OutputBytes)
		t.Attempts = append(t.Attempts, attemptOf(&spans[i], s))
	}
	absent := 0
	for _, i := range order {
		t := &r.Tasks[task[i]]
		for _, l := range spans[i].Links {
			if l < 0 || attempt(l) == nil {
				absent++
			} else if task[l] != task[i] {
				t.Parents = append(t.Parents, task[l])
			}
		}
		slices.Sort(t.Parents)
		t.Parents = slices.Compact(t.Parents)
	}
	r.Notes.LeftOut(absent, "links lead to spans that the record does not contain")
}

// attemptOf places an attempt by its span and its phases.
func attemptOf(s *records.Span, own *Attempt) records.Attempt {
	a := records.NewAttempt()
	a.Claimed, a.Over, a.Fetch = s.Start, s.End, own.Fetch
	if s.Start.Known() {
		a.Ready = s.Start - records.Moment(own.Queue)
		a.Started = s.Start + records.Moment(own.Wait+own.Fetch)
		a.Ended = a.Started + records.Moment(own.Execute)
	}
	a.Outcome, a.Worker, a.Lane, a.Error, a.Usage = own.Outcome, s.Worker, own.Lane, s.Error, s.Usage
	a.Log, a.Common = s.Log, s.Common
	return a
}
