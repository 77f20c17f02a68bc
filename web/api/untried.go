package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// untriedStates are the final states of tasks without any attempt.
var untriedStates = map[string]runtable.State{"skipped": runtable.Skipped, "not_run": runtable.NotRun}

// listUntried lists tasks without any attempt. The cursor is the last node of the preceding page.
func (h *insideHandlers) listUntried(ctx context.Context, run *metricsstore.Run, in *tasksInput) (*answer[taskList], error) {
	if len(in.Outcome) > 0 || in.Worker.pointer() != nil || in.Sort != "" {
		return nil, NewProblem(http.StatusBadRequest, "query.state is %s, expected neither outcome nor worker nor sort with it: there is no attempt", in.State)
	}
	after := int64(-1)
	if in.Cursor != "" {
		node, err := strconv.ParseUint(in.Cursor, 10, 32)
		if err != nil {
			return nil, NewProblem(http.StatusBadRequest, "query.cursor is not from this list, expected next of the preceding page")
		}
		after = int64(node)
	}
	tag := runTag(run, "untried", in.State, in.Function, in.Limit, in.Cursor)
	return heavily(ctx, h.records, in, tag, func(ctx context.Context) (taskList, error) {
		table, err := h.table(ctx, run)
		if err != nil {
			return taskList{}, err
		}
		numbering := table.Numbering()
		out := taskList{Tasks: []Attempt{}, AsOf: table.Seq()}
		for _, node := range table.TasksIn(untriedStates[in.State], table.End()) {
			task := numbering.Identity(numbering.Locate(node))
			if in.Function != "" && in.Function != task.Function {
				continue
			}
			if out.Total++; int64(node) <= after {
				continue
			}
			if len(out.Tasks) == in.Limit {
				out.Next = cmp.Or(out.Next, strconv.FormatUint(uint64(out.Tasks[in.Limit-1].Node), 10))
				continue
			}
			out.Tasks = append(out.Tasks, untried(node, task, untriedStates[in.State]))
		}
		out.Tasks = slices.Clip(out.Tasks)
		return out, nil
	})
}

func untried(node dag.NodeID, task dag.Identity, state runtable.State) Attempt {
	a := Attempt{Node: node, Task: task.String(), Name: task.Name, Function: task.Function, Version: task.Version}
	if state == runtable.Skipped {
		a.Outcome = record.OutcomeSkipped
	}
	return a
}
