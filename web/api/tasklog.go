package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	pool "github.com/dagscope/dagscope/engine/worker"
)

// taskLog is a part of the log of a task that is being executed.
type taskLog struct {
	State   string `json:"state" enum:"running,ended,waiting,elsewhere" doc:"running: an attempt is being executed and may log more. ended: the attempt or the run has ended. waiting: no attempt is being executed. elsewhere: only the worker has the log until the attempt ends."`
	Epoch   int    `json:"epoch"`
	Attempt int    `json:"attempt" doc:"0 if there is none."`
	Text    string `json:"text" doc:"What is new, at most 64 KiB."`
	Missed  int64  `json:"missed" doc:"How many bytes before the text are not kept any more."`
	Next    string `json:"next" doc:"Value of query.after for what follows; empty once the attempt has ended."`
}

// States of logs.
const (
	logRunning   = "running"
	logEnded     = "ended"
	logWaiting   = "waiting"
	logElsewhere = "elsewhere"
)

type taskLogInput struct {
	OfRun
	Node   uint32 `path:"node" doc:"The number of the task's node."`
	After  string `query:"after" maxLength:"64" doc:"next of the preceding answer; empty for all that is kept of the attempt that is being executed."`
	WaitMS int    `query:"wait_ms" minimum:"0" maximum:"10000" default:"10000" doc:"How long to wait until there is more."`
}

// getTaskLog answers with what is new. It waits without one of the places for heavy queries: it reads no record.
func (h *insideHandlers) getTaskLog(ctx context.Context, in *taskLogInput) (*answer[taskLog], error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	var after pool.LogPosition
	if in.After != "" {
		if err := after.UnmarshalText([]byte(in.After)); err != nil {
			return nil, NewProblem(http.StatusBadRequest, "query.after is %q, expected next of a preceding answer", cut(in.After, 64))
		}
	}
	if run.Status.Final() && in.After == "" {
		return answered("", taskLog{State: logEnded}), nil
	}
	part, err := pool.LogPart{}, ErrUnreached
	if h.cfg.TaskLog != nil {
		waiting, cancel := context.WithTimeout(ctx, time.Duration(in.WaitMS)*time.Millisecond)
		defer cancel()
		part, err = h.cfg.TaskLog(waiting, in.id(), dag.NodeID(in.Node), after)
	}
	switch {
	case errors.Is(err, ErrUnreached) && run.Status.Final():
		return answered("", taskLog{State: logEnded}), nil
	case errors.Is(err, ErrUnreached):
		return answered("", taskLog{State: logElsewhere}), nil
	case err != nil:
		return nil, err
	}
	return answered("", newTaskLog(part)), nil
}

// newTaskLog describes a part of a log.
func newTaskLog(part pool.LogPart) taskLog {
	out := taskLog{
		State: logRunning, Epoch: part.Next.Epoch, Attempt: part.Next.Attempt,
		Text: strings.ToValidUTF8(string(part.Text), "�"), Missed: part.Missed,
	}
	switch {
	case part.Running:
		next, _ := part.Next.MarshalText() // it cannot fail
		out.Next = string(next)
	case part.Next.Attempt > 0:
		out.State = logEnded
	default:
		out.State = logWaiting
	}
	return out
}
