package temporal

import (
	"fmt"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// history makes a run of the events of one execution.
type history struct {
	run     *records.Run
	events  []event
	tasks   map[int64]int32 // by the ID of the event that scheduled them
	starts  map[int64]*event
	workers map[string]int32
	ended   []int32         // tasks that ended since the last workflow task started
	code    int32           // the last workflow task that is not to be tried again, or None
	before  []int32         // what that one follows
	orders  map[int64]int32 // workflow tasks by the ID of the event that completed them
	trying  int32           // the workflow task whose last attempt failed, or None
	closed  bool
}

func (h *history) read() {
	h.tasks, h.starts, h.workers, h.orders = map[int64]int32{}, map[int64]*event{}, map[string]int32{}, map[int64]int32{}
	h.code, h.trying = records.None, records.None
	h.run.Workflow, h.run.Params = "workflow", map[string]string{}
	h.order()
	for i := range h.events {
		h.readEvent(&h.events[i])
	}
	if !h.closed {
		h.run.Status = record.Running
		if h.run.Incomplete == "" {
			h.run.Incomplete = "the history has no end, so the workflow was under way"
		}
	}
	h.remark()
}

// readEvent reads an event by what its kind begins with.
func (h *history) readEvent(e *event) {
	switch {
	case e.kind == "WorkflowExecutionStarted":
		h.start(e)
	case strings.HasPrefix(e.kind, "WorkflowTask"):
		h.readWorkflowTask(e)
	case e.kind == "MarkerRecorded":
		h.readMarker(e)
	case h.readOperation(e):
	case h.readEnd(e):
	case e.kind == "WorkflowExecutionSignaled":
		h.run.Notes.Recorded(1, "signals came in from outside")
	case e.kind == "WorkflowExecutionCancelRequested":
		h.run.Notes.Recorded(1, "requests to cancel the workflow came in")
	default:
		h.run.Notes.LeftOut(1, "events of type "+e.kind)
	}
}

// start reads what the execution is.
func (h *history) start(e *event) {
	r := h.run
	r.Started, r.Key = e.at, e.RunID
	if e.WorkflowType.Name != "" {
		r.Workflow = e.WorkflowType.Name
	}
	for name, value := range map[string]string{
		"workflow id": e.WorkflowID, "run id": e.RunID, "task queue": e.TaskQueue.Name, "cron": e.CronSchedule,
		"parent": e.Parent.WorkflowID, "input": string(e.Input),
	} {
		if value != "" {
			r.Params[name] = value
		}
	}
	if e.Attempt > 1 {
		r.Params["attempt"] = fmt.Sprint(int64(e.Attempt))
	}
}

// readEnd reads how the execution ended.
func (h *history) readEnd(e *event) bool {
	how, found := strings.CutPrefix(e.kind, "WorkflowExecution")
	if !found {
		return false
	}
	r := h.run
	switch how {
	case "Completed":
		r.Status = record.Succeeded
	case "ContinuedAsNew":
		r.Status = record.Succeeded
		r.Notes.Remark(record.NoteRecorded, "the workflow was continued as a new execution, %s", e.ContinuedAs)
	case "Failed":
		r.Status, r.Error = record.Failed, e.Failure.text()
	case "TimedOut":
		r.Status, r.Error = record.Failed, "the workflow timed out"
	case "Canceled":
		r.Status = record.Cancelled
	case "Terminated":
		r.Status, r.Error = record.Cancelled, "terminated: "+e.Reason
	default:
		return false
	}
	r.Ended, h.closed = e.at, true
	return true
}

// readWorkflowTask reads an event of a workflow task, in which the workflow's code runs.
func (h *history) readWorkflowTask(e *event) {
	if e.kind == "WorkflowTaskScheduled" {
		if h.trying == records.None {
			t := records.NewTask(fmt.Sprintf("workflow task %d", e.id))
			t.Function = "workflow task"
			h.trying = h.add(t)
		}
		h.tasks[e.id] = h.trying
		a := records.NewAttempt()
		a.Ready = e.at
		h.task(h.trying).Attempts = append(h.task(h.trying).Attempts, a)
		return
	}
	t, there := h.tasks[int64(e.Scheduled)]
	if !there {
		h.run.Notes.LeftOut(1, "events are about a task that is not in the history")
		return
	}
	a := h.last(t)
	if a.Outcome != record.NoOutcome {
		h.run.Notes.LeftOut(1, "events are about an attempt that had ended")
		return
	}
	switch e.kind {
	case "WorkflowTaskStarted":
		a.Claimed, a.Started = e.at, e.at
		a.Worker = h.worker(e.Identity)
		h.follow(t)
		return
	case "WorkflowTaskCompleted":
		a.Outcome = record.OutcomeOK
		h.orders[e.id] = t
		h.code, h.trying = t, records.None
	case "WorkflowTaskFailed":
		a.Outcome = record.OutcomeFailed
		a.Error = &records.Failure{Message: strings.TrimSpace(word(e.Cause, "WORKFLOW_TASK_FAILED_CAUSE_") + ": " + e.Failure.text())}
		if e.NewRunID != "" {
			h.run.Key = e.NewRunID // the execution is a reset one, which begins like the one before
		}
	case "WorkflowTaskTimedOut":
		a.Outcome = record.OutcomeFailed
		a.Error = &records.Failure{Kind: record.TimeoutError, Message: "timed out: " + word(e.Timeout, "TIMEOUT_TYPE_")}
	}
	a.Ended = e.at
	if w := h.worker(e.Identity); w != records.None {
		a.Worker = w
	}
}

// follow makes a workflow task that starts follow the one before and all that has ended since that started.
func (h *history) follow(t int32) {
	task := h.task(t)
	if len(task.Attempts) == 1 && h.code != records.None {
		task.Parents = append(task.Parents, h.code)
	}
	task.Parents = append(task.Parents, h.ended...)
	h.ended, h.before = nil, task.Parents
}

func (h *history) add(t records.Task) int32 {
	h.run.Tasks = append(h.run.Tasks, t)
	return int32(len(h.run.Tasks) - 1)
}

func (h *history) task(i int32) *records.Task { return &h.run.Tasks[i] }

// last is the last attempt of a task.
func (h *history) last(i int32) *records.Attempt {
	attempts := h.run.Tasks[i].Attempts
	return &attempts[len(attempts)-1]
}

// worker is the one with an identity, which is a process and a host by default.
func (h *history) worker(identity string) int32 {
	if identity == "" || identity == "history-service" {
		return records.None
	}
	w, there := h.workers[identity]
	if !there {
		w = h.run.AddWorker(identity)
		if _, host, found := strings.Cut(identity, "@"); found {
			h.run.Workers[w].Host = strings.TrimRight(host, "@")
		}
		h.workers[identity] = w
	}
	return w
}

// remark says what the history as a whole is like.
func (h *history) remark() {
	back := 0
	for i := 1; i < len(h.events); i++ {
		if a, b := h.events[i-1].at, h.events[i].at; a.Known() && b.Known() && b < a {
			back++
		}
	}
	h.run.Notes.Recorded(back, "events have a moment before that of the event before them")
}

// text is a failure and those that caused it, in a line each.
func (f *failure) text() string {
	var lines []string
	for ; f != nil && len(lines) < 20; f = f.Cause {
		line := f.Message
		if f.App.Type != "" {
			line = f.App.Type + ": " + line
		}
		if t := word(f.Timeout.Type, "TIMEOUT_TYPE_"); t != "" {
			line += " (" + t + ")"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// stack is the stack of the first failure that has one, from the cause upwards.
func (f *failure) stack() string {
	stack := ""
	for ; f != nil; f = f.Cause {
		if f.Stack != "" {
			stack = f.Stack
		}
	}
	return stack
}
