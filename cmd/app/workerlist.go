package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
	"github.com/dagscope/dagscope/web/api"
)

// workersWithin bounds how long a page waits for the list of workers.
const workersWithin = 2 * time.Second

// listWorkers lists the worker of this process and, if runs are shared, those of other processes.
func listWorkers(ctx context.Context, pool *worker.Pool, h *home) ([]api.WorkerState, error) {
	own := pool.Snapshot()
	if h.redis == nil {
		return []api.WorkerState{workerState(own)}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, workersWithin)
	defer cancel()
	others, err := fleet.ListPresent(ctx, h.redis.Client, h.redis.Prefix)
	if err != nil {
		return nil, err
	}
	var states []api.WorkerState
	for i := range others {
		if others[i].Name != own.Name {
			states = append(states, stateOf(&others[i]))
		}
	}
	if own.Width > 0 {
		states = append(states, workerState(own))
	}
	addSessions(ctx, h, states)
	return states, nil
}

// stateOf is what pages show about a worker in another process.
func stateOf(p *fleet.Present) api.WorkerState {
	return api.WorkerState{Snapshot: p.Snapshot, LastBeat: p.LastBeat, Lost: p.Lost, Functions: p.Functions, Code: p.Code}
}

// addSessions adds the sessions of each worker in shared runs.
func addSessions(ctx context.Context, h *home, states []api.WorkerState) {
	runs := map[record.RunID]bool{}
	byName := map[string]*api.WorkerState{}
	for i := range states {
		byName[states[i].Name] = &states[i]
		for id := range states[i].Running {
			runs[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(runs)) {
		sessions, err := h.backend.Workers(ctx, id)
		if err != nil {
			continue // the run has just ended, or the next call reads it
		}
		for _, session := range sessions {
			var self record.WorkerRecord
			if json.Unmarshal(session.Record, &self) != nil || byName[self.Name] == nil {
				continue
			}
			w := byName[self.Name]
			w.Sessions = append(w.Sessions, api.WorkerSession{Run: id, Number: int(session.Number), Claims: session.Claims})
		}
	}
}

// liveRuns knows which runs are active in other processes, including runs that no process records at the moment. The
// goroutine of housekeeping stores active; has is safe for concurrent use.
type liveRuns struct {
	home   *home
	engine *engine.Engine
	active atomic.Pointer[map[record.RunID]bool]
}

// look reads which runs have not ended; it returns false if that cannot be known.
func (l *liveRuns) look(ctx context.Context, log *slog.Logger) bool {
	if l.home.redis == nil {
		return true
	}
	ids, err := l.home.backend.Active(ctx)
	if err != nil {
		if ctx.Err() == nil {
			log.Error("cannot list active runs, so none is archived", "error", err)
		}
		return false
	}
	active := map[record.RunID]bool{}
	for _, id := range ids {
		active[id] = true
	}
	l.active.Store(&active)
	return true
}

// has reports whether a run is active, or its end is about to be recorded by this process.
func (l *liveRuns) has(id record.RunID) bool {
	if active := l.active.Load(); active != nil && (*active)[id] {
		return true
	}
	r, err := l.engine.Get(id)
	if err != nil {
		return false
	}
	select {
	case <-r.Recorded():
		return false
	default:
		return true
	}
}

// workerState is what pages show about the worker in this process.
func workerState(s worker.Snapshot) api.WorkerState {
	return api.WorkerState{Snapshot: s, LastBeat: time.Now()}
}
