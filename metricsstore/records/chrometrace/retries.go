package chrometrace

import (
	"slices"

	"github.com/dagscope/dagscope/metricsstore/records"
)

// mergeRetries makes one task of the attempts of each, where neither is divided by what it waited for. placed are the
// spans' tasks: the last one of each, and how many it has.
func (b *builder) mergeRetries(kept []int32, placed []placedSpan) {
	if len(b.retries) == 0 {
		return
	}
	number := make(map[int32]int, len(kept))
	for i, n := range kept {
		number[n] = i
	}
	into := make([]int32, len(b.run.Tasks)) // the task that each becomes
	for t := range into {
		into[t] = int32(t)
	}
	apart := 0
	for i, n := range kept { // by start
		first, again := b.retries[n]
		if !again {
			continue
		}
		at, to := placed[i], placed[number[first]]
		if at.parts != 1 || to.parts != 1 {
			apart++
			continue
		}
		into[at.last] = to.last
		task, retry := &b.run.Tasks[to.last], &b.run.Tasks[at.last]
		task.Attempts = append(slices.Clip(task.Attempts), retry.Attempts...)
		task.Parents = append(slices.Clip(task.Parents), retry.Parents...)
	}
	b.run.Notes.Inferred(apart, "tasks are further attempts of others, kept apart because they waited for what they contain")
	b.renumber(into)
}

// renumber removes the tasks that became part of others.
func (b *builder) renumber(into []int32) {
	now := make([]int32, len(into))
	tasks := b.run.Tasks[:0]
	for t, to := range into {
		if to == int32(t) {
			now[t] = int32(len(tasks))
			tasks = append(tasks, b.run.Tasks[t])
		}
	}
	clear(b.run.Tasks[len(tasks):])
	b.run.Tasks = tasks
	for t := range tasks {
		parents := tasks[t].Parents[:0]
		for _, p := range tasks[t].Parents {
			if p = now[into[p]]; p != int32(t) {
				parents = append(parents, p)
			}
		}
		slices.Sort(parents)
		tasks[t].Parents = slices.Compact(parents)
	}
}

// placedSpan is where the tasks of a span are.
type placedSpan struct {
	last  int32
	parts int32
}

// place finds the tasks of each span. AddSpans makes them in the order of the spans, and the last one has its ID.
func place(tasks []records.Task, spans []records.Span) []placedSpan {
	placed := make([]placedSpan, len(spans))
	i := 0
	for t := range tasks {
		if i == len(spans) {
			break
		}
		placed[i].parts++
		if tasks[t].ID == spans[i].ID {
			placed[i].last = int32(t)
			i++
		}
	}
	return placed
}
