package doit

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/unique"
)

// run makes a run of a report.
func (d *report) run() *records.Run {
	r := records.NewRun("doit", "doit JSON report")
	r.Workflow = "doit"
	r.Status = record.Succeeded
	number := map[string]int32{}
	for i := range d.Tasks {
		number[d.Tasks[i].Name] = int32(i)
	}
	n := &r.Notes
	n.Remark(record.NoteInferred, "times have no zone and are in UTC")
	n.Remark(record.NoteLeftOut, "dependencies are not in the report, except on tasks that failed")
	names := unique.Names{}
	for i := range d.Tasks {
		t := &d.Tasks[i]
		out := records.NewTask(names.ID(t.Name))
		out.Name = t.Name
		function, _, _ := strings.Cut(t.Name, ":") // of a task and its subtasks
		out.Function = cmp.Or(function, "task")
		if t.Result == "fail" {
			r.Status = record.Failed
		}
		switch {
		case t.Started != nil:
			out.Attempts = []records.Attempt{t.attempt()}
			if r.Key == "" {
				r.Key = *t.Started + " " + t.Name
			}
		case t.Result == "up-to-date":
			n.Recorded(1, "tasks were up to date and did not run")
		case t.Result == "ignore":
			out.Skipped = true
			n.Recorded(1, "tasks are ignored and did not run")
		default:
			out.Skipped = true
			out.Parents = t.failed(number, int32(i))
			n.Recorded(len(out.Parents), "dependencies are on tasks that failed")
			n.Inferred(1, "tasks have the result fail and no start, and were skipped, as they wait for one that failed")
		}
		r.Tasks = append(r.Tasks, out)
	}
	d.say(r)
	return r
}

// say adds what was printed outside of tasks.
func (d *report) say(r *records.Run) {
	text := strings.TrimSpace(d.Err)
	if text != "" && r.Status == record.Failed {
		r.Error = bounded.Text(text)
	} else if text != "" {
		r.Notes.Remark(record.NoteRecorded, "what was printed outside of tasks begins with: %s", bounded.Text(text[:min(len(text), 200)]))
	}
}

// failed are the tasks that a task without a start waits for: its error has their names.
func (t *task) failed(number map[string]int32, own int32) []int32 {
	var all []int32
	for _, name := range strings.Fields(t.Error) {
		if n, known := number[name]; known && n != own {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (t *task) attempt() records.Attempt {
	a := records.NewAttempt()
	if at, err := time.Parse("2006-01-02 15:04:05", *t.Started); err == nil {
		a.Started = records.At(at)
	}
	if e := t.Elapsed; e != nil && *e >= 0 && *e < 1e9 {
		a.Runtime = time.Duration(*e * 1e9)
		a.Ended = a.Started.Add(a.Runtime)
	}
	a.Log = bounded.Lines(t.Out, t.Err)
	switch t.Result {
	case "success":
		a.Outcome = record.OutcomeOK
	case "fail":
		a.Outcome = record.OutcomeFailed
		a.Error = &records.Failure{Message: bounded.Text(strings.TrimSpace(t.Error))}
	case "up-to-date":
		a.Outcome = record.OutcomeCached
	}
	return a
}
