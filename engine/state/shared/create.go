package shared

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

// storedJob is what the store keeps of a job next to its graph.
type storedJob struct {
	Info    record.RunInfo    `json:"info"`
	Options engine.RunOptions `json:"options"`
}

var noHooks = state.Hooks{}

// Create implements state.Store.
func (s *Store) Create(ctx context.Context, job execution.Job, hooks state.Hooks) (state.Run, error) {
	offer, err := newOffer(job)
	if err != nil {
		return nil, err
	}
	for _, c := range offer.Constants {
		if most := s.cfg.ValueBytes; len(c) > most {
			return nil, fmt.Errorf("%w: a constant takes %d bytes, at most %d can be shared", dag.ErrInvalidGraph, len(c), most)
		}
	}
	disown := s.own.reserve(job.Info.ID) // before there is news of it
	if err := s.backend.Create(ctx, offer); err != nil {
		disown()
		return nil, err
	}
	s.own.confirm(job.Info.ID)
	kept, err := s.backend.Open(ctx, job.Info.ID)
	if err != nil { // the run exists, so its submission must not fail
		s.cfg.Log.Error("a run that was created cannot be read", "run", job.Info.ID, "error", err)
		kept = Stored{StartedAt: time.Now(), Status: record.Running}
	}
	r := newRun(s, job, kept, hooks)
	s.startRun(context.Background(), r)
	r.inviteWorkers(offer.Roots)
	return r, nil
}

// newOffer makes what the store keeps of a job.
func newOffer(job execution.Job) (NewRun, error) {
	g := job.Graph
	graph, constants, err := g.AppendGraph(nil)
	if err != nil {
		return NewRun{}, err
	}
	data, err := json.Marshal(storedJob{job.Info, job.Options})
	if err != nil {
		return NewRun{}, err
	}
	roots, bits := member.Roots(g)
	r := NewRun{
		ID: job.Info.ID, Job: data, Graph: graph, Nodes: g.Scope(0).Len(), Edges: bits, Tasks: g.Tasks(),
		Limit: job.Options.Limits.WithDefaults(), LimitEdges: g.Edges(), Sinks: int(g.Scope(0).Sinks()), Policy: job.Options.Policy,
		Unlogged: job.Options.Unlogged, Constants: constants, Roots: roots, MaxConcurrent: map[ledger.Class]int{},
	}
	for i, f := range g.Functions() {
		if n := f.Options().MaxConcurrent; n > 0 {
			r.MaxConcurrent[ledger.Class(i)] = n
		}
	}
	return r, nil
}

// decodeJob makes a job from what the store keeps.
func decodeJob(kept Stored, find func(workflow string, function engine.Signature) *engine.Function) (execution.Job, error) {
	var job storedJob
	if err := json.Unmarshal(kept.Job, &job); err != nil {
		return execution.Job{}, fmt.Errorf("shared: a job cannot be read: %w", err)
	}
	job.Info.Revision, job.Info.StartedAt = kept.Revision, kept.StartedAt
	constant := func(hash string) ([]byte, error) {
		if value, ok := kept.Constants[hash]; ok {
			return value, nil
		}
		return nil, fmt.Errorf("shared: constant %s of run %s is gone", hash, job.Info.ID)
	}
	g, err := dag.DecodeGraph(kept.Graph, constant, func(function engine.Signature) *engine.Function {
		return find(job.Info.Workflow, function)
	})
	if err != nil {
		return execution.Job{}, fmt.Errorf("shared: the graph of run %s: %w", job.Info.ID, err)
	}
	return execution.Job{Info: job.Info, Graph: g, Options: job.Options}, nil
}

// ownRuns are the runs that this process has created, so that its searches skip them. Runs that the store does not list
// any more are forgotten.
type ownRuns struct {
	mu      sync.Mutex
	created map[record.RunID]time.Time // guarded by mu; when the creation was confirmed, zero before
}

// reserve records that a run is being created here, unless it already was; disown undoes that.
func (o *ownRuns) reserve(id record.RunID) (disown func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.created[id]; ok {
		return func() {}
	}
	o.created[id] = time.Time{}
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.created, id)
	}
}

// confirm records that the store lists the run from now on.
func (o *ownRuns) confirm(id record.RunID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.created[id] = time.Now()
}

func (o *ownRuns) has(id record.RunID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, ok := o.created[id]
	return ok
}

// forget removes runs that were confirmed before a moment and are gone.
func (o *ownRuns) forget(before time.Time, isGone func(record.RunID, int) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.DeleteFunc(o.created, func(id record.RunID, at time.Time) bool {
		return !at.IsZero() && at.Before(before) && isGone(id, 0)
	})
}
