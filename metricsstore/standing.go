package metricsstore

import (
	"cmp"
	"math"
	"slices"

	"github.com/montanaflynn/stats"
)

// How many peers a run needs to be compared with them, and to be called slow.
//
// With n peers, one run in 1/(e(n+1)) at most shows something that none of its peers has shown (a machine that starts
// cold, another program that uses the disk), however often that happens: p(1-p)^n is greatest at p = 1/(n+1). From 18
// peers on that is less than 2 %. A rule that says slow with fewer has to err more often.
const (
	StandingPeers = 5
	SlowPeers     = 20
)

// slowShare is the share of false alarms that the limit aims at where only chance differs, and slowEffect by how much a
// run has to exceed the median at least.
const (
	slowShare  = 0.008
	slowEffect = 0.05
)

// Standing compares a run's makespan with those of its peers before it.
type Standing struct {
	// Peers says which runs were compared, and Runs how many they are. With fewer than StandingPeers the rest is
	// zero.
	Peers PeerScope `json:"peers"`
	Runs  int       `json:"runs"`
	// SlowerThan is how many of them took less time, Slower how many took more.
	SlowerThan int `json:"slower_than"`
	Slower     int `json:"slower"`
	// MedianNS and MADNS are the median of the peers and their median absolute deviation, in nanoseconds.
	MedianNS float64 `json:"median_ns"`
	MADNS    float64 `json:"mad_ns"`
	// Effect is the difference from the median as a share of the median; 0 where the median is 0.
	Effect float64 `json:"effect"`
	// LimitNS is the makespan above which the run is called slow, see slowLimit; 0 with fewer than SlowPeers.
	LimitNS float64 `json:"limit_ns"`
	Slow    bool    `json:"slow"`
}

// NewStanding compares a run with its peers of a scope. The standing of a run that is not Comparable is zero.
func NewStanding(of *Run, scope PeerScope, peers []Entry) Standing {
	if !of.Comparable() {
		return Standing{}
	}
	makespans := make([]float64, len(peers))
	for i := range peers {
		makespans[i] = float64(peers[i].MakespanNS)
	}
	s := Stand(float64(of.MakespanNS()), makespans)
	s.Peers = scope
	return s
}

// Stand compares a makespan with those of peers, all in nanoseconds.
func Stand(x float64, peers []float64) Standing {
	s := Standing{Runs: len(peers)}
	if s.Runs < StandingPeers {
		return s
	}
	for _, p := range peers {
		switch cmp.Compare(p, x) {
		case -1:
			s.SlowerThan++
		case 1:
			s.Slower++
		}
	}
	// Neither fails, as neither is empty.
	s.MedianNS, _ = stats.Median(peers)
	s.MADNS, _ = stats.MedianAbsoluteDeviation(peers)
	if s.MedianNS > 0 {
		s.Effect = (x - s.MedianNS) / s.MedianNS
	}
	if s.Runs >= SlowPeers {
		s.LimitNS = slowLimit(peers, s.MedianNS)
		s.Slow = x > s.LimitNS
	}
	return s
}

// slowLimit is what a run has to exceed to be called slow: the r-th greatest of n peers, and beyond it the share c of
// the distance, as a ratio, from the median to that one. The more peers there are, the more of them may have been
// slow themselves: r is 1 below 50 peers, 2 below 100, and 3 for 100.
//
// Where makespans exceed the median by exponential tails of their logarithms (a Pareto tail, which is heavier than
// that of nearly all real makespans), the distance is about ln((n+1)/1.4r) of the scale of the tail, and the next run
// exceeds the r-th greatest with probability r/(n+1) and the limit with r/(n+1) · ((n+1)/1.4r)^-c. The share c is the
// one for which that is slowShare; lighter tails stay below.
func slowLimit(peers []float64, median float64) float64 {
	sorted := slices.Sorted(slices.Values(peers))
	r, n := 1+len(peers)/50, float64(len(peers)+1)
	great := sorted[len(sorted)-r]
	limit := max(great, (1+slowEffect)*median)
	if c := math.Log(float64(r)/(slowShare*n)) / math.Log(n/(1.4*float64(r))); c > 0 && median > 0 {
		limit = max(limit, great*math.Pow(great/median, c))
	}
	return limit
}
