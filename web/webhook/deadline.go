package webhook

import (
	"math"
	"slices"
	"time"
)

// falseAlarms is the greatest share of runs that may be called late although nothing has changed.
const falseAlarms = 0.02

// Deadlines is what earlier runs say about how long the next one may take.
type Deadlines struct {
	Deadline time.Duration
	// Runs is how many earlier runs the deadline is learnt from, and FalseAlarms the greatest probability that a run exceeds
	// it that differs from them by chance only.
	Runs        int
	FalseAlarms float64
}

// Deadline learns a deadline from how long n earlier runs took. It is the k-th shortest of them, with the least k for
// which a further run exceeds it with probability (n+1-k)/(n+1) <= 0.02, whatever the distribution: all n+1 runs are equally
// likely to be the one with a given rank, if they are exchangeable (the quantile of split conformal prediction; Vovk,
// Gammerman, Shafer, Algorithmic Learning in a Random World, 2005, section 2.2). That takes 49 runs; ok is false with fewer.
func Deadline(earlier []time.Duration) (d Deadlines, ok bool) {
	n := len(earlier)
	k := int(math.Ceil((1 - falseAlarms) * float64(n+1)))
	if k > n {
		return Deadlines{}, false
	}
	return Deadlines{
		Deadline: slices.Sorted(slices.Values(earlier))[k-1], Runs: n, FalseAlarms: float64(n+1-k) / float64(n+1),
	}, true
}
