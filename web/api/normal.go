package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/normal"
)

// judgementInput selects a run and what it is compared with.
type judgementInput struct {
	OfRun
	Conditional
	Peers metricsstore.PeerScope `query:"peers" enum:"same,workflow" default:"same" doc:"What the run is compared with, see get-run."`
}

func (h *historyHandlers) getJudgement(ctx context.Context, in *judgementInput) (*answer[*normal.Judgement], error) {
	if err := h.runs.refresh(ctx); err != nil {
		return nil, err
	}
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	peers, err := h.runs.index.Peers(&run, in.Peers)
	if err != nil {
		return nil, err
	}
	return heavily(ctx, h.records, in, runTag(&run, "judgement", in.Peers, idsOf(peers)), func(ctx context.Context) (*normal.Judgement, error) {
		j, err := normal.Judge(ctx, h.queries, &run, in.Peers, peers)
		if errors.Is(err, normal.ErrNotComparable) {
			return nil, NewProblem(http.StatusConflict, "run %s is %s in revision %d, expected one that succeeded at once and is not damaged: only such runs are compared",
				in.id(), run.Status, run.Info.Revision)
		}
		return j, err
	})
}

type trendInput struct {
	Period
	Workflow string `query:"workflow" required:"true" minLength:"1"`
}

func (h *historyHandlers) getTrend(ctx context.Context, in *trendInput) (*answer[*normal.Trend], error) {
	if err := in.Period.check(); err != nil {
		return nil, err
	}
	ctx, leave, err := h.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	trend, err := normal.ReadTrend(ctx, h.queries, normal.TrendQuery{Workflow: in.Workflow, From: in.From, To: in.To})
	return answered("", trend), err
}
