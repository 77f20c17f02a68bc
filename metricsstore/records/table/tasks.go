package table

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// into makes the tasks of a run.
func (rs *rows) into(run *records.Run) {
	for _, name := range rs.names {
		if name == "" {
			name = "unnamed"
			run.Notes.Remark(record.NoteInferred, "lanes without a worker are lanes of one named unnamed")
		}
		run.AddWorker(name)
	}
	if rs.named {
		run.Notes.Remark(record.NoteInferred, "lanes are numbered in the order of the rows; the log has their recorded names")
	}
	if rs.assumed > 0 {
		run.Notes.Inferred(rs.assumed, "attempts have no known status or exit code and are taken as succeeded")
	}
	for _, word := range slices.Sorted(maps.Keys(rs.unknown)) {
		run.Notes.Inferred(rs.unknown[word], fmt.Sprintf("attempts have the status %q, which is not known", word))
	}
	after := rs.tasks(run)
	rs.edges(run, after)
}

// tasks adds the tasks with their attempts, and returns what each of them says that it comes after.
func (rs *rows) tasks(run *records.Run) (after [][]string) {
	ids := make(map[string]int, len(rs.all))
	var current *records.Task
	key, repeats, retries, earlier, untimed := "", 0, 0, 0, 0
	for i, r := range rs.sorted() {
		same := i > 0 && r.key == key
		again := same && len(current.Attempts) > 0 && isDone(current.Attempts[len(current.Attempts)-1].Outcome)
		full := same && len(current.Attempts) >= records.MaxAttempts
		if !same || again || full {
			if again {
				repeats++
			}
			task := r.task
			task.ID = unique(ids, r.key)
			run.Tasks = append(run.Tasks, task)
			after = append(after, nil)
			current, key = &run.Tasks[len(run.Tasks)-1], r.key
			if r.numbered && r.number > 1 && r.ran && !again {
				earlier++
			}
		}
		merge(current, &r.task)
		if r.after != "" && !slices.Contains(after[len(after)-1], r.after) {
			after[len(after)-1] = append(after[len(after)-1], r.after)
		}
		switch {
		case r.verdict.skipped:
			current.Skipped = len(current.Attempts) == 0
			if r.ran {
				untimed++
			}
		case r.ran || r.verdict.known && !r.verdict.waiting:
			retries += min(1, len(current.Attempts))
			current.Skipped = false
			current.Attempts = append(current.Attempts, r.attempt)
		case r.attempt.Ready.Known():
			run.Notes.LeftOut(1, "moments of submission of tasks that did not start")
		}
	}
	run.Notes.Inferred(retries, "rows with the ID of a row before are attempts of one task")
	run.Notes.Inferred(repeats, "rows have the ID of a task that had succeeded and are tasks of their own")
	run.Notes.LeftOut(untimed, "rows of skipped tasks have moments")
	run.Notes.LeftOut(earlier, "tasks had attempts before the first one that the file has")
	return after
}

func isDone(o record.Outcome) bool { return o == record.OutcomeOK || o == record.OutcomeCached }

// merge adds what a later row of a task says.
func merge(to, from *records.Task) {
	for _, p := range []struct{ to, from *string }{{&to.Name, &from.Name}, {&to.Function, &from.Function}, {&to.Command, &from.Command}} {
		if *p.to == "" {
			*p.to = *p.from
		}
	}
	if from.OutputBytes >= 0 {
		to.OutputBytes = from.OutputBytes
	}
}

// unique is an ID that is not taken yet, and takes it. taken counts how often a text was asked for.
func unique(taken map[string]int, id string) string {
	name := id
	for taken[name] > 0 {
		taken[id]++
		name = fmt.Sprintf("%s (%d)", id, taken[id])
	}
	taken[name]++
	return name
}

// edges finds the parents by their IDs, or by their names if only one task has it.
func (rs *rows) edges(run *records.Run, after [][]string) {
	if !rs.layout.has(fieldAfter) {
		return
	}
	const several = -2
	find := make(map[string]int32, 2*len(run.Tasks))
	for i := range run.Tasks {
		if name := run.Tasks[i].Name; name != "" {
			if _, ok := find[name]; ok {
				find[name] = several
			} else {
				find[name] = int32(i)
			}
		}
	}
	for i := range run.Tasks {
		find[run.Tasks[i].ID] = int32(i)
	}
	known := func(name string) bool { _, ok := find[name]; return ok }
	missing, ambiguous, itself := 0, 0, 0
	for i := range run.Tasks {
		task := &run.Tasks[i]
		for _, cell := range after[i] {
			for _, name := range parseList(cell, known) {
				p, ok := find[name]
				switch {
				case !ok:
					missing++
				case p == several:
					ambiguous++
				case p == int32(i):
					itself++
				case !slices.Contains(task.Parents, p):
					task.Parents = append(task.Parents, p)
				}
			}
		}
	}
	run.Notes.LeftOut(missing, "dependencies name tasks that are not in the file")
	run.Notes.LeftOut(ambiguous, "dependencies name several tasks of the same name")
	run.Notes.LeftOut(itself, "dependencies are of a task on itself")
}
