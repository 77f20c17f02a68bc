package makeflow

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// runs makes a run of each section in which a node was submitted.
func (l *log) runs(w *workflow) ([]*records.Run, error) {
	rules, notes := l.match(w)
	producer := map[string]int{}
	numbers := slices.Sorted(maps.Keys(rules))
	for _, i := range numbers {
		for _, target := range rules[i].targets {
			producer[target] = i
		}
	}
	readers := map[string]bool{}
	for _, r := range rules {
		for _, source := range r.sources {
			readers[source] = true
		}
	}
	var all []*records.Run
	idle := 0
	for _, s := range l.sections {
		if len(s.changes) == 0 {
			idle++
			continue
		}
		r := records.NewRun("Makeflow", "makeflowlog")
		r.Notes = slices.Clone(notes)
		base := strings.TrimSuffix(path.Base(l.file.Path), ".makeflowlog")
		r.Workflow = cmp.Or(strings.TrimSuffix(base, path.Ext(base)), "workflow")
		first := s.started
		if !first.Known() {
			first = s.changes[0].at
		}
		r.Key = fmt.Sprintf("%s@%d", base, int64(first)/1000)
		r.Started, r.Ended = s.started, s.ended
		b := &builder{run: r, section: s, rules: rules, numbers: numbers, place: map[int]int32{}, producer: producer, read: readers}
		if err := b.build(); err != nil {
			return nil, fmt.Errorf("%s: %w", l.file.Path, err)
		}
		all = append(all, r)
	}
	last := l.sections[len(l.sections)-1]
	for i, r := range all {
		r.Notes.LeftOut(idle, "runs in the file had nothing to do")
		r.Notes.LeftOut(l.strange.Count, l.strange.Text("lines are not as a log of Makeflow has them"))
		if len(all) > 1 {
			r.Notes.Remark(record.NoteRecorded, "this is run %d of %d in the file", i+1, len(all))
		}
	}
	if l.cut != "" || last.end == "" {
		all[len(all)-1].Incomplete = cmp.Or(l.cut, "the log does not say that the run has ended")
	}
	return all, nil
}

// match finds the rule of each node: those that the log names, else those of the workflow if it has as many. Without
// either, only nodes that the log has changes of are known.
func (l *log) match(w *workflow) (map[int]*rule, records.Notes) {
	var notes records.Notes
	rules := map[int]*rule{}
	count := max(l.nodes, l.total)
	switch {
	case len(l.rules) > 0:
		maps.Copy(rules, l.rules)
	case w == nil:
		notes.Remark(record.NoteLeftOut, "there is no workflow next to the log, so nothing is known about commands and dependencies")
	case len(w.rules) != count:
		notes.Remark(record.NoteLeftOut, "%s has %d rules and the log counts %d nodes, so it is another workflow or another version and was not used",
			path.Base(w.file), len(w.rules), count)
	default:
		for i := range w.rules {
			rules[i] = &w.rules[i]
		}
		notes.Remark(record.NoteInferred, "nodes are the rules of %s in their order", path.Base(w.file))
	}
	for _, s := range l.sections {
		for _, c := range s.changes {
			if rules[c.node] == nil {
				rules[c.node] = &rule{}
			}
		}
	}
	notes.LeftOut(max(0, count-len(rules)), "nodes are counted by the log and not named")
	return rules, notes
}

// builder makes one run.
type builder struct {
	run      *records.Run
	section  *section
	rules    map[int]*rule
	numbers  []int          // of nodes, in order
	place    map[int]int32  // their tasks
	producer map[string]int // the node that makes a file
	read     map[string]bool
	edges    int
	seen     map[int32]bool // parents of the task that is being made
}

