package pegasus

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// run makes the run of a log.
func (l *eventLog) run(g *graph) (*records.Run, error) {
	r := records.NewRun("HTCondor DAGMan", "dagman.out")
	if l.jobstate {
		r = records.NewRun("Pegasus", "jobstate.log")
	}
	r.Started, r.Ended = l.started, l.ended
	if l.id != "" && l.started.Known() {
		r.Key = l.id + "@" + l.started.Time().Format(time.RFC3339)
	}
	r.Workflow = cmp.Or(g.name, strings.TrimSuffix(path.Base(l.input), ".dag"))
	if r.Workflow == "." || r.Workflow == "" {
		r.Workflow = cmp.Or(strings.Trim(path.Base(path.Dir(l.file)), "."), "workflow")
	}
	switch {
	case l.status == "0":
		r.Status = record.Succeeded
	case l.status != "":
		r.Status, r.Error = record.Failed, "DAGMan exited with status "+l.status
	}
	switch {
	case l.cut != "":
		r.Incomplete = l.cut
	case l.status == "":
		r.Incomplete = "DAGMan has not finished in this record"
	}
	l.tasks(r, g)
	r.Notes.LeftOut(l.strange.Count, l.strange.Text("lines are not as jobstate.log has them"))
	if !l.jobstate {
		r.Notes.Remark(record.NoteInferred, "moments have no zone and were read as UTC")
	}
	if l.adopted != "" {
		r.Notes.Remark(record.NoteRecorded, "%s is of the same run, and says why nodes were held or failed", path.Base(l.adopted))
	}
	if len(g.nodes) == 0 {
		r.Notes.Remark(record.NoteLeftOut, "there is no DAG file in the folder, so nothing is known about dependencies and nodes that never ran")
	}
	r.Notes.LeftOut(g.cut, "dependencies exceed what a run can have")
	if len(r.Tasks) > records.MaxTasks {
		return nil, fmt.Errorf("%s: %w: more than %d nodes", l.file, records.ErrTooLarge, records.MaxTasks)
	}
	return r, nil
}

// tasks adds the nodes of the graph and those of the events.
func (l *eventLog) tasks(r *records.Run, g *graph) {
	names := slices.Clone(g.order)
	for _, name := range l.order {
		if _, ok := g.nodes[name]; !ok {
			names = append(names, name)
		}
	}
	place := make(map[string]int32, len(names))
	for i, name := range names {
		place[name] = int32(i)
	}
	for _, name := range names {
		task := records.NewTask(name)
		n := g.nodes[name]
		if n == nil {
			n = &node{}
			if len(g.nodes) > 0 {
				r.Notes.Recorded(1, "nodes have events and are not in the graph")
			}
		}
		task.Function, task.Command = functionOf(name, n, l.jobstate), n.command
		for _, parent := range slices.Sorted(maps.Keys(n.parents)) {
			if p := place[parent]; parent != name {
				task.Parents = append(task.Parents, p)
			}
		}
		task.Attempts = l.attemptsOf(r, name)
		if n.done && len(task.Attempts) == 0 {
			a := records.NewAttempt()
			a.Outcome = record.OutcomeCached
			task.Attempts = append(task.Attempts, a)
			r.Notes.Recorded(1, "nodes were done before the run")
		}
		if n.nested || strings.HasPrefix(name, "pegasus-plan_") || strings.HasPrefix(name, "subdax_") {
			r.Notes.Recorded(1, "sub-workflows are one task each; their jobs are in records of their own")
		}
		r.Tasks = append(r.Tasks, task)
	}
}

// attemptsOf makes the attempts of a node, those that were lost among them.
func (l *eventLog) attemptsOf(r *records.Run, name string) []records.Attempt {
	events := l.events[name]
	slices.SortStableFunc(events, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.attempt, b.attempt), cmp.Compare(a.at, b.at))
	})
	var all []records.Attempt
	for len(events) > 0 {
		n := 1
		for n < len(events) && events[n].attempt == events[0].attempt {
			n++
		}
		t := &trial{Attempt: records.NewAttempt(), executing: map[string]bool{}}
		for _, e := range events[:n] {
			if lost := t.event(e); lost != nil {
				r.Notes.Recorded(1, "executions were lost and begun again in the same submission")
				if len(all) < records.MaxAttempts {
					all = append(all, *lost)
				}
			}
		}
		if len(all) < records.MaxAttempts {
			all = append(all, t.finish(l.reasons[name]))
		}
		events = events[n:]
	}
	return all
}

// trial is an attempt that is being made of events.
type trial struct {
	records.Attempt
	executing map[string]bool // processes by Condor ID
	left      bool            // the body ended without having terminated
	pre       records.Moment
	post      bool
	held      records.Moment
	message   string
	code      int
	lines     []string
}

