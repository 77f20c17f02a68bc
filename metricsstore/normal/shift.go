package normal

import (
	"math"
	"math/rand/v2"
	"slices"
)

const (
	// MinTrendRuns is how many runs a history needs before changes are looked for.
	MinTrendRuns = 20
	// minSide is how many runs stand on each side of a change at least.
	minSide = 5
	// perAlarm is how many shuffled histories are expected to exceed a change that is just significant.
	perAlarm = 10
	// most of the correlation of a run with the next that a history is corrected for.
	maxCorrelation = 0.9
)

// shift is where the level of a history changes.
type shift struct {
	at            int     // the first value after the change
	before, after int     // values from the change before to this one, and from this one to the next
	ratio         float64 // of the levels
	low, high     float64 // interval of the ratio
	p             float64
}

// shiftsIn finds changes in the level of logarithms, which are in the order of time, by binary segmentation: the place of
// the greatest difference between before and after, if that is significant, and then the same on each side. In at most
// the share level of histories without any change it finds one.
func shiftsIn(logs []float64, level float64) []shift {
	var out []shift
	var split func(from, to int)
	split = func(from, to int) {
		if to-from < MinTrendRuns {
			return
		}
		at, p := greatestShift(logs[from:to], level)
		if p > level {
			return
		}
		split(from, from+at)
		out = append(out, shift{at: from + at, p: p})
		split(from+at, to)
	}
	split(0, len(logs))
	return estimated(logs, out)
}

// estimated adds how large the changes are, each by the values up to the next one, and drops those below Effect.
func estimated(logs []float64, shifts []shift) []shift {
	for {
		smallest, least := -1, math.Log1p(Effect)
		for i := range shifts {
			from, to := 0, len(logs)
			if i > 0 {
				from = shifts[i-1].at
			}
			if i+1 < len(shifts) {
				to = shifts[i+1].at
			}
			shifts[i].estimate(logs[from:shifts[i].at], logs[shifts[i].at:to])
			if size := math.Abs(math.Log(shifts[i].ratio)); size < least {
				smallest, least = i, size
			}
		}
		if smallest < 0 {
			return shifts
		}
		shifts = slices.Delete(shifts, smallest, smallest+1)
	}
}

// estimate sets the ratio to the median of all differences of logarithms after and before (Hodges and Lehmann 1963), and
// its 95 % interval to the order statistics between which the rank-sum test accepts a difference (Moses; Hollander and
// Wolfe, Nonparametric statistical methods, section 4.3).
func (s *shift) estimate(before, after []float64) {
	differences := make([]float64, 0, len(before)*len(after))
	for _, b := range after {
		for _, a := range before {
			differences = append(differences, b-a)
		}
	}
	slices.Sort(differences)
	n, m := float64(len(before)), float64(len(after))
	outside := max(0, int(n*m/2-1.96*math.Sqrt(n*m*(n+m+1)/12)))
	s.before, s.after, s.ratio = len(before), len(after), math.Exp(median(differences))
	s.low, s.high = math.Exp(differences[outside]), math.Exp(differences[len(differences)-1-outside])
}

// greatestShift is where values differ most from those before, and how often shuffled values differ as much somewhere;
// a p above the level is only known to be above it. Shuffling makes p exact for runs that do not depend on each other.
func greatestShift(values []float64, level float64) (at int, p float64) {
	ranks := centredRanks(values)
	sums := make([]float64, len(ranks)+1)
	at, observed := statistic(ranks, sums)
	rng := rand.New(rand.NewPCG(uint64(len(values)), 1979)) // the same history gives the same answer
	rounds := int(math.Ceil(perAlarm/level)) - 1
	exceeded := 0
	for range rounds {
		rng.Shuffle(len(ranks), func(i, j int) { ranks[i], ranks[j] = ranks[j], ranks[i] })
		if _, s := statistic(ranks, sums); s >= observed {
			if exceeded++; exceeded >= perAlarm {
				return at, 1 // it can no longer be significant
			}
		}
	}
	return at, float64(exceeded+1) / float64(rounds+1)
}

// statistic is the greatest squared and standardised rank sum of the values before any place, at least minSide from the
// ends (Pettitt, A non-parametric approach to the change-point problem, 1979, standardised so that each place counts
// alike). It is divided by (1+r)/(1-r), by which a correlation r of each value with the next widens its variance: runs
// that resemble the one before drift without any change. Ranks are centred; sums is for its own use.
func statistic(ranks, sums []float64) (at int, greatest float64) {
	n := len(ranks)
	for i, r := range ranks {
		sums[i+1] = sums[i] + r
	}
	for k := minSide; k <= n-minSide; k++ {
		if s := sums[k] * sums[k] / float64(k*(n-k)); s > greatest {
			at, greatest = k, s
		}
	}
	r := correlation(ranks)
	return at, greatest * (1 - r) / (1 + r)
}

// correlation estimates that of each value with the next, not negative, from differences, which changes of the level
// hardly move: those of values two apart are greater than those of neighbours by the root of 1+r.
func correlation(values []float64) float64 {
	var next, overNext float64
	for i := 2; i < len(values); i++ {
		next += math.Abs(values[i] - values[i-1])
		overNext += math.Abs(values[i] - values[i-2])
	}
	if next == 0 {
		return 0
	}
	return min(max(overNext*overNext/(next*next)-1, 0), maxCorrelation)
}

// centredRanks are the ranks of values, equal ones sharing theirs, less their mean.
func centredRanks(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if values[a] < values[b] {
			return -1
		}
		if values[a] > values[b] {
			return 1
		}
		return 0
	})
	ranks := make([]float64, len(values))
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && values[order[to]] == values[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			ranks[i] = float64(from+to-1)/2 - float64(len(order)-1)/2
		}
		from = to
	}
	return ranks
}