func (b *builder) build() error {
	for k, i := range b.numbers {
		b.place[i] = int32(k)
	}
	for _, i := range b.numbers {
		r := b.rules[i]
		b.seen = map[int32]bool{}
		task := records.NewTask(fmt.Sprintf("node %d", i))
		if len(r.targets) > 0 {
			task.Name = short(strings.Join(r.targets, " "))
		}
		task.Function, task.Command = r.category, r.command
		if task.Function == "" && task.Name != "" {
			task.Function = record.FunctionName(r.targets[0])
		}
		b.files(&task, i)
		for _, p := range r.parents {
			b.parent(&task, i, p)
		}
		b.run.Tasks = append(b.run.Tasks, task)
	}
	if b.edges > records.MaxEdges {
		return fmt.Errorf("%w: more than %d dependencies", records.ErrTooLarge, records.MaxEdges)
	}
	b.attempts()
	failures := 0
	for i := range b.run.Tasks {
		a := b.run.Tasks[i].Attempts
		if len(a) > 0 && a[len(a)-1].Outcome == record.OutcomeFailed {
			failures++
		}
	}
	switch {
	case b.section.end == "ABORTED":
		b.run.Status = record.Cancelled
	case b.section.end == "FAILED", b.section.end != "" && failures > 0:
		b.run.Status = record.Failed
		if b.section.end == "COMPLETED" {
			b.run.Notes.Remark(record.NoteRepaired, "the log says COMPLETED, but nodes failed, so the run failed")
		}
	case b.section.end != "":
		b.run.Status = record.Succeeded
	}
	return nil
}

func (b *builder) parent(task *records.Task, i, p int) {
	if place, ok := b.place[p]; ok && p != i && !b.seen[place] {
		b.seen[place] = true
		task.Parents = append(task.Parents, place)
		b.edges++
	}
}

// files adds dependencies and sizes of what a node reads and makes.
func (b *builder) files(task *records.Task, i int) {
	for _, source := range b.rules[i].sources {
		size, known := b.section.sizes[source]
		if !known {
			size = -1
		}
		from := records.None
		if p, ok := b.producer[source]; ok && p != i {
			b.parent(task, i, p)
			from = b.place[p]
		}
		task.Inputs = append(task.Inputs, records.Input{From: from, Bytes: size})
	}
	total, results, known := int64(0), int64(0), false
	for _, target := range b.rules[i].targets {
		if n, ok := b.section.sizes[target]; ok {
			known = true
			total += n
			if !b.read[target] {
				results += n
			}
		}
	}
	if known {
		task.OutputBytes, task.ResultBytes = total, results
	}
}

// attempts adds a submission for each time that a node began.
func (b *builder) attempts() {
	for k, i := range b.numbers {
		if b.section.done[i] {
			a := records.NewAttempt()
			a.Outcome = record.OutcomeCached
			b.run.Tasks[k].Attempts = append(b.run.Tasks[k].Attempts, a)
			b.run.Notes.Recorded(1, "nodes were complete before the run")
		}
	}
	changes := slices.Clone(b.section.changes)
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	for _, c := range changes {
		task := &b.run.Tasks[b.place[c.node]]
		n := len(task.Attempts)
		switch c.state {
		case begun:
			if n > 0 && task.Attempts[n-1].Outcome == record.OutcomeCached {
				task.Attempts, n = nil, 0 // its output was lost, so it is made again
			}
			if n == records.MaxAttempts {
				continue
			}
			a := records.NewAttempt()
			a.Started, a.Log = c.at, "job "+c.job
			task.Attempts = append(task.Attempts, a)
		case complete, failed, aborted:
			outcome := map[int]record.Outcome{complete: record.OutcomeOK, failed: record.OutcomeFailed, aborted: record.OutcomeCancelled}[c.state]
			if n == 0 || task.Attempts[n-1].Outcome != record.NoOutcome {
				b.run.Notes.LeftOut(1, "ends of nodes have no submission before them")
				continue
			}
			task.Attempts[n-1].Ended, task.Attempts[n-1].Outcome = c.at, outcome
		case waiting: // it will be tried again
		default:
			b.run.Notes.LeftOut(1, "changes of nodes are to a state that is not known")
		}
	}
}
