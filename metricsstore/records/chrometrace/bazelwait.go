package chrometrace

import (
	"sort"
	"strings"
)

// waitForEvaluators lets an evaluation wait while the threads of the evaluator are at work: its span, on the thread that
// called it, covers the whole build otherwise, next to the actions themselves.
func (b *builder) waitForEvaluators() {
	busy := b.evaluatorsAtWork()
	contains := map[int32]bool{}
	for i := range b.spans {
		if parent := b.spans[i].parent; parent != none {
			contains[parent] = true
		}
	}
	for i := range b.spans {
		n, s := int32(i), &b.spans[i]
		if b.cat(b.event(n)) != "skyframe evaluator" || contains[n] || s.end == open {
			continue
		}
		if waited := covered(busy, s.start, s.end); waited > 0 {
			b.waits[n] = waited
		}
	}
	b.run.Notes.Inferred(len(b.waits), "evaluations count as waiting while threads of the evaluator are at work")
}

// evaluatorsAtWork are the times, one after the other, in which any thread of the evaluator is at work.
func (b *builder) evaluatorsAtWork() (busy []interval) {
	for i := range b.spans { // by start
		s := &b.spans[i]
		thread := b.lanes[b.event(int32(i)).lane].name
		if s.parent != none || s.end == open || !strings.HasPrefix(thread, "skyframe-evaluator") {
			continue
		}
		if last := len(busy) - 1; last >= 0 && s.start <= busy[last].to {
			busy[last].to = max(busy[last].to, s.end)
		} else {
			busy = append(busy, interval{s.start, s.end})
		}
	}
	return busy
}

// interval is a time from one moment to another.
type interval struct{ from, to int64 }

// covered is for how long some interval covers the time between two moments.
func covered(busy []interval, from, to int64) (sum int64) {
	first := sort.Search(len(busy), func(i int) bool { return busy[i].to > from })
	for _, b := range busy[first:] {
		if b.from >= to {
			break
		}
		sum += min(b.to, to) - max(b.from, from)
	}
	return sum
}
