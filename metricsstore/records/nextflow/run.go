package nextflow

import (
	"fmt"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
)

// run makes the run of a listing. g is its graph, nil if there is none.
func (l *listing) run(g *graph) *records.Run {
	l.merge()
	r := records.NewRun(System, l.format)
	r.Key, r.Workflow, r.Params = l.key, l.name(), l.params
	r.Started, r.Ended, r.Status, r.Error, r.Incomplete = l.started, l.ended, l.status, l.failure, l.incomplete
	tasks := l.group()
	ids := l.ids()
	workers := map[string]int32{}
	r.Tasks = make([]records.Task, 0, len(tasks))
	for _, rows := range tasks {
		first, last := &l.rows[rows[0]], &l.rows[rows[len(rows)-1]]
		t := records.NewTask(ids[rows[0]])
		t.Name, t.Function, t.Command, t.Cores = last.name, first.process, last.script, last.cpus
		for _, at := range rows {
			t.Attempts = append(t.Attempts, l.attempt(r, &l.rows[at], workers))
		}
		r.Tasks = append(r.Tasks, t)
	}
	r.Undated = !dated(r)
	if r.Undated {
		l.notes.Remark(record.NoteRecorded, "no task has a moment")
	}
	if g != nil {
		l.connect(r, g, tasks)
	} else {
		l.notes.Remark(record.NoteInferred, "a trace has no dependencies; the graph of -with-dag next to it would show them")
	}
	l.remarks(r)
	l.notes.LeftOut(l.odd.Count, l.odd.Text("rows have another number of columns than the header"))
	r.Notes = l.notes
	return r
}

func dated(r *records.Run) bool {
	if r.Started.Known() || r.Ended.Known() {
		return true
	}
	for i := range r.Tasks {
		for _, a := range r.Tasks[i].Attempts {
			if a.Ready.Known() || a.Claimed.Known() || a.Ended.Known() {
				return true
			}
		}
	}
	return false
}

// attempt reports the moments of a row. Those of a cached task are of another run.
func (l *listing) attempt(r *records.Run, from *row, workers map[string]int32) records.Attempt {
	a := records.NewAttempt()
	outcome, known := outcomes[from.status]
	if !known {
		l.notes.LeftOut(1, fmt.Sprintf("tasks have the status %q, which is not known", from.status))
	}
	a.Outcome, a.Log = outcome, from.log
	if from.host != "" {
		if _, ok := workers[from.host]; !ok && len(workers) < records.MaxWorkers {
			n := r.AddWorker(from.host)
			r.Workers[n].Host = from.host
			workers[from.host] = n
		}
		if n, ok := workers[from.host]; ok {
			a.Worker = n
		}
	}
	if from.status == "CACHED" {
		a.Log = bounded.Lines(from.when.old(), a.Log)
		l.notes.Recorded(1, "tasks were cached; the times and sizes in their rows are those of an earlier run and stand in their logs")
		a.Worker, a.Runtime = records.None, 0 // nothing was executed
		return a
	}
	a.Usage = from.usage
	l.place(&a, from)
	if outcome == record.OutcomeFailed || outcome == record.OutcomeCancelled && from.exit > 0 {
		a.Error = failure(from)
	}
	if outcome == record.OutcomeOK && from.exit > 0 {
		a.Log = bounded.Lines(fmt.Sprintf("exit code %d", from.exit), a.Log)
	}
	return a
}

// place sets the moments. realtime is measured inside the wrapper of the task. What else of the time between start and
// completion there is was spent before or after it, and which of both is not recorded: here it is all before.
func (l *listing) place(a *records.Attempt, from *row) {
	w := &from.when
	a.Ready, a.Claimed, a.Ended, a.Runtime = w.submit, w.start, w.complete, w.realtime.length
	if outcomes[from.status] == record.NoOutcome {
		a.Ended = records.Unknown // the duration of one that has not ended is its age
	}
	switch {
	case !a.Ended.Known() || a.Runtime < 0:
		a.Started = w.start
		if !a.Started.Known() && a.Ended.Known() {
			a.Started = w.submit
			l.notes.Inferred(1, "attempts have no realtime and no start: they seem to run from submission to completion")
		}
		return
	case w.derived:
		l.notes.Inferred(1, "ends are submission and duration, which is rounded unless the trace is raw")
	}
	earliest := w.start
	if !earliest.Known() {
		earliest = w.submit
	}
	a.Started = a.Ended.Add(-a.Runtime)
	if earliest.Known() && a.Started < earliest {
		if a.Started.Add(w.realtime.slack+w.duration.slack) < earliest {
			l.notes.Repaired(1, "attempts have a realtime above the time from start to completion: they begin at the recorded start")
		}
		a.Started = min(earliest, a.Ended)
		return
	}
	l.notes.Inferred(1, "starts are the end minus realtime: staging and waiting, which realtime leaves out, seem to come first")
}

func failure(from *row) *records.Failure {
	f := &records.Failure{Message: "the exit code is not recorded", ExitCode: max(from.exit, 0)}
	if from.exit >= 0 {
		f.Message = fmt.Sprintf("exit code %d", from.exit)
	}
	if from.action != "" {
		f.Message += ", error action " + from.action
	}
	return f
}

// old describes the times of a cached row.
func (w *times) old() string {
	var out []string
	if w.submit.Known() {
		out = append(out, "submitted "+w.submit.Time().Format("2006-01-02 15:04:05.000"))
	}
	if w.duration.length >= 0 {
		out = append(out, "duration "+w.duration.length.String())
	}
	if w.realtime.length >= 0 {
		out = append(out, "realtime "+w.realtime.length.String())
	}
	if len(out) == 0 {
		return ""
	}
	return "earlier run: " + strings.Join(out, ", ")
}

// remarks says what concerns the record as a whole.
func (l *listing) remarks(r *records.Run) {
	for i := range l.notes {
		if l.notes[i].Text == noZone {
			l.notes[i].Count = -1
		}
	}
	open, ran := 0, 0
	for i := range l.rows {
		switch outcomes[l.rows[i].status] {
		case record.NoOutcome:
			open++
		case record.OutcomeCached:
		default:
			ran++
		}
	}
	l.notes.Recorded(open, "attempts had not ended when the record was written")
	if ran+open == 0 {
		l.notes.Remark(record.NoteRecorded, "nothing ran: all tasks were cached")
	}
	l.notes.Inferred(l.missing(), "numbers of tasks do not occur: those had not ended, or their results were in storeDir")
	if len(r.Tasks) > 0 && r.Workers == nil {
		l.notes.Remark(record.NoteRecorded, "no host is recorded")
	}
}
