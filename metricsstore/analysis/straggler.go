package analysis

import (
	"math"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Rules of stragglers.
const (
	// Straggles is how many times its function's median a task takes to be a straggler.
	Straggles = 1.5
	// MedianNeeds is the least number of values for a median that is worth comparing with.
	MedianNeeds = 5
)

// Straggler is a task that held up the others of its function.
type Straggler struct {
	Node dag.NodeID
	// Row is its attempt that ended well.
	Row int
	// Ratio is its execution time in medians of its function.
	Ratio float64
	// Late is how long after every other task of its function it ended, in nanoseconds.
	Late float64
}

// straggler is the task that held up its function's others longest, having taken much longer than their median; nil if
// there is none.
func (r *Run) straggler() *Straggler {
	a := &r.attempts
	executes := r.executesUntil(infinity)
	last, second := make([]int, len(executes)), make([]float64, len(executes))
	for fn := range last {
		last[fn], second[fn] = noRow, -infinity
	}
	for row, node := range a.node {
		if a.outcome[row] != record.OutcomeOK {
			continue
		}
		switch fn, end := r.function[node], a.updated[row]; {
		case last[fn] == noRow:
			last[fn] = row
		case end > a.updated[last[fn]]:
			last[fn], second[fn] = row, a.updated[last[fn]]
		default:
			second[fn] = max(second[fn], end)
		}
	}
	var worst *Straggler
	for fn, row := range last {
		if row == noRow || len(executes[fn]) < MedianNeeds {
			continue
		}
		median, late := Quantile(executes[fn], 0.5), a.updated[row]-second[fn]
		took := a.ended[row] - a.started[row]
		if median > 0 && took >= Straggles*median && late > 0 && (worst == nil || late > worst.Late) {
			worst = &Straggler{a.node[row], row, took / median, late}
		}
	}
	return worst
}

// executesUntil is, for each function of the graph, how long the attempts executed that had ended well at a moment,
// ascending.
func (r *Run) executesUntil(at float64) [][]float64 {
	a := &r.attempts
	out := make([][]float64, len(r.Numbering.Graph().Functions()))
	for row, node := range a.node {
		if a.outcome[row] != record.OutcomeOK || !(a.updated[row] <= at) {
			continue
		}
		if ns := a.phases(row).execute; !math.IsNaN(ns) {
			out[r.function[node]] = append(out[r.function[node]], ns)
		}
	}
	for _, values := range out {
		slices.Sort(values)
	}
	return out
}

// Quantile q of ascending values, by linear interpolation between order statistics: type 7 of Hyndman and Fan, Sample
// quantiles in statistical packages (1996), as the digests have it. There must be at least one value.
func Quantile(ascending []float64, q float64) float64 {
	place := float64(float64(len(ascending)-1) * q)
	low := int(place)
	value, next := ascending[low], ascending[min(low+1, len(ascending)-1)]
	return value + float64((place-float64(low))*(next-value))
}
