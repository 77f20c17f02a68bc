package api

import (
	"context"
	"net/http"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// standing compares an ended run with the peers before it; nil if it cannot be compared or has too few of them.
func (a *API) standing(r *metricsstore.Run, scope metricsstore.PeerScope) (*Standing, error) {
	if !r.Comparable() {
		return nil, nil
	}
	peers, err := a.runs.index.Peers(r, scope)
	if err != nil || len(peers) < metricsstore.StandingPeers {
		return nil, err
	}
	s := metricsstore.NewStanding(r, scope, peers)
	out := &Standing{
		Peers: *newPeers(r, scope, s.Runs), Runs: s.Runs, SlowerThan: s.SlowerThan, Slower: s.Slower, MedianNS: s.MedianNS,
		Effect: s.Effect, Slow: s.Slow,
	}
	if s.LimitNS > 0 {
		out.LimitNS = &s.LimitNS
	}
	return out, nil
}

// peersOf finds the peers of a run before it. The caller has brought the index up to date.
func (a *API) peersOf(ctx context.Context, id engine.RunID, scope metricsstore.PeerScope) (*Peers, []engine.RunID, error) {
	r, err := a.kept(ctx, id)
	if err != nil {
		if isMissing(err) {
			err = NewProblem(http.StatusNotFound, "query.before: there is no run %s", id)
		}
		return nil, nil, err
	}
	peers, err := a.runs.index.Peers(&r, scope)
	if err != nil {
		return nil, nil, err
	}
	return newPeers(&r, scope, len(peers)), idsOf(peers), nil
}

// idsOf is never nil.
func idsOf(entries []metricsstore.Entry) []engine.RunID {
	ids := make([]engine.RunID, len(entries))
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
