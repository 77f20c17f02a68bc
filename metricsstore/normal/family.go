package normal

import (
	"math"
	"slices"

	"github.com/dagscope/dagscope/metricsstore"
)

const (
	// Level is the share of unchanged runs, or histories, in which anything is called slow, or changed, at most.
	Level = 0.02
	// MinPeers is how many peers a function needs to be called slow. The greatest of many scores has heavier tails than
	// a makespan, so it is more than metricsstore.SlowPeers.
	MinPeers = 25
	// Effect is the least ratio above 1 that is worth an alarm, as of a makespan.
	Effect = 0.05
)

// Medians has the median of the tasks of each function of one run, in nanoseconds.
type Medians map[metricsstore.FunctionName]float64

// scale is how the medians of one function spread over runs: of their logarithms the median, and the median absolute
// deviation from it.
type scale struct{ centre, spread float64 }

// leastSpread keeps functions that always take the same time from turning a tick of the clock into an alarm.
const leastSpread = Effect

func newScale(logs []float64) scale {
	slices.Sort(logs)
	s := scale{centre: median(logs)}
	for i, x := range logs {
		logs[i] = math.Abs(x - s.centre)
	}
	slices.Sort(logs)
	s.spread = max(median(logs), leastSpread)
	return s
}

// score is how many spreads a median lies above the centre.
func (s scale) score(ns float64) float64 { return (logOf(ns) - s.centre) / s.spread }

// at is the inverse of score.
func (s scale) at(score float64) float64 { return math.Exp(s.centre + score*s.spread) }

// logOf takes times below a nanosecond for one.
func logOf(ns float64) float64 { return math.Log(max(ns, 1)) }

// family is what the functions of a run are judged by together: the score that none of them may exceed.
//
// For each run the greatest score of its functions is compared with those of the other runs (the single-step maximum of
// Westfall and Young, Resampling-based multiple testing, 1993, section 2.5). Scales are taken from all runs, the judged
// one included, so in an unchanged workflow every run is as likely as another to have the greatest: whatever functions
// have in common is in all of these maxima.
type family struct {
	scales map[metricsstore.FunctionName]scale
	limit  float64 // of scores
}

// newFamily is over the functions of a run that at least MinPeers of the peers have.
func newFamily(run Medians, peers []Medians) family {
	f := family{scales: map[metricsstore.FunctionName]scale{}, limit: math.Inf(1)}
	for function, ns := range run {
		logs := []float64{logOf(ns)}
		for _, p := range peers {
			if theirs, has := p[function]; has {
				logs = append(logs, logOf(theirs))
			}
		}
		if len(logs) > MinPeers {
			f.scales[function] = newScale(logs)
		}
	}
	var greatest []float64
	for _, p := range peers {
		if score := f.greatest(p); !math.IsInf(score, -1) {
			greatest = append(greatest, score)
		}
	}
	if len(greatest) >= MinPeers {
		f.limit = scoreLimit(f.greatest(run), greatest)
	}
	return f
}

// greatest is the greatest score of the functions of a run, -∞ if it has none of the family.
func (f *family) greatest(run Medians) float64 {
	most := math.Inf(-1)
	for function, s := range f.scales {
		if ns, has := run[function]; has {
			most = max(most, s.score(ns))
		}
	}
	return most
}

// scoreLimit is the limit for makespans whose logarithms are the scores. From 49 peers on it is in addition no less than
// the r-th greatest of n, where r/(n+1) is at most Level: more than that is less likely, whatever the distribution.
func scoreLimit(run float64, peers []float64) float64 {
	const most = 300 // e to its power, squared, is a finite number
	makespans := make([]float64, len(peers))
	for i, score := range peers {
		makespans[i] = math.Exp(min(score, most))
	}
	limit := math.Log(metricsstore.Stand(math.Exp(min(run, most)), makespans).LimitNS)
	if r := int(Level * float64(len(peers)+1)); r > 0 {
		slices.Sort(peers)
		limit = max(limit, peers[len(peers)-r])
	}
	return limit
}

// limitNS is the median above which a function is slow; false if it has too few peers.
func (f *family) limitNS(function metricsstore.FunctionName) (ns float64, known bool) {
	s, judged := f.scales[function]
	if !judged || math.IsInf(f.limit, 1) {
		return 0, false
	}
	return s.at(max(f.limit, math.Log1p(Effect)/s.spread)), true
}

// median of ascending values; NaN of none.
func median(ascending []float64) float64 {
	n := len(ascending)
	if n == 0 {
		return math.NaN()
	}
	return (ascending[(n-1)/2] + ascending[n/2]) / 2
}
