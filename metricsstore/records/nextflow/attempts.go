package nextflow

import (
	"cmp"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// group finds the attempts of each task: numbers of rows in the order in which they were submitted. Tasks are in the
// order of their first rows in the file.
func (l *listing) group() [][]int {
	order := make([]int, len(l.rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(l.rows[a].when.submit, l.rows[b].when.submit), cmp.Compare(l.rows[a].attempt, l.rows[b].attempt))
	})
	var tasks [][]int
	open := map[string][]int{} // by name: the tasks whose last attempt failed
	orphans := 0
	for _, at := range order {
		r := &l.rows[at]
		n := l.failedBefore(open[r.name], tasks, r)
		switch {
		case n >= 0:
			task := open[r.name][n]
			tasks[task] = append(tasks[task], at)
			open[r.name] = slices.Delete(open[r.name], n, n+1)
			if canRetry(r) {
				open[r.name] = append(open[r.name], task)
			}
			l.noteRetry(r)
			continue
		case r.attempt > 1:
			orphans++
		}
		tasks = append(tasks, []int{at})
		if canRetry(r) && r.name != "" {
			open[r.name] = append(open[r.name], len(tasks)-1)
		}
	}
	l.notes.Inferred(orphans, "tasks begin with a later attempt: the ones before are not in the record")
	slices.SortFunc(tasks, func(a, b []int) int { return cmp.Compare(a[0], b[0]) })
	return tasks
}

// canRetry reports whether an attempt can be followed by another.
func canRetry(r *row) bool {
	return outcomes[r.status] == record.OutcomeFailed || outcomes[r.status] == record.OutcomeCancelled
}

func (l *listing) noteRetry(r *row) {
	if r.attempt > 1 {
		l.notes.Inferred(1, "attempts belong to a task by its name and the number of the attempt, as no ID connects them")
		return
	}
	l.notes.Inferred(1, "attempts belong to a task because one of the same name had failed before")
}

// failedBefore finds the task that r is the next attempt of, among those of its name that failed: the first one that
// ended before r was submitted and, if attempts are numbered, has the number before. -1 if there is none.
func (l *listing) failedBefore(failed []int, tasks [][]int, r *row) int {
	if r.attempt == 1 || r.status == "CACHED" {
		return -1
	}
	for n, task := range failed {
		last := &l.rows[tasks[task][len(tasks[task])-1]]
		if r.attempt > 1 && last.attempt != r.attempt-1 || len(tasks[task]) >= records.MaxAttempts {
			continue
		}
		if endedBefore(&last.when, &r.when) {
			return n
		}
	}
	return -1
}

// endedBefore reports whether a ended before b was submitted, as far as is recorded and apart from rounding.
func endedBefore(a, b *times) bool {
	end := a.complete
	if !end.Known() {
		end = a.submit
	}
	begin := b.submit
	if !begin.Known() {
		begin = b.start
	}
	if !end.Known() || !begin.Known() {
		return a.submit <= b.submit
	}
	return end <= begin.Add(a.slack())
}

// slack is how far the end can be off: a derived one as far as the duration is rounded.
func (w *times) slack() time.Duration {
	if w.derived {
		return w.duration.slack
	}
	return 0
}
