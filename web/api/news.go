package api

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// news remembers what was told of each run, to find what changed.
type news struct {
	mu   sync.Mutex
	told map[engine.RunID]string
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
	all, err := a.runs.all(ctx)
	if err != nil {
		return nil, err
	}
	ctx = withRuns(ctx, all)
	var out []json.RawMessage
	for _, i := range a.news.changed(all, func(r *metricsstore.Run) any { return a.missingFunctions(ctx, r) }) {
		s, err := a.summarise(ctx, &all[i], metricsstore.SamePeers)
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// changed gives the indexes of runs that are not as they were told before; more is told of a run beside its header.
func (n *news) changed(all []metricsstore.Run, more func(*metricsstore.Run) any) []int {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []int
	told := make(map[engine.RunID]string, len(all))
	for i := range all {
		r := &all[i]
		state := tagOf(r.Status, r.LastSeq, r.Rollup, r.Annotation, r.Info.Revision, r.Counts, more(r))
		told[r.Info.ID] = state
		if n.told == nil && r.Status.Final() || n.told != nil && n.told[r.Info.ID] == state {
			continue
		}
		out = append(out, i)
	}
	n.told = told
	return out
}
