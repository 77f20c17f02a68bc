package api

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// news remembers what was sent of each run, to find what changed.
type news struct {
	mu   sync.Mutex
	sent map[engine.RunID]sent
}

// sent is a run as it was sent, and a mark of how it stood.
type sent struct {
	run  *metricsstore.Candidate
	mark string
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
	var out []json.RawMessage
	for _, r := range a.news.changed(all, func(r *metricsstore.Run) any { return a.missingFunctions(ctx, r) }) {
		s, err := a.summarise(ctx, all, &r.Run, metricsstore.SamePeers)
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

// changed gives the runs that are not as they were sent before; more is sent of a run beside its header. A run that was
// not read again is as it was.
func (n *news) changed(all listing, more func(*metricsstore.Run) any) []*metricsstore.Candidate {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []*metricsstore.Candidate
	now := make(map[engine.RunID]sent, len(all))
	for _, r := range all {
		before, known := n.sent[r.Info.ID]
		if known && before.run == r {
			now[r.Info.ID] = before
			continue
		}
		mark := tagOf(r.Status, r.LastSeq, r.Rollup, r.Annotation, r.Info.Revision, r.Counts, more(&r.Run))
		now[r.Info.ID] = sent{r, mark}
		if n.sent == nil && r.Status.Final() || known && before.mark == mark {
			continue
		}
		out = append(out, r)
	}
	n.sent = now
	return out
}
