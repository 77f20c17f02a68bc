package normal

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// functionsMethod describes how functions are judged.
var functionsMethod = fmt.Sprintf("The median of a function's tasks is compared with those of its peers, at most one number a run. "+
	"Slow: its distance from the median of all runs, in median absolute deviations of the logarithms, exceeds what the greatest distance of any function "+
	"was in the other runs (single-step maximum, Westfall and Young 1993), and %.0f %%; in at most %.0f %% of unchanged runs that is so of any function.",
	100*Effect, 100*Level)

// JudgedFunctions are the functions of a run, each compared with the peers of the run.
type JudgedFunctions struct {
	// Level is the greatest share of unchanged runs in which any function is called slow.
	Level  float64          `json:"level"`
	Method string           `json:"method"`
	Slow   int              `json:"slow"`      // how many are
	Each   []JudgedFunction `json:"functions"` // slow ones first, then by Ratio, the greatest first
}

// JudgedFunction is how the tasks of one function compare with those of earlier runs.
type JudgedFunction struct {
	metricsstore.FunctionName
	Tasks    uint64  `json:"tasks"`
	MedianNS float64 `json:"median_ns"` // of the tasks, type 7
	// Exact: medians of tasks are exact, else Bound is their relative error.
	Exact bool    `json:"exact"`
	Bound float64 `json:"bound"`
	// Runs is how many peers have the function, and Needs how many it takes to call it slow; absent if there are enough.
	Runs  int `json:"n"`
	Needs int `json:"needs,omitempty"`
	// SlowerThan is in how many of them the median was less, Slower in how many it was more.
	SlowerThan int `json:"slower_than"`
	Slower     int `json:"slower"`
	// PeersNS is the median of their medians, Ratio the run's median divided by it; nil without peers.
	PeersNS *float64 `json:"peers_median_ns"`
	Ratio   *float64 `json:"ratio"`
	// LimitNS is the median above which the function is called slow; nil with too few peers.
	LimitNS *float64 `json:"limit_ns"`
	Slow    bool     `json:"slow"`
}

// summary is what is known of a function in one run.
type summary = metricsstore.FunctionHistory

// summaries reads the execution times of the functions of a run from its roll-ups.
func summaries(ctx context.Context, q *metricsstore.Queries, run record.RunID) ([]summary, error) {
	found, err := q.HistoryByFunction(ctx, metricsstore.HistoryQuery{Metric: metricsstore.ExecuteNS, Of: []record.RunID{run}})
	return slices.DeleteFunc(found, func(s summary) bool { return len(s.Buckets) == 0 }), err
}

func mediansOf(of []summary) Medians {
	m := Medians{}
	for i := range of {
		m[of[i].FunctionName] = of[i].Buckets[0].Summary.P50.Value
	}
	return m
}

// readMedians reads those of several runs.
func readMedians(ctx context.Context, q *metricsstore.Queries, runs []record.RunID) ([]Medians, error) {
	out := make([]Medians, len(runs))
	for i, run := range runs {
		found, err := summaries(ctx, q, run)
		if err != nil {
			return nil, err
		}
		out[i] = mediansOf(found)
	}
	return out, nil
}

// judgeFunctions compares the functions of a run with those of its peers.
func judgeFunctions(of []summary, peers []Medians) JudgedFunctions {
	run := mediansOf(of)
	together := newFamily(run, peers)
	out := JudgedFunctions{Level: Level, Method: functionsMethod, Each: make([]JudgedFunction, 0, len(of))}
	for i := range of {
		d := &of[i].Buckets[0].Distribution
		f := JudgedFunction{FunctionName: of[i].FunctionName, Tasks: d.N, MedianNS: d.Summary.P50.Value, Exact: d.Exact, Bound: d.Bound}
		f.compare(peers)
		f.judge(&together)
		if f.Slow {
			out.Slow++
		}
		out.Each = append(out.Each, f)
	}
	slices.SortStableFunc(out.Each, func(a, b JudgedFunction) int {
		if a.Slow == b.Slow {
			return cmp.Compare(b.ratio(), a.ratio())
		}
		if a.Slow {
			return -1
		}
		return 1
	})
	return out
}

// ratio is 0 if it is not known.
func (f *JudgedFunction) ratio() float64 {
	if f.Ratio == nil {
		return 0
	}
	return *f.Ratio
}

// compare ranks the median among those of the peers.
func (f *JudgedFunction) compare(peers []Medians) {
	var theirs []float64
	for _, p := range peers {
		ns, has := p[f.FunctionName]
		if !has {
			continue
		}
		theirs = append(theirs, ns)
		switch cmp.Compare(ns, f.MedianNS) {
		case -1:
			f.SlowerThan++
		case 1:
			f.Slower++
		}
	}
	if f.Runs = len(theirs); f.Runs == 0 {
		return
	}
	slices.Sort(theirs)
	f.PeersNS = new(median(theirs))
	if *f.PeersNS > 0 {
		f.Ratio = new(f.MedianNS / *f.PeersNS)
	}
}

// judge says whether the function is slow, or what that needs.
func (f *JudgedFunction) judge(in *family) {
	limit, known := in.limitNS(f.FunctionName)
	if !known {
		f.Needs = MinPeers
		return
	}
	f.LimitNS, f.Slow = &limit, f.MedianNS > limit
}