// event reads an event. lost is the attempt that it shows to have been lost.
func (t *trial) event(e event) (lost *records.Attempt) {
	if e.at > t.Over || !t.Over.Known() {
		t.Over = e.at
	}
	if e.site != "" && e.site != "-" && len(t.lines) == 0 {
		t.lines = append(t.lines, "site "+e.site)
	}
	code, _ := strconv.Atoi(e.value)
	switch e.kind {
	case "PRE_SCRIPT_STARTED":
		t.Ready, t.pre = e.at, e.at
	case "PRE_SCRIPT_TERMINATED", "PRE_SCRIPT_SUCCESS":
		t.lines = append(t.lines, e.kind+" "+e.at.Time().Format(time.TimeOnly))
	case "PRE_SCRIPT_FAILURE":
		t.Started, t.Ended, t.Outcome = t.pre, e.at, record.OutcomeFailed
		t.message, t.code = "the PRE script failed", code
	case "SUBMIT":
		if !t.Ready.Known() {
			t.Ready = e.at
		}
	case "EXECUTE":
		lost = t.execute(e)
	case "JOB_TERMINATED":
		t.Ended, t.left = e.at, false
	case "SHADOW_EXCEPTION", "JOB_EVICTED", "EVICTED", "JOB_HELD", "JOB_ABORTED":
		t.leave(e)
	case "JOB_RELEASED":
		if t.held.Known() && e.at >= t.held {
			t.lines = append(t.lines, "held for "+time.Duration(e.at-t.held).String())
			t.held = records.Unknown
		}
	case "JOB_SUCCESS":
		t.decide(record.OutcomeOK, "", 0)
	case "JOB_FAILURE":
		t.decide(record.OutcomeFailed, "the job failed", code)
	case "SUBMIT_FAILURE", "SUBMIT_FAILED":
		t.decide(record.OutcomeFailed, "the job could not be submitted", 0)
	case "POST_SCRIPT_SUCCESS":
		t.Outcome, t.post = record.OutcomeOK, true
	case "POST_SCRIPT_FAILURE":
		if t.message == "" {
			t.message, t.code = "the POST script failed", code
		}
		t.Outcome, t.post = record.OutcomeFailed, true
	}
	return lost
}

// decide is a verdict that a POST script can overrule.
func (t *trial) decide(o record.Outcome, message string, code int) {
	if !t.post {
		t.Outcome = o
	}
	t.message, t.code = message, code
}

// execute begins the body. If it was running already or had been stopped, that was another attempt, which was lost.
func (t *trial) execute(e event) (lost *records.Attempt) {
	if t.left && t.Started.Known() || t.executing[e.value] {
		a := t.Attempt
		a.Outcome, a.Over = record.OutcomeLost, a.Ended
		a.Error = &records.Failure{Kind: record.WorkerLostError, Message: short(cmp.Or(t.message, "it was executed again"))}
		a.Log = strings.Join(t.lines, "\n")
		lost = &a
		t.Ready, t.Started, t.Ended = a.Ended, records.Unknown, records.Unknown
		t.message, t.left = "", false
		clear(t.executing)
	}
	if !t.Started.Known() {
		t.Started, t.Claimed = e.at, e.at
	}
	t.executing[e.value] = true
	return lost
}

// leave ends the body before it has terminated.
func (t *trial) leave(e event) {
	if !t.left && !t.Ended.Known() && t.Started.Known() {
		t.Ended = e.at
	}
	t.left = true
	switch e.kind {
	case "JOB_HELD":
		t.held, t.message = e.at, "the job was held"
	case "JOB_ABORTED":
		if t.held.Known() && e.at >= t.held {
			t.lines = append(t.lines, "held for "+time.Duration(e.at-t.held).String())
		}
		t.message = strings.TrimPrefix(t.message+", then removed", ", then ")
		if !t.post {
			t.Outcome = record.OutcomeCancelled
		}
	}
	t.lines = append(t.lines, e.kind+" "+e.at.Time().Format(time.TimeOnly))
}

// finish is the attempt after its last event.
func (t *trial) finish(reason string) records.Attempt {
	if t.Outcome == record.NoOutcome {
		t.Over = records.Unknown
		if t.left {
			t.lines = append(t.lines, cmp.Or(t.message, "it was stopped"))
		}
	} else if t.Outcome != record.OutcomeOK {
		t.Error = &records.Failure{Message: short(strings.TrimPrefix(t.message+"\n"+reason, "\n")), ExitCode: max(t.code, 0)}
		t.Error.Message = strings.TrimSuffix(t.Error.Message, "\n")
		if t.code < 0 {
			t.Error.Signal = strconv.Itoa(-t.code)
		}
		if t.Outcome == record.OutcomeCancelled {
			t.Error.Kind = record.CancelledError
		}
	}
	t.Log = short(strings.Join(t.lines, "\n"))
	return t.Attempt
}
