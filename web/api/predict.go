package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/predict"
)

// predictHandlers say how long runs will take. Safe for concurrent use.
type predictHandlers struct {
	*summaries
	followers *recent[string, *predict.Follower] // by run and revision
}

type predictInput struct {
	Conditional
	Workflow  string   `query:"workflow" required:"true" maxLength:"256" doc:"A workflow that can be submitted."`
	Parameter []string `query:"parameter,explode" maxItems:"64" doc:"A parameter and its value, such as n=1024; can be repeated. Others have their defaults, file parameters the file that is there without one."`
}

// arguments are those of a run that would be submitted.
func (in *predictInput) arguments(w *engine.Workflow) (engine.Args, error) {
	set := map[string]string{}
	for _, text := range in.Parameter {
		name, value, ok := strings.Cut(text, "=")
		_, twice := set[name]
		switch {
		case !ok || twice:
			return engine.Args{}, NewProblem(http.StatusBadRequest, "query.parameter is %q, expected each parameter once and with its value, such as n=1024", cut(text, 80))
		case slices.ContainsFunc(w.Params, func(p engine.Param) bool { return p.Name == name && p.Kind == engine.FileParam }):
			return engine.Args{}, NewProblem(http.StatusBadRequest, "query.parameter names the file parameter %s, expected none: the server reads no files", cut(name, 80))
		}
		set[name] = value
	}
	args, err := w.Arguments(set, nil)
	if err != nil {
		return args, NewProblem(http.StatusBadRequest, "query.parameter: %s", plain(err))
	}
	return args, nil
}

// getPrediction predicts a run before it is submitted.
func (h *predictHandlers) getPrediction(ctx context.Context, in *predictInput) (*answer[*predict.Prediction], error) {
	w, err := h.cfg.Engine.Workflow(in.Workflow)
	if err != nil {
		return nil, NewProblem(http.StatusNotFound, "there is no workflow %q; GET /workflows lists them", cut(in.Workflow, 80))
	}
	args, err := in.arguments(w)
	if err != nil {
		return nil, err
	}
	plan, err := predict.NewPlan(w, args, h.cfg.Now())
	if err != nil {
		return nil, NewProblem(http.StatusBadRequest, "query.parameter: %s", plain(err))
	}
	if err := h.runs.refresh(ctx); err != nil {
		return nil, err
	}
	runs := predict.Runs{}
	if runs.Like, err = h.peers(&plan.Run, metricsstore.SamePeers); err != nil {
		return nil, err
	}
	if runs.OfWorkflow, err = h.peers(&plan.Run, metricsstore.WorkflowPeers); err != nil {
		return nil, err
	}
	tag := tagOf("predict", plan.Run.PeerKey(), args.Text(), runs)
	return heavily(ctx, h.records, in, tag, func(ctx context.Context) (*predict.Prediction, error) {
		return predict.Launch(ctx, h.queries, plan, runs)
	})
}

// peers lists the runs before a run from the index, the latest first.
func (h *predictHandlers) peers(of *metricsstore.Run, scope metricsstore.PeerScope) ([]record.RunID, error) {
	found, err := h.runs.index.Peers(of, scope)
	return idsOf(found), err
}

// getRunPrediction predicts the end of a run that is under way. That it has ended is no error: who follows a run asks once too
// often.
func (h *predictHandlers) getRunPrediction(ctx context.Context, in *OfRun) (*answer[*predict.EndPrediction], error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	if status := run.StatusAt(h.cfg.Now()); status.Final() || run.Info.Imported() != nil {
		missing := fmt.Sprintf("the run %s is %s, expected one of this engine that has not ended", in.id(), status)
		return answered("", &predict.EndPrediction{Run: run.Info.ID, MinRuns: predict.MinRuns, Level: 1, Method: predict.Method, Missing: missing}), nil
	}
	ctx, leave, err := h.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	end, err := h.end(ctx, &run)
	if err != nil {
		return nil, err
	}
	return answered("", end), nil
}

// end predicts when a run will end that has not.
func (h *predictHandlers) end(ctx context.Context, run *metricsstore.Run) (*predict.EndPrediction, error) {
	f, err := h.follower(ctx, run)
	if err != nil {
		return nil, err
	}
	return f.End(ctx, h.queries, run, h.cfg.Now())
}

// follower is made once for each run: only runs that started before it count.
func (h *predictHandlers) follower(ctx context.Context, run *metricsstore.Run) (*predict.Follower, error) {
	key := tagOf(run.Info.ID, run.Info.Revision)
	if f, ok := h.followers.get(key); ok {
		return f, nil
	}
	if err := h.runs.refresh(ctx); err != nil {
		return nil, err
	}
	like, err := h.peers(run, metricsstore.SamePeers)
	if err != nil {
		return nil, err
	}
	f, err := predict.Follow(ctx, h.queries, run, like)
	if err == nil {
		h.followers.put(key, f)
	}
	return f, err
}
