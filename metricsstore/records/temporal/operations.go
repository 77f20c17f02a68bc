package temporal

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// kinds of operations, by what their events begin with, and the rest of the event that orders one.
var kinds = []struct{ prefix, order string }{
	{"ActivityTask", "Scheduled"},
	{"Timer", "Started"},
	{"StartChildWorkflowExecution", "Initiated"},
	{"ChildWorkflowExecution", ""},
	{"NexusOperation", "Scheduled"},
	{"SignalExternalWorkflowExecution", "Initiated"},
	{"RequestCancelExternalWorkflowExecution", "Initiated"},
	{"ExternalWorkflowExecution", ""},
}

// readOperation reads an event of what the workflow has ordered.
func (h *history) readOperation(e *event) bool {
	for _, k := range kinds {
		rest, found := strings.CutPrefix(e.kind, k.prefix)
		if !found {
			continue
		}
		if rest == k.order {
			h.ordered(e, k.prefix)
			return true
		}
		scheduled := max(int64(e.Scheduled), int64(e.Initiated))
		if k.prefix == "Timer" {
			scheduled = int64(e.attributes.Started)
		}
		t, there := h.tasks[scheduled]
		if !there {
			h.run.Notes.LeftOut(1, "events are about a task that is not in the history")
			return true
		}
		h.progress(e, t, rest)
		return true
	}
	return false
}

// ordered adds the task that an event orders.
func (h *history) ordered(e *event, kind string) {
	t := records.NewTask("")
	switch kind {
	case "ActivityTask":
		t.Function, t.ID = e.ActivityType.Name, "activity "+e.ActivityID
		t.Command = string(e.Input)
	case "Timer":
		t.Function, t.ID = "timer", "timer "+strings.Trim(fmt.Sprint(e.TimerID), `"`)
	case "StartChildWorkflowExecution":
		t.Function, t.ID = e.WorkflowType.Name, "child workflow "+e.WorkflowID
		t.Command = string(e.Input)
	case "NexusOperation":
		t.Function, t.ID = strings.Trim(e.Service+"."+e.Operation, "."), "Nexus operation"
		t.Command = e.Endpoint
	case "SignalExternalWorkflowExecution":
		t.Function, t.ID = "signal "+e.SignalName, "signal to "+e.Execution.WorkflowID
	default:
		t.Function, t.ID = "cancel request", "cancel request to "+e.Execution.WorkflowID
	}
	t.Name = t.Function
	if t.Function == "" || t.Function == "timer" {
		t.Name = t.ID
	}
	// An ID may be used again after the first use has ended.
	t.ID = fmt.Sprintf("%s (event %d)", strings.TrimSpace(t.ID), e.id)
	a := records.NewAttempt()
	a.Ready = e.at
	if kind == "Timer" {
		a.Claimed, a.Started = e.at, e.at
		if e.Fires != "" {
			a.Log = "set to " + e.Fires
		}
	}
	t.Attempts = []records.Attempt{a}
	if order, there := h.orders[int64(e.Decision)]; there {
		t.Parents = []int32{order}
	} else {
		h.run.Notes.LeftOut(1, "operations name no workflow task of the history that ordered them")
	}
	h.tasks[e.id] = h.add(t)
}

// progress reads an event about the task t.
func (h *history) progress(e *event, t int32, what string) {
	a := h.last(t)
	if a.Outcome != record.NoOutcome {
		h.run.Notes.LeftOut(1, "events are about an attempt that had ended")
		return
	}
	switch what {
	case "Started":
		h.started(e, t)
		return
	case "Completed", "Fired", "Signaled", "CancelRequested":
		if what == "CancelRequested" && !strings.HasPrefix(e.kind, "External") {
			a.Log = line(a.Log, "a request to cancel it came in")
			return
		}
		a.Outcome = record.OutcomeOK
	case "Failed", "TimedOut":
		a.Outcome = record.OutcomeFailed
		a.Error = h.failure(e, what)
	case "Canceled", "Terminated":
		a.Outcome = record.OutcomeCancelled
		a.Error = &records.Failure{Kind: record.CancelledError, Message: e.Failure.text()}
	default: // CancelRequestCompleted and what newer versions may have
		a.Log = line(a.Log, "event "+e.kind)
		return
	}
	a.Ended = e.at
	if e.kind != "TimerCanceled" { // that is an order of the workflow itself, not news for it
		h.ended = append(h.ended, t)
	}
}

// maxEarlier is how many attempts before the last are in the run. What they were is not recorded.
const maxEarlier = 20

