package spark

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// maxUnstarted bounds the tasks of a run that a stage announces and that have no attempts: their number is only a
// number in the log.
const maxUnstarted = 100_000

// builder makes the tasks of a run.
type builder struct {
	app       *application
	run       *records.Run
	order     []int32 // numbers of attempts, by stage, then as spans wants them
	tasks     []int64 // of the attempts by number: the number of the task in its stage
	unstarted int
	beyond    int64 // tasks without attempts that are too many
	lost      int64 // tasks that ran, as their stage completed, or may have run, and that are not in the log
	matched   int
	unmatched int
	repeated  int // attempts of stages but their first
	rerun     int // attempts that had succeeded and were not the last
	gone      int // attempts without an end whose executor was removed
	passed    int // attempts without an end whose stage completed
	ids       strings.Builder
}

// build makes the run of all that was read.
func (a *application) build() (*records.Run, error) {
	for _, ids := range a.jobs.open {
		a.want(ids)
	}
	for i := range a.attempts.keys {
		a.stages.get(a.attempts.keys[i].stage).ran = true
	}
	p := newPlan(&a.stages, a.queries)
	var err error
	if a.run.Groups, err = p.groups(); err != nil {
		return nil, err
	}
	b := &builder{app: a, run: a.run, tasks: make([]int64, len(a.attempts.keys))}
	b.build(p)
	a.run.Key = a.key()
	a.run.Workflow = cmp.Or(a.run.Workflow, "Spark application")
	a.run.Format = "Spark event log"
	if a.version != "" {
		a.run.Format += " " + majorMinor(a.version)
		a.param("version", a.version)
	}
	a.param("application", a.id)
	a.param("attempt", a.attempt)
	a.verdict()
	a.notes(p, b)
	return a.run, nil
}

func majorMinor(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(len(parts), 2)], ".")
}

// build appends the tasks of each stage that is a group.
func (b *builder) build(p *plan) {
	keys := b.app.attempts.keys
	b.order = make([]int32, len(keys))
	for i := range b.order {
		b.order[i] = int32(i)
	}
	slices.SortFunc(b.order, func(x, y int32) int {
		kx, ky := &keys[x], &keys[y]
		return cmp.Or(cmp.Compare(kx.stage, ky.stage), cmp.Compare(kx.stageAttempt, ky.stageAttempt), cmp.Compare(kx.id, ky.id))
	})
	b.run.Tasks = make([]records.Task, 0, len(keys)+len(keys)/64)
	rest := b.order
	for _, st := range p.all {
		group, is := p.group[st.id]
		if !is {
			continue
		}
		n := 0
		for n < len(rest) && keys[rest[n]].stage == st.id {
			n++
		}
		b.stage(st, group, rest[:n])
		rest = rest[n:]
	}
	b.run.Tasks = slices.Clip(b.run.Tasks)
}

// stage appends the tasks of one stage. attempts are its attempts by attempt of the stage.
func (b *builder) stage(st *stage, group int32, attempts []int32) {
	b.number(st, attempts)
	slices.SortStableFunc(attempts, func(x, y int32) int {
		return cmp.Or(cmp.Compare(b.tasks[x], b.tasks[y]), cmp.Compare(b.app.attempts.keys[x].id, b.app.attempts.keys[y].id))
	})
	next := int64(0) // the first task that is not in the run
	idle := st.begun && !st.completed() && st.tasks > 0
	seen := int64(0)
	for len(attempts) > 0 {
		number := b.tasks[attempts[0]]
		n := 1
		for n < len(attempts) && b.tasks[attempts[n]] == number {
			n++
		}
		if idle {
			b.idle(st, group, next, min(number, st.tasks))
		}
		b.task(st, group, number, attempts[:n])
		attempts = attempts[n:]
		next = number + 1
		seen++
	}
	switch {
	case idle:
		b.idle(st, group, next, st.tasks)
	case st.tasks > seen:
		b.lost += st.tasks - seen
	}
}

// idle appends tasks that have no attempts, those from a number up to another.
func (b *builder) idle(st *stage, group int32, from, to int64) {
	for n := from; n < to; n++ {
		if b.unstarted == maxUnstarted || len(b.run.Tasks) == records.MaxTasks {
			b.beyond += to - n
			return
		}
		b.unstarted++
		b.run.Tasks = append(b.run.Tasks, b.blank(st, group, n))
	}
}

// blank is a task without attempts.
func (b *builder) blank(st *stage, group int32, number int64) records.Task {
	t := records.NewTask(b.id(st, number))
	t.Group = group
	t.Function = b.run.Groups[group].Name
	cores, found := b.app.profiles[st.profile]
	if !found {
		cores = b.app.cores
	}
	if cores > 0 && cores <= 1<<20 {
		t.Cores = int(cores)
	}
	return t
}

// task appends a task with its attempts.
func (b *builder) task(st *stage, group int32, number int64, attempts []int32) {
	t := b.blank(st, group, number)
	a := &b.app.attempts
	if len(attempts) == 1 {
		n := attempts[0]
		chunk := a.chunks[n/attemptChunk]
		t.Attempts = chunk[n%attemptChunk : n%attemptChunk+1 : n%attemptChunk+1]
	} else {
		t.Attempts = make([]records.Attempt, len(attempts))
		for i, n := range attempts {
			t.Attempts[i] = *a.at(n)
		}
	}
	for i, n := range attempts {
		at := &t.Attempts[i]
		if key := &a.keys[n]; key.stageAttempt > 0 {
			at.Ready = moment(st.submitted(key.stageAttempt))
		}
		if at.Outcome != record.OutcomeOK {
			continue
		}
		if at.Usage != nil {
			t.OutputBytes, t.ResultBytes = at.Usage.WrittenBytes, at.Usage.ResultBytes
		}
		b.again(at, &a.keys[n], t.Attempts[i+1:])
	}
	b.closeOpen(st, t.Attempts, attempts)
	b.run.Tasks = append(b.run.Tasks, t)
}

// again says of an attempt that succeeded why others of the task began after it.
func (b *builder) again(at *records.Attempt, key *attemptKey, later []records.Attempt) {
	switch {
	case key.resubmitted:
		at.Log = strings.TrimPrefix(at.Log+"\noutput lost with its executor (Resubmitted)", "\n")
	case slices.ContainsFunc(later, func(l records.Attempt) bool { return at.Ended.Known() && l.Claimed >= at.Ended }):
		b.rerun++
		at.Log = strings.TrimPrefix(at.Log+"\noutput lost, as the task was run again", "\n")
	}
}

// id names a task the way Spark's messages do. All IDs are cut from few blocks.
func (b *builder) id(st *stage, number int64) string {
	const longest = 48
	if b.ids.Cap()-b.ids.Len() < longest {
		b.ids = strings.Builder{}
		b.ids.Grow(textBlock)
	}
	begin := b.ids.Len()
	var digits [longest]byte
	text := append(digits[:0], "stage "...)
	text = strconv.AppendInt(text, int64(st.id), 10)
	if attempt := number >> 32; attempt > 0 {
		text = strconv.AppendInt(append(text, '.'), attempt, 10)
	}
	text = strconv.AppendInt(append(text, " task "...), number&(1<<32-1), 10)
	b.ids.Write(text)
	return b.ids.String()[begin:]
}
