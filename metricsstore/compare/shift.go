package compare

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
)

// Shift is how the execution times of one function changed from the first run to the second.
type Shift struct {
	Function string `json:"function"`
	// BaseTasks and RunTasks were executed in the first and the second run, Pairs in both.
	BaseTasks int `json:"base_n"`
	RunTasks  int `json:"run_n"`
	Pairs     int `json:"pairs"`
	// Changed is the difference of all execution time of the function, in nanoseconds.
	Changed int64 `json:"changed_ns"`
	// Ratio is the Hodges-Lehmann estimate of how many times as long tasks took: over the pairs, exp of the median of the
	// Walsh averages of the logarithms of their ratios; without pairs, the ratio of the medians. Against a set of
	// MinRuns or more it is the median of those to each of its runs. Nil if it is not known.
	Ratio *float64 `json:"ratio"`
	// ShiftNS is the Hodges-Lehmann shift: the median of all differences of a task of the second run and one of the first.
	// (Hodges, Lehmann, Estimates of location based on rank tests, 1963.)
	ShiftNS *float64 `json:"shift_ns"`
	// Slower is the probability that a task of the second run takes longer than one of the first, ties counting half:
	// the statistic of Mann and Whitney (1947) as a share of all pairs.
	Slower *float64 `json:"p_slower"`
	// P is the two-sided p-value of that, by its normal approximation corrected for ties, as if tasks were independent,
	// which those of one run are not. Nil below MinTested values in either run.
	P *float64 `json:"p"`
	// KS is the distance of Kolmogorov and Smirnov: the greatest difference of the two distribution functions.
	KS *float64 `json:"ks"`
	// Exact is false if shift or ratio were estimated from MaxPaired quantiles instead of all values.
	Exact bool `json:"exact"`
	// Noticeable: the ratio differs from 1 by Noticed or more.
	Noticeable bool `json:"noticeable"`
	// Interval has the 2.5 % and 97.5 % quantiles of the ratio when the runs of the set are resampled; nil for a pair of
	// runs, and below MinRuns.
	Interval *[2]float64 `json:"interval,omitempty"`
}

const (
	// MaxPaired is how many values of a run are compared one by one.
	MaxPaired = 512
	// MinTested is from how many values on the normal approximation is of use: Mann and Whitney give 8.
	MinTested = 8
	// Noticed is the least change of a ratio that is worth being named first, as of a run that is called slow.
	Noticed = 0.05
)

// shifts compares all functions: first those with a noticeable change, then the others, each by how much the time of the
// function changed.
func shifts(a, b *Side, al *Alignment) []Shift {
	logs := logRatios(a, b, al)
	names := map[string]bool{}
	for f := range a.functions() {
		names[f] = true
	}
	for f := range b.functions() {
		names[f] = true
	}
	out := make([]Shift, 0, len(names))
	for _, f := range slices.Sorted(maps.Keys(names)) {
		out = append(out, newShift(f, a.byFunction[f], b.byFunction[f], logs[f]))
	}
	sortShifts(out)
	return out
}

// sortShifts puts noticeable changes first, and of both the greatest.
func sortShifts(of []Shift) {
	slices.SortStableFunc(of, func(x, y Shift) int {
		if x.Noticeable != y.Noticeable {
			if x.Noticeable {
				return -1
			}
			return 1
		}
		return cmp.Compare(abs(y.Changed), abs(x.Changed))
	})
}

// logRatios has, for each function, the logarithms of the ratios of its pairs.
func logRatios(a, b *Side, al *Alignment) map[string][]float64 {
	logs := map[string][]float64{}
	for node, ratio := range al.Ratio {
		if al.Partner[node] != dag.NoNode && ratio > 0 {
			f := b.tasks[node].id.Function
			logs[f] = append(logs[f], math.Log(b.tasks[node].execute/a.tasks[al.Partner[node]].execute))
		}
	}
	return logs
}

