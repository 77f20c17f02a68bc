package main

import (
	"fmt"
	"math"

	"github.com/dagscope/dagscope/metricsstore"
)

// answer is what the question asks for.
type answer map[cell]figures

type cell struct {
	function string
	metric   metricsstore.Metric
}

// figures are how many values there are, and their quantiles.
type figures struct {
	n      int64
	values []float64
}

// differs returns how far another answer's quantiles are from these at most, as a share. The error says where the other one
// is not about the same values.
func (a answer) differs(other answer) (worst float64, err error) {
	if want := functions * len(metrics); len(a) != want || len(other) != want {
		return 0, fmt.Errorf("%d and %d cells, expected %d", len(a), len(other), want)
	}
	for c, f := range a {
		o := other[c]
		if f.n != o.n || len(f.values) != len(o.values) {
			return 0, fmt.Errorf("%s of %s: %d values, expected %d", c.metric, c.function, o.n, f.n)
		}
		for i, v := range f.values {
			worst = max(worst, math.Abs(v-o.values[i])/max(math.Abs(v), 1))
		}
	}
	return worst, nil
}
