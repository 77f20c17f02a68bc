package moon

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/bounded"
	"github.com/dagscope/dagscope/metricsstore/records/internal/unique"
)

// run makes a run of a report.
func (d *report) run(f *records.File) (*records.Run, error) {
	r := records.NewRun("moon", "moon run report")
	r.Path = f.Path
	targets := slices.Clone(d.Context.InitialTargets)
	if len(targets) == 0 {
		targets = slices.Clone(d.Context.PrimaryTargets)
	}
	slices.Sort(targets)
	r.Workflow = bounded.Text("moon run " + strings.Join(targets, " "))
	if d.Duration != nil && d.Duration.Secs >= 0 && d.Duration.Secs < 1e9 {
		r.Makespan = max(0, time.Duration(d.Duration.Secs)*time.Second+time.Duration(d.Duration.Nanos))
	}
	names := unique.Names{}
	seen := map[string]bool{}
	first, tries, failed := "", 0, false
	for i := range d.Actions {
		a := &d.Actions[i]
		t := a.task(names)
		tries += max(1, len(t.Attempts))
		if len(t.Attempts) > records.MaxAttempts || tries > records.MaxTasks {
			return nil, fmt.Errorf("%s: %w: expected at most %d tasks with %d attempts each", f.Path, records.ErrTooLarge, records.MaxTasks, records.MaxAttempts)
		}
		seen[a.Node.Params.Target] = true
		if a.CreatedAt != "" && (first == "" || a.CreatedAt < first) {
			first = a.CreatedAt
		}
		if n := len(t.Attempts); n > 0 && t.Attempts[n-1].Outcome == record.OutcomeFailed && !a.AllowFailure {
			failed = true
		}
		r.Tasks = append(r.Tasks, t)
	}
	r.Status = status(d.Status, failed)
	if first != "" {
		r.Key = first + " " + r.Workflow
	}
	d.absent(r, seen, names)
	d.remark(r)
	return r, nil
}

// status is that of the run; a run that was aborted because a task failed has failed.
func status(text string, failed bool) record.Status {
	switch {
	case failed || strings.HasPrefix(text, "failed"):
		return record.Failed
	case text == "passed" || text == "cached":
		return record.Succeeded
	case text == "aborted":
		return record.Cancelled
	case text == "running":
		return record.Running
	}
	return ""
}

// moment is the moment of a time without a zone, which is in UTC; some versions wrote one.
func moment(text string) records.Moment {
	for _, layout := range []string{"2006-01-02T15:04:05", time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return records.At(at)
		}
	}
	return records.Unknown
}

// task is the task of an action.
func (a *action) task(names unique.Names) records.Task {
	label := cmp.Or(a.Label, strings.TrimSpace(a.Node.Action+" "+cmp.Or(a.Node.Params.Target, a.Node.Params.ProjectID)))
	t := records.NewTask(names.ID(cmp.Or(label, "action")))
	t.Function = cmp.Or(a.Node.Action, "action")
	if target := a.Node.Params.Target; target != "" {
		t.Name = target
		_, t.Function, _ = strings.Cut(target, ":")
		t.Function = cmp.Or(t.Function, target)
	}
	for i := range a.Operations {
		t.Command = cmp.Or(t.Command, bounded.Text(a.Operations[i].Meta.Command))
	}
	if a.Status == "skipped" {
		t.Skipped = true
		return t
	}
	t.Attempts = a.tries()
	if len(t.Attempts) == 0 {
		t.Attempts = []records.Attempt{a.whole()}
	}
	last := &t.Attempts[len(t.Attempts)-1]
	t.Attempts[0].Ready = moment(a.CreatedAt)
	t.Attempts[0].Claimed = moment(a.StartedAt)
	last.Over = moment(a.FinishedAt)
	if last.Error != nil && a.Error != "" {
		last.Error.Message = bounded.Text(a.Error)
	}
	flaky := ""
	if a.Flaky {
		flaky = "flaky"
	}
	last.Log = bounded.Lines(append(a.log(), flaky)...)
	return t
}

// tries are the attempts at running a task.
func (a *action) tries() []records.Attempt {
	var all []records.Attempt
	for i := range a.Operations {
		if o := &a.Operations[i]; o.Meta.Type == "task-execution" {
			all = append(all, try(o.StartedAt, o.FinishedAt, o.Status, o.Meta.ExitCode))
		}
	}
	if len(a.Operations) == 0 {
		for _, o := range a.Attempts {
			all = append(all, try(o.StartedAt, o.FinishedAt, o.Status, o.ExitCode))
		}
	}
	return all
}

// whole is an action as one attempt.
func (a *action) whole() records.Attempt { return try(a.StartedAt, a.FinishedAt, a.Status, nil) }

func try(started, finished, status string, code *int) records.Attempt {
	a := records.NewAttempt()
	a.Started, a.Ended = moment(started), moment(finished)
	switch status {
	case "passed":
		a.Outcome = record.OutcomeOK
	case "cached", "cached-from-remote":
		a.Outcome = record.OutcomeCached
	case "aborted", "invalid":
		a.Outcome = record.OutcomeCancelled
	case "failed", "failed-and-abort", "timed-out":
		a.Outcome = record.OutcomeFailed
		a.Error = &records.Failure{}
		if status == "timed-out" {
			a.Error.Kind = record.TimeoutError
		}
		if code != nil {
			a.Error.ExitCode = *code
			a.Error.Message = fmt.Sprintf("exit code %d", *code)
		}
	}
	return a
}

// log has a line for each operation that is no attempt.
func (a *action) log() []string {
	var all []string
	for i := range a.Operations {
		o := &a.Operations[i]
		if o.Meta.Type == "task-execution" {
			continue
		}
		line := strings.TrimSpace(o.Meta.Type+" "+o.ID) + " " + o.Status
		if from, to := moment(o.StartedAt), moment(o.FinishedAt); from.Known() && to.Known() {
			line += " " + time.Duration(to-from).String()
		}
		if o.Meta.Hash != "" {
			line += " " + o.Meta.Hash
		}
		all = append(all, line)
	}
	return all
}

// absent adds the targets that were asked for and have no action.
func (d *report) absent(r *records.Run, seen map[string]bool, names unique.Names) {
	for _, target := range slices.Concat(d.Context.InitialTargets, d.Context.PrimaryTargets) {
		if seen[target] || strings.HasPrefix(target, ":") || !strings.Contains(target, ":") {
			continue // ":build" is the task build of all projects
		}
		seen[target] = true
		t := records.NewTask(names.ID("RunTask(" + target + ")"))
		t.Name = target
		_, t.Function, _ = strings.Cut(target, ":")
		r.Tasks = append(r.Tasks, t)
		r.Notes.Inferred(1, "targets were asked for and did not run, as they have no action")
	}
}

// remark adds the notes that all reports have.
func (d *report) remark(r *records.Run) {
	r.Notes.Remark(record.NoteLeftOut, "dependencies are not in the report")
	r.Notes.Remark(record.NoteInferred, "times have no zone and are in UTC")
	for i := range r.Tasks {
		r.Notes.Recorded(max(0, len(r.Tasks[i].Attempts)-1), "attempts were repeated in the same action")
	}
}