// newShift compares ascending values of a function; logs are the logarithms of the ratios of its pairs.
func newShift(function string, base, run, logs []float64) Shift {
	s := Shift{Function: function, BaseTasks: len(base), RunTasks: len(run), Pairs: len(logs), Exact: max(len(base), len(run)) <= MaxPaired}
	s.Changed = int64(sum(run) - sum(base))
	if len(base) == 0 || len(run) == 0 {
		return s
	}
	shift := hodgesLehmann(thinned(base, MaxPaired), thinned(run, MaxPaired))
	s.ShiftNS = &shift
	s.setRatio(ratioOf(base, run, logs, MaxPaired))
	slower, p, ks := ranks(base, run)
	s.Slower, s.KS = &slower, &ks
	if min(len(base), len(run)) >= MinTested && !math.IsNaN(p) {
		s.P = &p
	}
	return s
}

// setRatio sets the ratio, which may be nil, and whether it is noticeable.
func (s *Shift) setRatio(ratio *float64) {
	s.Ratio = ratio
	s.Noticeable = ratio != nil && math.Abs(math.Log(*ratio)) >= math.Log1p(Noticed)
}

// ratioOf is Shift.Ratio over at most so many pairs.
func ratioOf(base, run, logs []float64, most int) *float64 {
	if len(logs) > 0 {
		slices.Sort(logs)
		ratio := math.Exp(pseudoMedian(thinned(logs, most)))
		return &ratio
	}
	if was := median(base); was > 0 {
		ratio := median(run) / was
		return &ratio
	}
	return nil
}

// hodgesLehmann is the median of all differences of a value of y and one of x.
func hodgesLehmann(x, y []float64) float64 {
	differences := make([]float64, 0, len(x)*len(y))
	for _, b := range y {
		for _, a := range x {
			differences = append(differences, b-a)
		}
	}
	slices.Sort(differences)
	return median(differences)
}

// pseudoMedian is the median of the means of all pairs of values, each value with itself included.
func pseudoMedian(x []float64) float64 {
	means := make([]float64, 0, len(x)*(len(x)+1)/2)
	for i := range x {
		for _, other := range x[i:] {
			means = append(means, (x[i]+other)/2)
		}
	}
	slices.Sort(means)
	return median(means)
}

// thinned is so many values evenly out of more ascending ones.
func thinned(ascending []float64, most int) []float64 {
	n := len(ascending)
	if n <= most {
		return ascending
	}
	out := make([]float64, most)
	for i := range out {
		out[i] = ascending[(2*i+1)*n/(2*most)]
	}
	return out
}

// median of ascending values.
func median(ascending []float64) float64 {
	n := len(ascending)
	return (ascending[(n-1)/2] + ascending[n/2]) / 2
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

// ranks compares two ascending lists in one pass: the probability that a value of y exceeds one of x, ties counting half,
// its two-sided p-value, NaN if all values are equal, and the distance of the distribution functions.
func ranks(x, y []float64) (slower, p, ks float64) {
	n, m := float64(len(x)), float64(len(y))
	var u, ties float64
	for i, j := 0, 0; i < len(x) || j < len(y); {
		at := math.Inf(1)
		if i < len(x) {
			at = x[i]
		}
		if j < len(y) {
			at = min(at, y[j])
		}
		fromX, fromY := i, j
		for i < len(x) && x[i] == at {
			i++
		}
		for j < len(y) && y[j] == at {
			j++
		}
		equalX, equalY := float64(i-fromX), float64(j-fromY)
		u += equalY * (float64(fromX) + equalX/2)
		equal := equalX + equalY
		ties += equal*equal*equal - equal
		ks = max(ks, math.Abs(float64(i)/n-float64(j)/m))
	}
	all := n + m
	deviation := math.Sqrt(n * m / 12 * (all + 1 - ties/(all*(all-1))))
	z := max(0, math.Abs(u-n*m/2)-0.5) / deviation
	if deviation == 0 {
		z = math.NaN()
	}
	return u / (n * m), math.Erfc(z / math.Sqrt2), ks
}
