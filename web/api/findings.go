package api

import (
	"context"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/analysis"
	"github.com/dagscope/dagscope/metricsstore/findings"
)

// findingsHandlers say what is worth saying of a run. Safe for concurrent use.
type findingsHandlers struct{ *summaries }

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

// expectedEnd is when a live run should end, from the makespans of its peers; nil if there are too few of them.
func (h *findingsHandlers) expectedEnd(ctx context.Context, run *metricsstore.Run) (*findings.ExpectedEnd, error) {
	if run.Status.Final() {
		return nil, nil
	}
	if err := h.runs.refresh(ctx); err != nil {
		return nil, err
	}
	peers, err := h.runs.index.Peers(run, metricsstore.SamePeers)
	if err != nil {
		return nil, err
	}
	makespans := make([]float64, len(peers))
	for i := range peers {
		makespans[i] = float64(peers[i].MakespanNS)
	}
	return findings.NewExpectedEnd(makespans), nil
}
