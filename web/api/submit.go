package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// active bounds the active runs. It keeps only their Done channels, so that ended runs can be collected before the next
// call. Safe for concurrent use.
type active struct {
	mu      sync.Mutex        // guards both below
	runs    []<-chan struct{} // closed when the run has ended
	pending int               // submissions that have a place but no run yet
}

// enter acquires one of limit places.
func (a *active) enter(limit int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.prune()
	if len(a.runs)+a.pending >= limit {
		return false
	}
	a.pending++
	return true
}

// leave assigns the place to a run, or releases it if there is none.
func (a *active) leave(r *engine.Run) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending--
	if r != nil {
		a.runs = append(a.runs, r.Done())
	}
}

func (a *active) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.prune()
	return len(a.runs)
}

func (a *active) prune() {
	a.runs = slices.DeleteFunc(a.runs, func(ended <-chan struct{}) bool {
		select {
		case <-ended:
			return true
		default:
			return false
		}
	})
}

// submitHandlers start runs. Safe for concurrent use.
type submitHandlers struct {
	*summaries
	schemas huma.Registry // with the schema of submissions
	keys    *idempotency
	active  active
}

func (h *submitHandlers) submitRun(ctx context.Context, in *submitInput) (*created, error) {
	s, err := h.readSubmission(in.writer, in.request)
	if err != nil {
		return nil, err
	}
	if s.Tags, err = checkTags(s.Tags); err != nil {
		return nil, err
	}
	if _, err := metricsstore.ParseStrategy(s.Upload); err != nil {
		return nil, NewProblem(http.StatusUnprocessableEntity, "body.upload: %s", plain(err))
	}
	id, err := h.keys.submit(ctx, in.IdempotencyKey, s.sum(), func() (record.RunID, error) { return h.submitOnce(ctx, s, in.IdempotencyKey) })
	if err != nil {
		return nil, err
	}
	return h.made(ctx, id, http.StatusCreated)
}

// submitOnce calls submit unless the store has a run that was submitted with the same key within the last day, by another
// process or by this one before it was restarted.
func (h *submitHandlers) submitOnce(ctx context.Context, s *submitted, key string) (record.RunID, error) {
	if key == "" {
		return h.submit(ctx, s, "")
	}
	if err := h.runs.refresh(ctx); err != nil {
		return "", err
	}
	name := keptKey(key, s.sum())
	found, ok := h.runs.index.Keyed(keyName(name))
	switch {
	case !ok || h.cfg.Now().Sub(time.Unix(0, found.AddedNS)) >= keyAge:
		return h.submit(ctx, s, name)
	case found.Key != name:
		return "", errKeyUsed()
	}
	return found.ID, nil
}

// submit starts a run.
func (h *submitHandlers) submit(ctx context.Context, s *submitted, key string) (record.RunID, error) {
	w, err := h.cfg.Engine.Workflow(s.Workflow)
	if err != nil {
		return "", NewProblem(http.StatusUnprocessableEntity, "body.workflow: there is no workflow %q; GET /workflows lists them", cut(s.Workflow, 80))
	}
	args, err := s.arguments(w)
	if err != nil {
		return "", err
	}
	return h.start(ctx, w, args, engine.RunOptions{
		Policy: s.Policy, Deadline: time.Duration(s.DeadlineNS), Upload: s.Upload, Tags: s.Tags, Rules: record.Rules(s.Rules), Key: key,
	}, s.Note)
}

// start submits a run to the engine, if fewer than MaxRuns are active.
func (h *submitHandlers) start(ctx context.Context, w *engine.Workflow, args engine.Args, o engine.RunOptions, note string) (record.RunID, error) {
	if !h.active.enter(h.cfg.MaxRuns) {
		return "", NewProblem(http.StatusTooManyRequests, "%d runs are active, which is the limit; wait for one to end or cancel one", h.cfg.MaxRuns).
			with("Retry-After", "10")
	}
	ctx = context.WithoutCancel(ctx) // the run outlives the request
	r, err := h.cfg.Engine.SubmitWorkflow(ctx, w.Name, args, o)
	h.active.leave(r)
	if errors.Is(err, engine.ErrInvalidParameter) {
		return "", parameterProblem(w, args.Text(), err)
	}
	if err != nil {
		return "", ofEngine(err)
	}
	if note != "" {
		err = h.cfg.Store.Annotate(ctx, r.ID(), metricsstore.Annotation{Tags: o.Tags, Note: note})
	}
	return r.ID(), err
}

// made answers with a run that was just created. It reads neither logs nor other runs, so submissions are fast.
func (h *submitHandlers) made(ctx context.Context, id record.RunID, status int) (*created, error) {
	run, err := h.kept(ctx, id)
	if err != nil {
		return nil, err
	}
	if !run.Status.Final() {
		h.runs.overlayOwn(&run)
	}
	s := newSummary(&run, h.cfg.Prices)
	s.Local = s.Live && h.steerable(id)
	if own, err := h.cfg.Engine.Get(id); err == nil && s.Live {
		s.Tasks.Running = int64(own.Progress().Running)
	}
	return &created{Status: status, Location: h.cfg.Base + "/runs/" + string(id), Body: s}, nil
}
