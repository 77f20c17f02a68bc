package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

func (h *insideHandlers) listTasks(ctx context.Context, in *tasksInput) (*answer[taskList], error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	if in.State != "" {
		return h.listUntried(ctx, &run, in)
	}
	outcomes, err := outcomesOf(in.Outcome)
	if err != nil {
		return nil, err
	}
	tag := runTag(&run, "tasks", in.Function, in.Outcome, in.Worker.pointer(), in.Sort, in.Order, in.Limit, in.Cursor)
	return heavily(ctx, h.records, in, tag, func(ctx context.Context) (taskList, error) {
		page, err := h.queries.Records(ctx, metricsstore.RecordQuery{
			Run: in.id(), Function: in.Function, Outcomes: outcomes, Worker: in.Worker.pointer(), Sort: in.Sort,
			Ascending: in.Order == "asc", Limit: in.Limit, Cursor: in.Cursor,
		})
		if err != nil {
			return taskList{}, err
		}
		out := taskList{Tasks: make([]Attempt, len(page.Records)), Total: page.Total, Next: page.Next, AsOf: page.AsOf}
		for i := range page.Records {
			out.Tasks[i] = newAttempt(&page.Records[i], run.Info.StartedAt)
		}
		return out, nil
	})
}

// outcomesOf parses outcomes.
func outcomesOf(names []string) ([]record.Outcome, error) {
	var out []record.Outcome
	for _, name := range names {
		var o record.Outcome
		if err := o.UnmarshalText([]byte(name)); err != nil {
			return nil, NewProblem(http.StatusBadRequest, "query.outcome: %s", plain(err))
		}
		out = append(out, o)
	}
	return out, nil
}

func (h *insideHandlers) getTask(ctx context.Context, in *taskInput) (*answer[task], error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	return heavily(ctx, h.records, in, runTag(&run, "task", in.Node), func(ctx context.Context) (task, error) {
		return h.task(ctx, &run, dag.NodeID(in.Node))
	})
}

// task collects everything known about one node, in one pass over the log.
func (h *insideHandlers) task(ctx context.Context, run *metricsstore.Run, node dag.NodeID) (task, error) {
	attempts, numbering, asOf, err := h.attemptsOf(ctx, run.Info.ID, node)
	if err != nil {
		return task{}, err
	}
	if !numbering.Contains(node) || !numbering.IsTask(node) {
		return task{}, NewProblem(http.StatusNotFound, "node %d of run %s is not a task, as far as the log goes", node, run.Info.ID)
	}
	id := numbering.Identity(numbering.Locate(node))
	out := task{Node: node, Task: id.String(), Name: id.Name, Function: id.Function, Version: id.Version, Attempts: []attemptDetail{}, AsOf: asOf}
	for i := range attempts {
		detail, err := h.attemptDetail(ctx, run, &attempts[i], numbering)
		if err != nil {
			return task{}, err
		}
		out.Attempts = append(out.Attempts, detail)
	}
	return out, nil
}

// attemptOf is an attempt of a task, and the revision of the run in which it ended.
type attemptOf struct {
	record.TaskMetrics
	revision int
}

// attemptsOf reads the records of one node, and the numbering of the nodes from the rest of the log.
func (h *insideHandlers) attemptsOf(ctx context.Context, run record.RunID, node dag.NodeID) ([]attemptOf, *dag.Numbering, uint64, error) {
	decoder, log, err := h.queries.Decode(ctx, run)
	if err != nil {
		return nil, nil, 0, err
	}
	var out []attemptOf
	var room []record.TaskMetrics
	starts := 0
	err = log.Each(ctx, func(steps []record.Step) error {
		for i := range steps {
			s := &steps[i]
			if s.Kind == record.RunStarted {
				starts++ // once for each revision
			}
			if s.Kind != record.AttemptEnded || s.Node != node {
				decoder.EventCount(s) // so that the decoder follows expansions
				continue
			}
			room = decoder.Metrics(room[:0], steps[i:i+1])
			for _, m := range room {
				out = append(out, attemptOf{m, max(starts-1, 0)})
			}
		}
		if err := decoder.Err(); err != nil {
			return fmt.Errorf("%w: %w", metricsstore.ErrCorrupt, err)
		}
		return nil
	})
	if err != nil {
		return nil, nil, 0, err
	}
	return out, decoder.Numbering(), log.After(), nil
}

func (h *insideHandlers) attemptDetail(ctx context.Context, run *metricsstore.Run, m *attemptOf, n *dag.Numbering) (attemptDetail, error) {
	out := attemptDetail{Attempt: newAttempt(&m.TaskMetrics, run.Info.StartedAt)}
	d, err := h.queries.Detail(ctx, run.Info.ID, metricsstore.DetailKey{
		Revision: uint32(m.revision), Node: m.Node, Epoch: uint16(m.Epoch), Attempt: uint16(m.Attempt),
	})
	if errors.Is(err, metricsstore.ErrNotFound) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.Log = strings.ToValidUTF8(string(d.Log), "�")
	if e := d.Error; e != nil {
		out.Error = &attemptError{
			Kind: e.Kind, Message: e.Message, Stack: e.Stack, ExitCode: e.ExitCode, Signal: e.Signal, Worker: e.Worker, Host: e.Host,
		}
	}
	for _, i := range d.Inputs {
		in := input{From: i.From, Source: i.Source, Bytes: known(i.Bytes), FetchNS: int64(i.Fetch)}
		if n.Contains(i.From) && n.IsTask(i.From) {
			from := n.Identity(n.Locate(i.From))
			in.Task, in.Name = from.String(), from.Name
		}
		out.Inputs = append(out.Inputs, in)
	}
	return out, nil
}