// started reads that an attempt has started, and how many there were before.
func (h *history) started(e *event, t int32) {
	task, a := h.task(t), h.last(t)
	a.Claimed, a.Started = e.at, e.at
	a.Worker = h.worker(e.Identity)
	if e.Execution.RunID != "" {
		a.Log = line(a.Log, "run id "+e.Execution.RunID)
	}
	if e.Attempt <= 1 {
		return
	}
	final := *a
	final.Ready = e.at
	final.Log = line(final.Log, fmt.Sprintf("attempt %d, of which only this one is recorded", e.Attempt))
	earlier := int(min(e.Attempt-1, maxEarlier))
	task.Attempts = nil
	for k := range earlier {
		lost := records.NewAttempt()
		lost.Outcome = record.OutcomeFailed
		if k == earlier-1 && e.LastFailure != nil {
			lost.Error = &records.Failure{Message: e.LastFailure.text(), Stack: e.LastFailure.stack()}
		}
		task.Attempts = append(task.Attempts, lost)
	}
	task.Attempts = append(task.Attempts, final)
	h.run.Notes.Inferred(earlier, "attempts are not recorded except for their number; they have no duration here")
	h.run.Notes.LeftOut(int(e.Attempt)-1-earlier, "attempts before the last")
}

func (h *history) failure(e *event, what string) *records.Failure {
	f := &records.Failure{Message: e.Failure.text(), Stack: e.Failure.stack()}
	if what == "TimedOut" {
		f.Kind = record.TimeoutError
	}
	if cause := word(e.Cause, "START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_"); f.Message == "" {
		f.Message = strings.TrimSpace(strings.ToLower(what) + " " + cause)
	}
	return f
}

// maxShared is how many edges a local activity may share with the workflow task that it ran in, lest m of these and n of
// those need m·n.
const maxShared = 64

// readMarker reads a marker. Those of local activities are the only trace of them.
func (h *history) readMarker(e *event) {
	if name := strings.ToLower(strings.ReplaceAll(e.MarkerName, "_", "")); !strings.HasSuffix(name, "localactivity") {
		h.run.Notes.LeftOut(1, "markers that are no local activity")
		return
	}
	local := readLocal(e)
	t := records.NewTask(fmt.Sprintf("local activity %s (event %d)", local.ActivityID, e.id))
	t.Name, t.Function, t.Command = local.ActivityType, local.ActivityType, string(e.Details["input"])
	if t.Function == "" {
		t.Name, t.Function = "local activity", "local activity"
	}
	a := records.NewAttempt()
	a.Ready, a.Ended, a.Outcome, a.Log = local.Scheduled.Moment, e.at, record.OutcomeOK, "local activity"
	if local.Completed.Known() {
		a.Ended = local.Completed.Moment
	}
	if local.Attempt > 1 {
		a.Log = line(a.Log, fmt.Sprintf("attempt %d, of which only this one is recorded", local.Attempt))
	}
	if e.Failure != nil {
		a.Outcome, a.Error = record.OutcomeFailed, h.failure(e, "failed")
	}
	t.Attempts = []records.Attempt{a}
	// It ran within a workflow task, so it waited for the same as that.
	if len(h.before) <= maxShared {
		t.Parents = append(t.Parents, h.before...)
	} else {
		h.run.Notes.LeftOut(len(h.before), "edges to local activities, of those that their workflow tasks have as well")
	}
	h.ended = append(h.ended, h.add(t))
}

// local is what a marker says about a local activity.
type local struct {
	ActivityID   string `json:"activity_id"`
	ActivityType string `json:"activity_type"`
	Attempt      int64  `json:"attempt"`
	Completed    stamp  `json:"complete_time"`
	Scheduled    stamp  `json:"original_schedule_time"`
}

// readLocal reads the details of a marker, which differ by the SDK that wrote it: separate ones (Java), or one named
// data with names in words with underscores (the core of the others) or in one word (Go).
func readLocal(e *event) local {
	l := local{Completed: stamp{records.Unknown}, Scheduled: stamp{records.Unknown}}
	if data := e.Details["data"]; data != "" {
		var goes struct {
			ID      string `json:"ActivityID"`
			Type    string `json:"ActivityType"`
			Attempt int64  `json:"Attempt"`
		}
		if json.Unmarshal([]byte(data), &l) == nil && l.ActivityType == "" && json.Unmarshal([]byte(data), &goes) == nil {
			l.ActivityID, l.ActivityType, l.Attempt = goes.ID, goes.Type, goes.Attempt
		}
		return l
	}
	l.ActivityID, l.ActivityType = strings.Trim(string(e.Details["activityId"]), `"`), strings.Trim(string(e.Details["type"]), `"`)
	return l
}

// line adds a line to a log.
func line(log, text string) string {
	if log == "" {
		return text
	}
	return log + "\n" + text
}
