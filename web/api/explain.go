package api

import (
	"context"
	"net/http"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/analysis"
)

// criticalPath is the chain of tasks that a run ended with.
type criticalPath struct {
	Run        record.RunID        `json:"run"`
	MakespanNS int64               `json:"makespan_ns" doc:"From the first claim to the last end: what the phases add up to."`
	Steps      []namedStep         `json:"steps" doc:"In order of time; empty if no task has ended."`
	Phases     analysis.PathPhases `json:"phases" doc:"Sums over the steps."`
}

// namedStep is a step of a critical path with its task.
type namedStep struct {
	analysis.PathStep
	Task     string `json:"task"`
	Function string `json:"function"`
}

func (h *insideHandlers) getCriticalPath(ctx context.Context, in *runInput) (*answer[criticalPath], error) {
	run, err := h.ended(ctx, in.id())
	if err != nil {
		return nil, err
	}
	return heavily(ctx, h.records, in, runTag(&run, "critical-path"), func(ctx context.Context) (criticalPath, error) {
		r, err := analysis.Read(ctx, h.queries, &run)
		if err != nil {
			return criticalPath{}, err
		}
		out := criticalPath{Run: in.id(), Steps: []namedStep{}}
		path := r.Path()
		if path == nil {
			return out, nil
		}
		out.Phases, out.MakespanNS = path.Phases, path.Phases.Total()
		for _, s := range path.Steps {
			id := identity(r, s.Node)
			out.Steps = append(out.Steps, namedStep{PathStep: s, Task: id.String(), Function: id.Function})
		}
		return out, nil
	})
}

// longestChain is the longest chain of tasks that wait for each other.
type longestChain struct {
	Run       record.RunID `json:"run"`
	ExecuteNS int64        `json:"execute_ns" doc:"What the run would take with unlimited slots, if tasks took no longer for that."`
	Tasks     []chained    `json:"tasks" doc:"In their order."`
}

// chained is a task on a chain.
type chained struct {
	Node      dag.NodeID `json:"node"`
	Task      string     `json:"task"`
	Function  string     `json:"function"`
	ExecuteNS *int64     `json:"execute_ns" doc:"Null if it was not executed, such as a cached task."`
}

func (h *insideHandlers) getLongestChain(ctx context.Context, in *runInput) (*answer[longestChain], error) {
	run, err := h.ended(ctx, in.id())
	if err != nil {
		return nil, err
	}
	return heavily(ctx, h.records, in, runTag(&run, "longest-chain"), func(ctx context.Context) (longestChain, error) {
		r, err := analysis.Read(ctx, h.queries, &run)
		if err != nil {
			return longestChain{}, err
		}
		chain, execute := r.LongestChain(), r.ExecuteNS()
		out := longestChain{Run: in.id(), ExecuteNS: chain.Length, Tasks: []chained{}}
		for _, node := range chain.Nodes {
			id := identity(r, node)
			t := chained{Node: node, Task: id.String(), Function: id.Function}
			if execute[node] >= 0 { // not NaN
				t.ExecuteNS = new(int64(execute[node]))
			}
			out.Tasks = append(out.Tasks, t)
		}
		return out, nil
	})
}

func identity(r *analysis.Run, node dag.NodeID) dag.Identity {
	return r.Numbering.Identity(r.Numbering.Locate(node))
}

// ended is a kept run that has ended: of a live one nothing is explained, because what only the end can show is not guessed.
func (h *insideHandlers) ended(ctx context.Context, id record.RunID) (metricsstore.Run, error) {
	run, err := h.kept(ctx, id)
	if err == nil && !run.Status.Final() {
		err = NewProblem(http.StatusConflict, "run %s is %s, expected one that has ended: only then is it known what it was long for", id, run.Status)
	}
	return run, err
}
