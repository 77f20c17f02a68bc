package api

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/index"
)

// news remembers up to which change of the index summaries were returned by Changed.
type news struct {
	mu   sync.Mutex // guards both below
	any  bool       // Changed was called before
	sent uint64     // the last change that was returned
}

// Summary implements live.Runs: it returns the RunSummary of a run as JSON.
func (a *API) Summary(ctx context.Context, run record.RunID) (json.RawMessage, error) {
	s, err := a.summaries.one(ctx, run, metricsstore.SamePeers)
	if err != nil {
		return nil, err
	}
	return json.Marshal(s)
}

// Changed implements live.Runs: it returns the summaries of runs that have changed since the preceding call. The first
// call returns those of live runs.
func (a *API) Changed(ctx context.Context) ([]json.RawMessage, error) {
	if err := a.summaries.runs.refresh(ctx); err != nil {
		return nil, err
	}
	runs, err := a.summaries.runs.listed(ctx, a.news.changed(a.summaries.runs.index))
	if err != nil {
		return nil, err
	}
	out := make([]json.RawMessage, len(runs))
	for i := range runs {
		s, err := a.summaries.of(ctx, &runs[i], metricsstore.SamePeers)
		if err != nil {
			return nil, err
		}
		if out[i], err = json.Marshal(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// changed returns the runs that have changed since the preceding call.
func (n *news) changed(x *index.Index) []record.RunID {
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
