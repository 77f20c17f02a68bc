package api

import (
	"context"
	"errors"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/analysis"
	"github.com/dagscope/dagscope/metricsstore/findings"
)

// findingsHandlers say what is worth saying of a run. Safe for concurrent use.
type findingsHandlers struct{ *predictHandlers }

func (h *findingsHandlers) getFindings(ctx context.Context, in *runInput) (*answer[*findings.RunFindings], error) {
	run, err := h.kept(ctx, in.id())
	if err != nil {
		return nil, err
	}
	now := h.cfg.Now()
	tag := runTag(&run, "findings", run.StatusAt(now)) // a recording may be over without growing
	return heavily(ctx, h.records, in, tag, func(ctx context.Context) (*findings.RunFindings, error) {
		expected, err := h.expectedEnd(ctx, &run)
		if err != nil {
			return nil, err
		}
		r, err := analysis.Read(ctx, h.queries, &run)
		if err != nil {
			return nil, err
		}
		return findings.New(r, &run, expected, now), nil
	})
}

// expectedEnd is when a live run should end; nil if too little is known for that.
func (h *findingsHandlers) expectedEnd(ctx context.Context, run *metricsstore.Run) (*findings.ExpectedEnd, error) {
	if run.Status.Final() || run.Info.Imported() != nil {
		return nil, nil
	}
	end, err := h.end(ctx, run)
	switch {
	case errors.Is(err, metricsstore.ErrInvalid): // it is too large for a prediction
		return nil, nil
	case err != nil || end.End == nil:
		return nil, err
	}
	return &findings.ExpectedEnd{P10: float64(end.End.P10NS), P90: float64(end.End.P90NS), Runs: end.Runs}, nil
}
