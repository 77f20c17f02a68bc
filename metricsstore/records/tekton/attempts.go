package tekton

import (
	"fmt"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// attempts are the tries of a TaskRun: those before, which its status contains, and the last.
func attempts(s *status, created records.Moment) []records.Attempt {
	var list []records.Attempt
	for i := range s.Retries {
		list = append(list, s.Retries[i].attempt(records.Unknown))
	}
	if !moment(s.Started).Known() && s.succeeded().outcome() == record.NoOutcome && !created.Known() {
		return list
	}
	return append(list, s.attempt(created))
}

// attempt is one try.
func (s *status) attempt(created records.Moment) records.Attempt {
	a := records.NewAttempt()
	from, to := moment(s.Started), moment(s.Completed)
	a.Ready = from
	if created.Known() && len(s.Retries) == 0 && (!from.Known() || created < from) {
		a.Ready = created
	}
	a.Claimed, a.Started, a.Ended = from, from, to
	first, last, open := s.steps()
	if first.Known() {
		a.Claimed, a.Started = first, first
	}
	c := s.succeeded()
	a.Outcome = c.outcome()
	if a.Outcome == record.NoOutcome {
		a.Ended = records.Unknown
		if !first.Known() && len(s.Steps) == 0 {
			a.Claimed, a.Started = records.Unknown, records.Unknown // no pod of it runs yet
		}
	} else if last.Known() && !open && (!to.Known() || last <= to) {
		a.Ended, a.Over = last, to
	}
	if a.Outcome == record.OutcomeFailed || a.Outcome == record.OutcomeCancelled {
		a.Error = s.failure(c, a.Outcome)
	}
	a.Log = s.log(c)
	return a
}

// steps returns when the first step started and the last ended; open if one has no end.
func (s *status) steps() (first, last records.Moment, open bool) {
	first, last = records.Unknown, records.Unknown
	for i := range s.Steps {
		began, ended := records.Unknown, records.Unknown
		switch step := &s.Steps[i]; {
		case step.Terminated != nil:
			began, ended = moment(step.Terminated.Started), moment(step.Terminated.Finished)
		case step.Running != nil:
			began = moment(step.Running.Started)
		}
		if began.Known() && (!first.Known() || began < first) {
			first = began
		}
		last = max(last, ended)
		open = open || !ended.Known()
	}
	return first, last, open
}

func (s *status) failure(c condition, outcome record.Outcome) *records.Failure {
	f := &records.Failure{Message: c.Message}
	if f.Message == "" {
		f.Message = "the reason is " + c.Reason
	}
	switch {
	case outcome == record.OutcomeCancelled:
		f.Kind = record.CancelledError
	case strings.Contains(c.Reason, "Timeout"):
		f.Kind = record.TimeoutError
	}
	for _, step := range s.Steps {
		if step.Terminated != nil && step.Terminated.ExitCode != 0 {
			f.ExitCode = step.Terminated.ExitCode
			break
		}
	}
	return f
}

// log has a line for the pod and for each step.
func (s *status) log(c condition) string {
	var lines []string
	if s.Pod != "" {
		lines = append(lines, "pod "+s.Pod)
	}
	if c.Status != "True" && c.Reason != "" {
		lines = append(lines, "reason "+c.Reason)
	}
	for _, step := range s.Steps {
		line := "step " + step.Name
		switch {
		case step.Terminated != nil:
			began, ended := moment(step.Terminated.Started), moment(step.Terminated.Finished)
			if began.Known() && ended.Known() {
				line += fmt.Sprintf(" from %s, %v", began.Time().Format(time.TimeOnly), time.Duration(ended-began))
			}
			line += fmt.Sprintf(", exit code %d", step.Terminated.ExitCode)
			if r := step.Terminated.Reason; r != "" && r != "Completed" && r != "Error" {
				line += ", " + r
			}
		case step.Running != nil:
			line += " running"
		default:
			line += " waiting"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// command is what the steps execute.
func (s *status) command() string {
	if s.Spec == nil {
		return ""
	}
	var lines []string
	for _, step := range s.Spec.Steps {
		text := step.Script
		if text == "" {
			text = strings.Join(append(append([]string{}, step.Command...), step.Args...), " ")
		}
		if text != "" && len(s.Spec.Steps) > 1 {
			text = "# step " + step.Name + "\n" + text
		}
		if text != "" {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, "\n")
}
