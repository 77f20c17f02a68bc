package api

import (
	"context"
	"net/http"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// standing compares an ended run with the peers before it; nil if it cannot be compared or has too few of them.
func (s *summaries) standing(r *metricsstore.Run, scope metricsstore.PeerScope) (*Standing, error) {
	if !r.Comparable() {
		return nil, nil
	}
	peers, err := s.runs.index.Peers(r, scope)
	if err != nil || len(peers) < metricsstore.StandingPeers {
		return nil, err
	}
	found := metricsstore.NewStanding(r, scope, peers)
	out := &Standing{
		Peers: *newPeers(r, scope, found.Runs), Runs: found.Runs, SlowerThan: found.SlowerThan, Slower: found.Slower,
		MedianNS: found.MedianNS, Effect: found.Effect, Slow: found.Slow,
	}
	if found.LimitNS > 0 {
		out.LimitNS = &found.LimitNS
	}
	return out, nil
}

// peersOf finds the peers of a run before it. The caller has brought the index up to date.
func (s *summaries) peersOf(ctx context.Context, id record.RunID, scope metricsstore.PeerScope) (*Peers, []record.RunID, error) {
	r, err := s.kept(ctx, id)
	if err != nil {
		if isMissing(err) {
			err = NewProblem(http.StatusNotFound, "query.before: there is no run %s", id)
		}
		return nil, nil, err
	}
	peers, err := s.runs.index.Peers(&r, scope)
	if err != nil {
		return nil, nil, err
	}
	return newPeers(&r, scope, len(peers)), idsOf(peers), nil
}

// idsOf is never nil.
func idsOf(entries []metricsstore.Entry) []record.RunID {
	ids := make([]record.RunID, len(entries))
	for i := range entries {
		ids[i] = entries[i].ID
	}
	return ids
}

func newPeers(r *metricsstore.Run, scope metricsstore.PeerScope, n int) *Peers {
	p := &Peers{Scope: scope, Runs: n, Workflow: r.Info.Workflow, Terms: []string{}}
	if scope == metricsstore.SamePeers {
		p.Terms = listOf(r.PeerTerms())
	}
	return p
}
