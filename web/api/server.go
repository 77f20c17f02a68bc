package api

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine"
)

// WorkerState is what a live worker of this process is at.
type WorkerState struct {
	Name        string
	Host        string
	PID         int
	Width       int // processors that tasks may keep busy
	Slots       int // lanes that there are by now
	Busy        int // lanes that execute a task
	Leaked      int // lanes given up with their body
	StartedAt   time.Time
	LastBeat    time.Time
	Warm        bool                 // it has executed a run before
	Running     map[engine.RunID]int // tasks that it executes, by run it takes part in
	TasksDone   int64
	CPU         time.Duration
	MemoryBytes int64
}

func (a *API) listWorkflows(context.Context, *nothing) (*answer[WorkflowList], error) {
	out := WorkflowList{Workflows: []Workflow{}}
	for _, w := range a.cfg.Engine.Workflows() {
		out.Workflows = append(out.Workflows, newWorkflow(w))
	}
	return answered("", out), nil
}

func (a *API) getWorkflow(_ context.Context, in *workflowInput) (*answer[Workflow], error) {
	w, err := a.cfg.Engine.Workflow(in.Name)
	if err != nil {
		return nil, err
	}
	return answered("", newWorkflow(w)), nil
}

func (a *API) listWorkers(ctx context.Context, _ *nothing) (*answer[WorkerList], error) {
	out := WorkerList{Workers: []Worker{}}
	for _, s := range a.cfg.Workers() {
		w := Worker{
			Name: s.Name, Host: s.Host, PID: s.PID, Width: s.Width, Slots: s.Slots, Busy: s.Busy, Leaked: s.Leaked,
			StartedAt: s.StartedAt.UTC(), LastBeat: s.LastBeat.UTC(), Warm: s.Warm, Runs: []WorkerRun{}, TasksDone: s.TasksDone,
			CPUNS: int64(s.CPU), MemoryBytes: s.MemoryBytes,
		}
		for id, n := range s.Running {
			w.Runs = append(w.Runs, WorkerRun{Run: id, Name: runName(id), Workflow: a.workflowOf(ctx, id), Running: n})
		}
		slices.SortFunc(w.Runs, func(x, y WorkerRun) int { return cmp.Compare(x.Run, y.Run) })
		out.Workers = append(out.Workers, w)
	}
	return answered("", out), nil
}

// workflowOf names the workflow of a run, empty where the run is gone.
func (a *API) workflowOf(ctx context.Context, id engine.RunID) string {
	if own, err := a.cfg.Engine.Get(id); err == nil {
		return own.Info().Workflow
	}
	kept, _ := a.cfg.Store.Run(ctx, id)
	return kept.Info.Workflow
}
