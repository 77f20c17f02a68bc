package api

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine"
)

// WorkerState is what a worker is at.
type WorkerState struct {
	Name      string // one of its own among the processes of the store
	Host      string
	PID       int
	Width     int // processors that tasks may keep busy
	Slots     int // lanes that there are by now
	Busy      int // lanes that execute a task
	Leaked    int // lanes given up with their body
	StartedAt time.Time
	LastBeat  time.Time
	Lost      bool // it was not heard of for longer than its lease; LastBeat tells when
	Warm      bool // it has executed a run before
	// Functions that it can execute, as name, or name@version above 0; nil for those of the server's workflows.
	Functions []string
	// Sessions are its parts in runs that several processes share.
	Sessions    []WorkerSession
	Running     map[engine.RunID]int // tasks that it executes, by run it takes part in
	TasksDone   int64
	CPU         time.Duration
	MemoryBytes int64
}

// WorkerSession is the part that a worker has in one run.
type WorkerSession struct {
	Run    engine.RunID
	Number int // of the worker in the run's log, as in engine.Step
	Claims int // tasks that it holds, those that wait for a lane included
}

func (a *API) getServer(context.Context, *nothing) (*answer[Server], error) {
	return answered("", Server{
		Shared: a.cfg.Shared, WorkerCommand: a.cfg.WorkerCommand, Program: a.cfg.Program, Place: a.cfg.Place,
	}), nil
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
	workers, err := a.cfg.Workers(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	for _, s := range workers {
		out.Workers = append(out.Workers, Worker{
			Name: s.Name, Host: s.Host, PID: s.PID, Width: s.Width, Slots: s.Slots, Busy: s.Busy, Leaked: s.Leaked,
			StartedAt: s.StartedAt.UTC(), LastBeat: s.LastBeat.UTC(), Lost: s.Lost, Warm: s.Warm, Functions: listOf(s.Functions),
			Runs: a.runsOf(ctx, &s), TasksDone: s.TasksDone, CPUNS: int64(s.CPU), MemoryBytes: s.MemoryBytes,
		})
	}
	return answered("", out), nil
}

// runsOf lists the runs that a worker takes part in: those that it executes tasks of, and those that it has a session in.
func (a *API) runsOf(ctx context.Context, s *WorkerState) []WorkerRun {
	runs := map[engine.RunID]*WorkerRun{}
	part := func(id engine.RunID) *WorkerRun {
		if runs[id] == nil {
			runs[id] = &WorkerRun{Run: id, Name: runName(id), Workflow: a.workflowOf(ctx, id)}
		}
		return runs[id]
	}
	for id, n := range s.Running {
		part(id).Running = n
	}
	for i := range s.Sessions {
		session := &s.Sessions[i]
		r := part(session.Run)
		r.Number, r.Claims = &session.Number, &session.Claims
	}
	out := []WorkerRun{}
	for _, id := range slices.Sorted(maps.Keys(runs)) {
		out = append(out, *runs[id])
	}
	return out
}

// workflowOf names the workflow of a run, empty where the run is gone.
func (a *API) workflowOf(ctx context.Context, id engine.RunID) string {
	if own, err := a.cfg.Engine.Get(id); err == nil {
		return own.Info().Workflow
	}
	kept, _ := a.cfg.Store.Run(ctx, id)
	return kept.Info.Workflow
}
