package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// statuses returns all statuses of runs.
func statuses() []engine.Status {
	return []engine.Status{
		engine.Queued, engine.Running, engine.Paused, engine.Succeeded, engine.Failed, engine.Cancelled, engine.Interrupted,
	}
}

func (a *API) listRuns(ctx context.Context, in *runsInput) (*answer[RunList], error) {
	if err := in.Period.check(); err != nil {
		return nil, err
	}
	before, err := in.Compared.id()
	if err != nil {
		return nil, err
	}
	if err := a.runs.refresh(ctx); err != nil {
		return nil, err
	}
	var peers *Peers
	var only []engine.RunID
	if before != "" {
		if peers, only, err = a.peersOf(ctx, before, in.scope()); err != nil {
			return nil, err
		}
	}
	query := metricsstore.RunQuery{
		RunFilter: metricsstore.RunFilter{Workflow: in.Workflow, Status: in.Status, Tag: in.Tag, From: in.From, To: in.To, Text: in.Text},
		Sort:      metricsstore.RunOrder(in.Sort), Ascending: in.Order == "asc", Limit: in.Limit, Cursor: in.Cursor,
	}
	page, next, err := a.runs.index.Page(query, only)
	if err != nil {
		return nil, err
	}
	out := RunList{
		Peers: peers, Next: next, Counts: countsByStatus(a.runs.index.Counts(query.RunFilter, only)), Workflows: a.runs.index.Workflows(),
	}
	runs, err := a.runs.listed(ctx, idsOf(page))
	if err != nil {
		return nil, err
	}
	if out.Runs, err = a.summaries(ctx, runs); err != nil {
		return nil, err
	}
	return answered("", out), nil
}

// countsByStatus returns a count for each status, and the total under "all".
func countsByStatus(counts map[engine.Status]int) map[string]int {
	out := map[string]int{"all": 0}
	for _, s := range statuses() {
		out[string(s)] = counts[s]
		out["all"] += counts[s]
	}
	return out
}

func (a *API) getRun(ctx context.Context, in *summaryInput) (*answer[RunSummary], error) {
	s, err := a.summary(ctx, in.id(), in.Peers)
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

// kept reads the header of a run from the store.
func (a *API) kept(ctx context.Context, id engine.RunID) (metricsstore.Run, error) {
	run, err := a.cfg.Store.Run(ctx, id)
	return run, a.missing(id, err)
}

func isMissing(err error) bool { return errors.Is(err, metricsstore.ErrNotFound) }

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

func (a *API) annotateRun(ctx context.Context, in *annotateInput) (*answer[RunSummary], error) {
	run, err := a.kept(ctx, in.id())
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
	if err := a.cfg.Store.Annotate(ctx, in.id(), annotation); err != nil {
		return nil, err
	}
	return a.current(ctx, in.id())
}

// current answers with the summary of a run after it was changed.
func (a *API) current(ctx context.Context, id engine.RunID) (*answer[RunSummary], error) {
	s, err := a.summary(ctx, id, metricsstore.SamePeers)
	if err != nil {
		return nil, err
	}
	return answered("", s), nil
}

func (a *API) deleteRun(ctx context.Context, in *OfRun) (*nothing, error) {
	if _, err := a.kept(ctx, in.id()); err != nil {
		return nil, err
	}
	if err := a.cfg.Store.Delete(ctx, in.id()); err != nil {
		return nil, err
	}
	a.deleted.put(in.id(), struct{}{})
	return &nothing{}, nil
}
