package spark

import (
	"slices"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// number finds the task of each attempt of a stage. A further attempt of a stage contains only the tasks that were
// missing, and numbers them anew: Index is the place in that attempt. Partition ID, which newer versions record, says
// which tasks they are; without it they are the tasks without success, in order, if their number agrees, and otherwise tasks of
// their own, whose numbers begin with that of the attempt of the stage.
func (b *builder) number(st *stage, attempts []int32) {
	keys := b.app.attempts.keys
	for begin := 0; begin < len(attempts); {
		current := keys[attempts[begin]].stageAttempt
		end := begin
		for end < len(attempts) && keys[attempts[end]].stageAttempt == current {
			end++
		}
		var missing []int64
		whole := begin == 0
		if !whole {
			missing, whole = b.missing(st, current, attempts[:begin])
		}
		for _, n := range attempts[begin:end] {
			b.tasks[n] = b.place(&keys[n], missing, whole, begin > 0)
		}
		begin = end
	}
}

// place is the task of one attempt.
func (b *builder) place(key *attemptKey, missing []int64, whole, repeated bool) int64 {
	if repeated {
		b.repeated++
	}
	switch {
	case key.partition >= 0:
		return int64(key.partition)
	case whole:
		return int64(key.index)
	case int(key.index) < len(missing):
		b.matched++
		return missing[key.index]
	}
	b.unmatched++
	return int64(key.stageAttempt)<<32 | int64(key.index)
}

// missing are the tasks that an attempt of a stage consists of, in order, or nil if that cannot be told. whole: it
// consists of all.
func (b *builder) missing(st *stage, number int32, before []int32) (tasks []int64, whole bool) {
	i := slices.IndexFunc(st.attempts, func(a stageAttempt) bool { return a.number == number })
	if i < 0 || st.tasks <= 0 || st.tasks > records.MaxTasks {
		return nil, false
	}
	size, submitted := st.attempts[i].tasks, moment(st.attempts[i].submitted)
	if size == st.tasks {
		return nil, true
	}
	if size <= 0 || st.tasks > int64(len(before))+size {
		return nil, false // more are missing than it has tasks
	}
	made := make([]bool, st.tasks)
	for _, n := range before {
		key, at := &b.app.attempts.keys[n], b.app.attempts.at(n)
		if at.Outcome == record.OutcomeOK && !key.resubmitted && b.tasks[n] < st.tasks && (!submitted.Known() || at.Ended <= submitted) {
			made[b.tasks[n]] = true
		}
	}
	for n, done := range made {
		if !done {
			tasks = append(tasks, int64(n))
		}
	}
	if int64(len(tasks)) != size {
		return nil, false
	}
	return tasks, false
}
