package slurm

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// builder collects the rows of a file and makes the tasks of a run.
type builder struct {
	run        *records.Run
	jobs       map[string][]*allocation // by ID, in the order of the file
	order      []string
	count      int
	utc        int
	timed      bool
	incomplete string
	workers    map[string]int32
}

// allocation is one attempt of a job: its own row and those of its steps.
type allocation struct {
	job   *entry // nil if only steps are in the file
	steps []entry
}

// add adds a row to its job.
func (b *builder) add(e entry) error {
	if e.id == "" {
		b.run.Notes.LeftOut(1, "rows have no job")
		return nil
	}
	if b.count++; b.count > records.MaxTasks {
		return fmt.Errorf("%w: more than %d rows", records.ErrTooLarge, records.MaxTasks)
	}
	known := b.jobs[e.id]
	if known == nil {
		b.order = append(b.order, e.id)
	}
	switch {
	case e.step == "":
		b.jobs[e.id] = append(known, &allocation{job: &e})
	case known == nil:
		b.jobs[e.id] = []*allocation{{steps: []entry{e}}}
	default:
		last := known[len(known)-1]
		last.steps = append(last.steps, e)
	}
	return nil
}

// tasks makes a task of each job, and one more for each time that an ID was used again.
func (b *builder) tasks() error {
	b.workers = map[string]int32{}
	var depends []string
	places := map[string][]int32{} // tasks by the ID that dependencies name
	for _, id := range b.order {
		allocations := b.jobs[id]
		if len(allocations) > records.MaxAttempts {
			return fmt.Errorf("%w: job %s has more than %d attempts", records.ErrTooLarge, id, records.MaxAttempts)
		}
		slices.SortStableFunc(allocations, func(a, b *allocation) int {
			return cmp.Compare(max(a.row().submit, a.row().start), max(b.row().submit, b.row().start))
		})
		var task *records.Task
		for i, a := range allocations {
			e := a.row()
			if task == nil || len(task.Attempts) > 0 && task.Attempts[len(task.Attempts)-1].Outcome == record.OutcomeOK {
				name := id
				if task != nil {
					name = fmt.Sprintf("%s (%d)", id, i+1)
					b.run.Notes.Inferred(1, "jobs have the number of a job that had succeeded and are tasks of their own")
				}
				b.run.Tasks = append(b.run.Tasks, records.NewTask(name))
				depends = append(depends, e.depends+" "+dependencyOf(e.submits))
				place := int32(len(b.run.Tasks) - 1)
				task = &b.run.Tasks[place]
				job, _, isArray := strings.Cut(id, "_")
				places[id] = append(places[id], place)
				if isArray {
					places[job] = append(places[job], place)
				}
			} else if i > 0 {
				b.run.Notes.Recorded(1, "jobs were requeued, and are several attempts of one task")
			}
			b.describe(task, a)
		}
	}
	b.edges(depends, places)
	return nil
}

// row is the row of the job, or if that is not in the file, that of its first step.
func (a *allocation) row() *entry {
	if a.job != nil {
		return a.job
	}
	return &a.steps[0]
}

// describe adds an attempt to a task, if the job has started.
func (b *builder) describe(task *records.Task, a *allocation) {
	e := a.row()
	if a.job == nil {
		b.run.Notes.Inferred(1, "jobs have only steps in the file, so their wait is not known")
	}
	task.Name, task.Function = e.name, e.name
	task.Command, task.Cores = short(e.submits), max(e.cpus, 0)
	if strings.Contains(e.id, "[") {
		b.run.Notes.Recorded(1, "tasks stand for all waiting tasks of a job array")
	}
	f := fateOf(e.state)
	if !f.known && e.state != "" {
		b.run.Notes.Inferred(1, fmt.Sprintf("jobs have the state %.40q, which is not known and taken as unfinished", e.state))
	}
	if e.restarts > 0 && len(task.Attempts) == 0 && len(b.jobs[e.id]) <= e.restarts {
		b.run.Notes.LeftOut(e.restarts, "attempts before a restart are not in the file (sacct --duplicates writes them)")
	}
	switch {
	case f.waiting && !e.start.Known():
		b.run.Notes.Recorded(1, "jobs were waiting when sacct ran")
		return
	case f.outcome == record.OutcomeCancelled && !e.start.Known() && b.timed && e.elapsed <= 0:
		b.run.Notes.Recorded(1, "jobs were cancelled before they started")
		return
	}
	task.Attempts = append(task.Attempts, b.attempt(a, f))
}

