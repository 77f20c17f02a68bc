package api

import (
	"context"
	"net/http"

	"github.com/dagscope/dagscope/engine/record"
)

// Result is what a run returned.
type Result struct {
	Type string `json:"type" doc:"The type in Go."`
	Text string `json:"text" doc:"As JSON, if it has a JSON form of at most 64 KiB; otherwise its beginning or a description."`
}

func (h *insideHandlers) getResult(ctx context.Context, in *runInput) (*answer[Result], error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	if run.Status != record.Succeeded {
		return nil, NewProblem(http.StatusNotFound, "the run has no result: it is %s", run.Status)
	}
	tag := runTag(&run, "result")
	if in.unchanged(tag) {
		return notModified[Result](tag), nil
	}
	end, err := h.queries.End(ctx, in.id())
	if isMissing(err) {
		return nil, NewProblem(http.StatusNotFound, "the run has no result that was kept")
	}
	if err != nil {
		return nil, err
	}
	return answered(tag, Result{Type: end.ResultType, Text: end.ResultText}), nil
}

func (h *insideHandlers) getSource(ctx context.Context, in *runInput) (*answer[runSource], error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	kept := newSource(run.Info.Source)
	if kept.Value == nil {
		return nil, NewProblem(http.StatusNotFound, "the workflow of the run was made of no file")
	}
	tag := runTag(&run, "source")
	if in.unchanged(tag) {
		return notModified[runSource](tag), nil
	}
	return answered(tag, newRunSource(kept.Value)), nil
}
