package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// statuses returns all statuses of runs.
func statuses() []record.Status {
	return []record.Status{
		record.Queued, record.Running, record.Paused, record.Succeeded, record.Failed, record.Cancelled, record.Interrupted,
	}
}

// runHandlers list, annotate and delete runs.
type runHandlers struct{ *summaries }

func (h *runHandlers) listRuns(ctx context.Context, in *runsInput) (*answer[RunList], error) {
	if err := in.Period.check(); err != nil {
		return nil, err
	}
	before, err := in.Compared.id()
	if err != nil {
		return nil, err
	}
	if err := h.runs.refresh(ctx); err != nil {
		return nil, err
	}
	var peers *Peers
	var only []record.RunID
	if before != "" {
		if peers, only, err = h.peersOf(ctx, before, in.scope()); err != nil {
			return nil, err
		}
	}
	query := metricsstore.RunQuery{
		RunFilter: metricsstore.RunFilter{
			Workflow: in.Workflow, Engine: in.Engine, Status: in.Status, Tag: in.Tag, From: in.From, To: in.To, Text: in.Text,
		},
		Sort: metricsstore.RunOrder(in.Sort), Ascending: in.Order == "asc", Limit: in.Limit, Cursor: in.Cursor,
	}
	page, next, err := h.runs.index.Page(query, only)
	if err != nil {
		return nil, err
	}
	out := RunList{
		Peers: peers, Next: next, Counts: countsByStatus(h.runs.index.Counts(query.RunFilter, only)), Workflows: h.runs.index.Workflows(),
		Engines: h.runs.index.Engines(),
	}
	runs, err := h.runs.listed(ctx, idsOf(page))
	if err != nil {
		return nil, err
	}
	if out.Runs, err = h.all(ctx, runs); err != nil {
		return nil, err
	}
	return answered("", out), nil
}

// countsByStatus returns a count for each status, and the total under "all".
func countsByStatus(counts map[record.Status]int) map[string]int {
	out := map[string]int{"all": 0}
	for _, s := range statuses() {
		out[string(s)] = counts[s]
		out["all"] += counts[s]
	}
	return out
}

func (h *runHandlers) getRun(ctx context.Context, in *summaryInput) (*answer[RunSummary], error) {
	s, err := h.one(ctx, in.id(), in.Peers)
	if err != nil {
		return nil, err
	}
	tag := ""
	if !s.Live {
		tag = bodyTag(s) // the standing depends on other runs
	}
	if in.unchanged(tag) {
		return notModified[RunSummary](tag), nil
	}
	return answered(tag, s), nil
}

// Bounds of annotations.
const (
	maxTags     = 32
	maxTagBytes = 64
)

// checkTags normalises tags: trimmed, each once.
func checkTags(tags []string) ([]string, error) {
	var out []string
	for _, t := range tags {
		t = strings.TrimSpace(t)
		if t == "" || len(t) > maxTagBytes || strings.ContainsAny(t, "\n\r\x00") {
			return nil, NewProblem(http.StatusUnprocessableEntity, "body.tags: %q is not a tag, expected 1 to %d bytes on one line", cut(t, 80), maxTagBytes)
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	if len(out) > maxTags {
		return nil, NewProblem(http.StatusUnprocessableEntity, "body.tags: %d tags, expected at most %d", len(out), maxTags)
	}
	return out, nil
}

func (h *runHandlers) annotateRun(ctx context.Context, in *annotateInput) (*answer[RunSummary], error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	annotation := run.Annotation
	if in.Body.Tags != nil {
		if annotation.Tags, err = checkTags(*in.Body.Tags); err != nil {
			return nil, err
		}
	}
	if in.Body.Note != nil {
		annotation.Note = *in.Body.Note
	}
	if err := h.cfg.Store.Annotate(ctx, in.id(), annotation); err != nil {
		return nil, err
	}
	return h.current(ctx, in.id())
}

func (h *runHandlers) deleteRun(ctx context.Context, in *OfRun) (*nothing, error) {
	if _, err := h.kept(ctx, in.id()); err != nil {
		return nil, err
	}
	if err := h.cfg.Store.Delete(ctx, in.id()); err != nil {
		return nil, err
	}
	h.deleted.put(in.id(), struct{}{})
	return &nothing{}, nil
}
