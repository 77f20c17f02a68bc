package api

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	pool "github.com/dagscope/dagscope/engine/worker"
)

// WorkerState is the current state of a worker.
type WorkerState struct {
	pool.Snapshot           // with a name that is unique among the processes of the store
	LastBeat      time.Time // of its last heartbeat
	Lost          bool      // it has been silent for longer than its lease, since LastBeat
	// Functions are those it can execute, as name, or name@version above version 0; nil for those of the server's workflows.
	Functions []string
	Code      bool            // it executes what is not compiled into it
	Sessions  []WorkerSession // in shared runs
}

// WorkerSession is the session of a worker in one shared run.
type WorkerSession struct {
	Run    record.RunID
	Number int // of the worker in the run's log, as in record.Step
	Claims int // tasks that it has claimed, including those that wait for a lane
}

// serverHandlers describe the server, its workflows and its workers.
type serverHandlers struct{ cfg Config }

func (h *serverHandlers) getServer(context.Context, *nothing) (*answer[server], error) {
	return answered("", server{
		Shared: h.cfg.Shared, WorkerCommand: h.cfg.WorkerCommand, Program: h.cfg.Program, Place: h.cfg.Place,
	}), nil
}

func (h *serverHandlers) listWorkflows(context.Context, *nothing) (*answer[workflowList], error) {
	out := workflowList{Workflows: []Workflow{}, Broken: []brokenFile{}, Followed: h.cfg.Broken != nil}
	if out.Followed {
		out.Broken = newBroken(h.cfg.Broken())
	}
	for _, w := range h.cfg.Engine.Workflows() {
		out.Workflows = append(out.Workflows, newWorkflow(w))
	}
	return answered("", out), nil
}

func (h *serverHandlers) getWorkflow(_ context.Context, in *workflowInput) (*answer[Workflow], error) {
	w, err := h.cfg.Engine.Workflow(in.Name)
	if err != nil {
		return nil, err
	}
	return answered("", newWorkflow(w)), nil
}

func (h *serverHandlers) listWorkers(ctx context.Context, _ *nothing) (*answer[workerList], error) {
	out := workerList{Workers: []worker{}}
	workers, err := h.cfg.Workers(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	for _, s := range workers {
		out.Workers = append(out.Workers, worker{
			Name: s.Name, Host: s.Host, PID: s.PID, Width: s.Width, TaskMemory: s.TaskMemory, Slots: s.Slots, Busy: s.Busy, Leaked: s.Leaked,
			StartedAt: s.StartedAt.UTC(), LastBeat: s.LastBeat.UTC(), Lost: s.Lost, Warm: s.Warm, Functions: listOf(s.Functions), Code: s.Code,
			Preparing: preparingOf(s.Preparing),
			Runs:      h.runsOf(ctx, &s), TasksDone: s.TasksDone, CPUNS: int64(s.CPU), MemoryBytes: s.MemoryBytes,
		})
	}
	return answered("", out), nil
}

// runsOf lists the runs in which a worker takes part: it executes tasks of them, or has a session in them.
func (h *serverHandlers) runsOf(ctx context.Context, s *WorkerState) []workerRun {
	runs := map[record.RunID]*workerRun{}
	part := func(id record.RunID) *workerRun {
		if runs[id] == nil {
			runs[id] = &workerRun{Run: id, Name: runName(id), Workflow: h.workflowOf(ctx, id)}
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
	out := []workerRun{}
	for _, id := range slices.Sorted(maps.Keys(runs)) {
		out = append(out, *runs[id])
	}
	return out
}

// workflowOf returns the name of the workflow of a run, empty if the run was deleted.
func (h *serverHandlers) workflowOf(ctx context.Context, id record.RunID) string {
	if own, err := h.cfg.Engine.Get(id); err == nil {
		return own.Info().Workflow
	}
	kept, _ := h.cfg.Store.Run(ctx, id)
	return kept.Info.Workflow
}
