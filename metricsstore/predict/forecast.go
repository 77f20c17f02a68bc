package predict

import (
	"cmp"
	"math"
	"slices"
)

// pool has simulated makespans by the run whose level they were simulated at, the earliest first.
type pool [][]float64

const (
	// forget is the weight of a run to that of the next one. 1/(1-forget) runs count as much as all, so a new level is
	// half of what counts after 14 runs.
	forget = 0.95
	// firstScored is how many runs come before the first one for which a prediction is looked back at.
	firstScored = 3
)

// quantiles of an interval.
var quantiles = [...]float64{0.1, 0.5, 0.9}

// weighted is a value with its weight.
type weighted struct{ value, weight float64 }

// quantile is that of a sum of weights, which may exceed that of the values: the rest is beyond all of them.
func quantile(values []weighted, q, sum float64) float64 {
	slices.SortFunc(values, func(a, b weighted) int { return cmp.Compare(a.value, b.value) })
	reached := 0.0
	for _, v := range values {
		if reached += v.weight; reached >= q*sum*(1-1e-12) {
			return v.value
		}
	}
	return values[len(values)-1].value
}

// simulated is one makespan of a pool.
type simulated struct {
	run      int
	makespan float64
}

// sorted lists the makespans of a pool, the least first.
func (p pool) sorted() []simulated {
	var out []simulated
	for run, makespans := range p {
		for _, makespan := range makespans {
			out = append(out, simulated{run, makespan})
		}
	}
	slices.SortFunc(out, func(a, b simulated) int { return cmp.Compare(a.makespan, b.makespan) })
	return out
}

// interval is that of the simulations, as sorted lists them, at the levels of the runs before one.
func (p pool) interval(sorted []simulated, before int) (at [len(quantiles)]float64) {
	weights, sum := make([]float64, before), 0.0
	for run := range before {
		weights[run] = math.Pow(forget, float64(before-1-run))
		sum += weights[run]
		weights[run] /= float64(len(p[run]))
	}
	reached, next := 0.0, 0
	for _, s := range sorted {
		if s.run >= before {
			continue
		}
		reached += weights[s.run]
		for next < len(at) && reached >= quantiles[next]*sum*(1-1e-9) {
			at[next] = s.makespan
			next++
		}
	}
	return at
}

// forecast predicts the makespan of each run of a history, and of the next one, from the runs before it.
type forecast struct {
	makespans []float64
	simulated [][len(quantiles)]float64 // quantiles of the simulation for each run and the next; 0 before firstScored
}

func newForecast(p pool, makespans []float64) *forecast {
	f := &forecast{makespans: makespans, simulated: make([][len(quantiles)]float64, len(makespans)+1)}
	sorted := p.sorted()
	for run := firstScored; run <= len(makespans); run++ {
		for i, ns := range p.interval(sorted, run) {
			f.simulated[run][i] = max(1, ns)
		}
	}
	return f
}

// correction is the factor for quantile i of the simulation for a run: the quantile of the ratios by which earlier runs
// exceeded theirs. The run that is predicted counts as one of them, of which nothing is known: it is taken to be further
// out than the others.
func (f *forecast) correction(i, run int) float64 {
	var ratios []weighted
	q, side, sum, squares := quantiles[i], 1.0, 0.0, 0.0
	if q < 0.5 {
		q, side = 1-q, -1 // the same from the other end
	}
	for earlier := firstScored; earlier < run; earlier++ {
		weight := math.Pow(forget, float64(run-1-earlier))
		sum, squares = sum+weight, squares+weight*weight
		ratios = append(ratios, weighted{side * max(1, f.makespans[earlier]) / f.simulated[earlier][i], weight})
	}
	if len(ratios) == 0 {
		return 1
	}
	if q != 0.5 {
		sum += squares / sum // the share of one of them, by Kish's effective number of samples
	}
	return side * quantile(ratios, q, sum)
}

// at is the prediction for a run from the ones before it.
func (f *forecast) at(run int) Interval {
	var at [len(quantiles)]float64
	for i := range at {
		at[i] = f.simulated[run][i] * f.correction(i, run)
	}
	return newInterval(at)
}

func newInterval(at [len(quantiles)]float64) Interval {
	slices.Sort(at[:]) // each is corrected for itself
	return Interval{P10NS: whole(at[0]), P50NS: whole(at[1]), P90NS: whole(at[2])}
}

func whole(ns float64) int64 { return int64(math.Round(min(ns, 1<<62))) }

// calibration looks back at the runs of which enough came before.
func (f *forecast) calibration() Calibration {
	c := Calibration{}
	for run := MinRuns; run < len(f.makespans); run++ {
		at := f.at(run)
		c.Runs++
		if f.makespans[run] <= float64(at.P90NS) {
			c.WithinP90++
		}
		if f.makespans[run] < float64(at.P10NS) {
			c.BelowP10++
		}
	}
	return c
}
