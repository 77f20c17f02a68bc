package normal

import (
	"context"
	"errors"
	"fmt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// ErrNotComparable: a run did not succeed, was continued after an end, or is damaged, so that its times say nothing.
var ErrNotComparable = errors.New("normal: the run cannot be compared")

// Judgement compares a run with its peers.
type Judgement struct {
	Run record.RunID `json:"run"`
	// Peers says which earlier runs the run is compared with, Terms what they have in common apart from the workflow,
	// and Runs how many they are: the latest, at most metricsstore.MaxPeers.
	Peers     metricsstore.PeerScope `json:"peers" enum:"same,workflow"`
	Terms     []string               `json:"terms"`
	Runs      int                    `json:"n"`
	Makespan  JudgedMakespan         `json:"makespan"`
	Functions JudgedFunctions        `json:"functions"`
	Outliers  Outliers               `json:"outliers"`
}

// makespanMethod describes how a makespan is judged.
var makespanMethod = fmt.Sprintf("Slow: longer than the greatest makespans of the peers by a share of their distance from the median, as a ratio, that grows the fewer "+
	"peers there are, and than the median by %.0f %%; at most %.0f %% of unchanged runs are.", 100*Effect, 100*Level)

// JudgedMakespan is how a makespan compares with those of the peers. It is exact.
type JudgedMakespan struct {
	MakespanNS int64 `json:"makespan_ns"`
	// Needs is how many peers it takes to call the run slow; absent if there are enough.
	Needs  int     `json:"needs,omitempty"`
	Level  float64 `json:"level"` // the greatest share of unchanged runs that are called slow
	Method string  `json:"method"`
	// SlowerThan is how many peers took less time, Slower how many took more. As all below, they are 0 or nil with fewer
	// than metricsstore.StandingPeers.
	SlowerThan int      `json:"slower_than"`
	Slower     int      `json:"slower"`
	PeersNS    *float64 `json:"peers_median_ns"`
	Ratio      *float64 `json:"ratio"` // to that median
	// LimitNS is the makespan above which the run is called slow; nil with too few peers.
	LimitNS *float64 `json:"limit_ns"`
	Slow    bool     `json:"slow"`
}

func judgeMakespan(run *metricsstore.Run, scope metricsstore.PeerScope, peers []metricsstore.Entry) JudgedMakespan {
	s := metricsstore.NewStanding(run, scope, peers)
	m := JudgedMakespan{
		MakespanNS: run.MakespanNS(), Level: Level, Method: makespanMethod, SlowerThan: s.SlowerThan, Slower: s.Slower, Slow: s.Slow,
	}
	if s.MedianNS > 0 {
		m.PeersNS, m.Ratio = new(s.MedianNS), new(1+s.Effect)
	}
	if s.LimitNS > 0 {
		m.LimitNS = new(s.LimitNS)
	} else {
		m.Needs = metricsstore.SlowPeers
	}
	return m
}

// Judge compares a run with its peers, the latest first. The error is ErrNotComparable.
func Judge(ctx context.Context, q *metricsstore.Queries, run *metricsstore.Run, scope metricsstore.PeerScope, peers []metricsstore.Entry) (*Judgement, error) {
	if !run.Comparable() {
		return nil, ErrNotComparable
	}
	j := &Judgement{
		Run: run.Info.ID, Peers: scope, Terms: []string{}, Runs: len(peers), Makespan: judgeMakespan(run, scope, peers),
	}
	if scope == metricsstore.SamePeers {
		j.Terms = append(j.Terms, run.PeerTerms()...)
	}
	ids := make([]record.RunID, len(peers))
	for i := range peers {
		ids[i] = peers[i].ID
	}
	medians, err := readMedians(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	own, err := summaries(ctx, q, run.Info.ID)
	if err != nil {
		return nil, err
	}
	j.Functions = judgeFunctions(own, medians)
	like, err := readClasses(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	j.Outliers, err = findOutliers(ctx, q, run.Info.ID, like)
	return j, err
}

// FindPeers lists the peers of a run in a store, the latest first, as index.Index.Peers does from memory. It reads the
// headers of all runs of the workflow before it, until there are metricsstore.MaxPeers.
func FindPeers(ctx context.Context, q *metricsstore.Queries, of *metricsstore.Run, scope metricsstore.PeerScope) ([]metricsstore.Entry, error) {
	if err := scope.Check(); err != nil {
		return nil, err
	}
	key := of.PeerKey()
	query := metricsstore.RunQuery{
		RunFilter: metricsstore.RunFilter{
			Workflow: of.Info.Workflow, Status: []record.Status{record.Succeeded}, To: of.Info.StartedAt.Add(1),
		},
		Limit: metricsstore.MaxPeers,
	}
	var out []metricsstore.Entry
	for {
		page, err := q.Runs(ctx, query)
		if err != nil {
			return nil, err
		}
		for i := range page.Runs {
			r := &page.Runs[i]
			if !of.Position().Before(r.Position()) || !r.Comparable() || scope == metricsstore.SamePeers && r.PeerKey() != key {
				continue
			}
			if out = append(out, metricsstore.NewEntry(r, "")); len(out) == metricsstore.MaxPeers {
				return out, nil
			}
		}
		if query.Cursor = page.Next; query.Cursor == "" {
			return out, nil
		}
	}
}