func (b *builder) attempt(a *allocation, f fate) records.Attempt {
	e := a.row()
	t := records.NewAttempt()
	t.Outcome, t.Ready, t.Started = f.outcome, e.eligible, e.start
	if !t.Ready.Known() {
		t.Ready = e.submit
	}
	if f.outcome != record.NoOutcome {
		t.Ended = e.end
	}
	if !t.Started.Known() || !t.Ended.Known() && f.outcome != record.NoOutcome {
		t.Runtime = e.elapsed
		if t.Started.Known() && e.elapsed >= 0 {
			t.Ended = t.Started.Add(e.elapsed)
		}
	}
	if f.outcome != record.OutcomeOK && f.outcome != record.NoOutcome {
		t.Error = &records.Failure{Kind: f.kind, Message: e.state, ExitCode: e.exit.code}
		if e.exit.signal > 0 {
			t.Error.Signal = strconv.Itoa(e.exit.signal)
		}
	}
	if e.nodes != "" && e.nodes != "None assigned" {
		n, ok := b.workers[e.nodes]
		if !ok && len(b.workers) < records.MaxWorkers {
			n = b.run.AddWorker(e.nodes)
			b.workers[e.nodes], ok = n, true
		}
		if ok {
			t.Worker = n
		}
	}
	t.Usage = a.usage()
	t.Log = a.log(b)
	return t
}

// usage is that of the job, where only the peaks of its steps are known, the highest of them.
func (a *allocation) usage() *record.Usage {
	u := a.row().usage
	cpu := time.Duration(0)
	for i := range a.steps {
		s := &a.steps[i].usage
		u.MemoryBytes = max(u.MemoryBytes, s.MemoryBytes)
		u.ReadBytes = max(u.ReadBytes, s.ReadBytes)
		u.WrittenBytes = max(u.WrittenBytes, s.WrittenBytes)
		cpu += max(s.CPU, 0)
	}
	if u.CPU < 0 && cpu > 0 {
		u.CPU = cpu
	}
	if u == *records.NewUsage() {
		return nil
	}
	return &u
}

// log says what else is known of the job, and a line for each step.
func (a *allocation) log(b *builder) string {
	var text strings.Builder
	line := func(s string) {
		if text.Len()+len(s) < records.MaxText {
			text.WriteString(s + "\n")
		}
	}
	e := a.row()
	line("state " + e.state)
	if e.submit.Known() {
		line("submitted " + e.submit.Time().Format(time.RFC3339))
	}
	if e.raw != "" && e.raw != e.id {
		line("job " + e.raw)
	}
	for _, s := range e.log {
		line(s)
	}
	for i := range a.steps {
		s := &a.steps[i]
		parts := []string{"step", s.step, s.name, s.state}
		if s.exit.known && s.exit != (exit{known: true}) {
			parts = append(parts, fmt.Sprintf("exit %d:%d", s.exit.code, s.exit.signal))
		}
		if s.start.Known() && s.end.Known() {
			parts = append(parts, "from", s.start.Time().Format(time.TimeOnly), "for", time.Duration(s.end-s.start).String())
		} else if s.elapsed >= 0 {
			parts = append(parts, "for", s.elapsed.String())
		}
		line(strings.Join(parts, " "))
	}
	b.run.Notes.Recorded(len(a.steps), "steps are lines in the log of their job")
	return strings.TrimSuffix(text.String(), "\n")
}
