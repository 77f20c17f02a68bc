package airflow

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// builder makes one run.
type builder struct {
	run     *records.Run
	workers map[string]int32
	byTask  map[string][]int32 // numbers of the instances of a task
	tasks   []string           // the keys of byTask, in order
	active  bool               // an instance has not ended
}

func newBuilder(key [2]string, of *dagRun) *builder {
	b := &builder{run: records.NewRun("Airflow", "Airflow task instances"), workers: map[string]int32{}, byTask: map[string][]int32{}}
	r := b.run
	r.Workflow, r.Params = key[0], map[string]string{}
	if key[1] != "" {
		r.Key = key[0] + "/" + key[1]
		r.Params["run"] = key[1]
	}
	if of == nil {
		return b
	}
	r.Started, r.Ended = of.Start.at, of.End.at
	switch of.State {
	case "success":
		r.Status = record.Succeeded
	case "failed":
		r.Status = record.Failed
	case "running", "queued":
		r.Status = record.Running
	}
	for name, value := range map[string]string{"run type": of.Type, "conf": string(of.Conf), "note": of.Note, "logical date": of.Logical} {
		if value != "" && value != "{}" && value != "null" {
			r.Params[name] = value
		}
	}
	return b
}

// addTask adds a task instance, of which rows are the tries in order. Rows of one try are the same, so the last counts.
func (b *builder) addTask(rows []row) {
	last := &rows[len(rows)-1]
	t := records.NewTask(last.Task)
	t.Function, t.Name = last.Task, last.DisplayName
	if t.Name == "" {
		t.Name = last.Task
	}
	if last.MapIndex.number >= 0 {
		t.ID += fmt.Sprintf("[%d]", last.MapIndex.number)
		part := strconv.FormatInt(last.MapIndex.number, 10)
		if last.MapName != "" {
			part = last.MapName
		}
		t.Name += "[" + part + "]"
	}
	if t.Name == t.ID {
		t.Name = ""
	}
	t.Skipped = last.skipped()
	if !t.Skipped {
		t.Attempts = b.attempts(rows)
	} else {
		b.run.Notes.Recorded(1, "tasks have the state "+last.State+" and did not run")
	}
	if _, there := b.byTask[last.Task]; !there {
		b.tasks = append(b.tasks, last.Task)
	}
	b.byTask[last.Task] = append(b.byTask[last.Task], int32(len(b.run.Tasks)))
	b.run.Tasks = append(b.run.Tasks, t)
}

// skipped reports whether a task did not run. One that raised an exception to be skipped did, and has a host.
func (r *row) skipped() bool {
	switch r.State {
	case "upstream_failed", "removed":
		return true
	case "skipped":
		return r.Host == ""
	}
	return false
}

// maxEarlier is how many tries that no row is about become attempts.
const maxEarlier = 20

func (b *builder) attempts(rows []row) []records.Attempt {
	var list []records.Attempt
	next := int64(1) // number of the try that comes next
	for i := range rows {
		r := &rows[i]
		if i+1 < len(rows) && rows[i+1].Try == r.Try {
			continue // the same try from another file
		}
		if lost := r.Try - next; lost > 0 {
			kept := min(lost, maxEarlier)
			for range kept {
				a := records.NewAttempt()
				a.Outcome = record.OutcomeFailed
				list = append(list, a)
			}
			b.run.Notes.Inferred(int(kept), "tries are not recorded except for their number, and count as failed")
			b.run.Notes.LeftOut(int(lost-kept), "tries before the last")
		}
		next = r.Try + 1
		if a, made := b.attempt(r); made {
			list = append(list, a)
		}
	}
	return list
}

// attempt is what a row says about a try; made is false if there was none yet.
func (b *builder) attempt(r *row) (a records.Attempt, made bool) {
	a = records.NewAttempt()
	a.Ready = r.Scheduled.at
	if !a.Ready.Known() {
		a.Ready = r.Queued.at
	}
	a.Claimed, a.Started, a.Ended = r.Start.at, r.Start.at, r.End.at
	switch r.State {
	case "success":
		a.Outcome = record.OutcomeOK
	case "skipped":
		a.Outcome = record.OutcomeOK
		b.run.Notes.Recorded(1, "tasks ran and had themselves skipped")
	case "failed", "up_for_retry":
		a.Outcome = record.OutcomeFailed
		a.Error = &records.Failure{Message: "the state is " + r.State + "; the reason is in Airflow's log of the task"}
	case "running", "deferred", "up_for_reschedule", "restarting", "shutdown":
		b.active = true
		a.Ended = records.Unknown
	default: // scheduled, queued, none: moments are of the try before
		b.active = b.active || r.State != ""
		a.Claimed, a.Started, a.Ended = records.Unknown, records.Unknown, records.Unknown
		return a, a.Ready.Known()
	}
	if a.Started.Known() && a.Ready > a.Started {
		a.Ready = records.Unknown // queued again, after a deferral
	}
	if !a.Started.Known() || !a.Ended.Known() {
		a.Runtime = r.Duration.Duration
	}
	a.Worker = b.worker(r.Host)
	a.Log = r.log()
	return a, true
}

// log has a line for each fact that has no place elsewhere.
func (r *row) log() string {
	var lines []string
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, name+" "+value)
		}
	}
	add("operator", r.Operator)
	if r.Pool != "default_pool" {
		add("pool", r.Pool)
	}
	if r.Slots > 1 {
		add("pool slots", strconv.FormatInt(r.Slots, 10))
	}
	if r.Queue != "default" {
		add("queue", r.Queue)
	}
	add("executor", r.Executor)
	if r.State != "success" && r.State != "failed" {
		add("state", r.State)
	}
	if r.Host == "" && r.Try == 0 && r.State == "success" {
		lines = append(lines, "no worker ran it, the scheduler marked it")
	}
	if took := time.Duration(r.End.at - r.Start.at); r.Start.at.Known() && r.End.at.Known() && r.Duration.Duration >= 0 {
		if gap := took - r.Duration.Duration; gap > time.Second || gap < -time.Second {
			add("recorded duration", r.Duration.String())
		}
	}
	add("note", r.Note)
	return strings.Join(lines, "\n")
}

func (b *builder) worker(host string) int32 {
	if host == "" {
		return records.None
	}
	w, there := b.workers[host]
	if !there {
		if len(b.workers) >= records.MaxWorkers {
			b.run.Notes.LeftOut(1, "hosts of attempts, as there are too many different ones")
			return records.None
		}
		w = b.run.AddWorker(host)
		b.run.Workers[w].Host = host
		b.workers[host] = w
	}
	return w
}

// finish says what is true of the run as a whole.
func (b *builder) finish(missing int64, more bool) {
	r := b.run
	if r.Status == "" && b.active {
		r.Status = record.Running
	}
	switch {
	case missing > 0:
		r.Incomplete = fmt.Sprintf("the lists are pages: %d task instances of their totals are not in the files", missing)
	case more:
		r.Incomplete = "the list is a page that names a next one"
	case r.Status == record.Running:
		r.Incomplete = "the DAG run was under way when the file was written"
	}
	if r.Status == record.Running {
		r.Ended = records.Unknown
	}
}
