package api

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/index"
)

// news remembers up to which change of the index summaries were sent.
type news struct {
	mu   sync.Mutex
	any  bool // something was sent, if only nothing
	sent uint64
}

// Summary implements live.Runs: the RunSummary of a run as JSON.
func (a *API) Summary(ctx context.Context, run engine.RunID) (json.RawMessage, error) {
	s, err := a.summary(ctx, run, metricsstore.SamePeers)
	if err != nil {
		return nil, err
	}
	return json.Marshal(s)
}

// Changed implements live.Runs: the summaries of runs that have changed since the call before. The first call gives
// those that are live.
func (a *API) Changed(ctx context.Context) ([]json.RawMessage, error) {
	if err := a.runs.refresh(ctx); err != nil {
		return nil, err
	}
	runs, err := a.runs.listed(ctx, a.news.changed(a.runs.index))
	if err != nil {
		return nil, err
	}
	out := make([]json.RawMessage, len(runs))
	for i := range runs {
		s, err := a.summarise(ctx, &runs[i], metricsstore.SamePeers)
		if err != nil {
			return nil, err
		}
		if out[i], err = json.Marshal(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// changed gives the runs that have changed since the call before.
func (n *news) changed(x *index.Index) []engine.RunID {
	n.mu.Lock()
	defer n.mu.Unlock()
	first := !n.any
	runs, latest := x.Since(n.sent)
	n.any, n.sent = true, latest
	if first {
		runs = liveRuns(x)
	}
	return runs
}
