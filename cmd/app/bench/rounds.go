package bench

import (
	"context"
	"slices"
)

// Interleave measures several ways of doing the same in turns, and returns the samples of each, in the order of the
// rounds. What disturbs the machine for a while then disturbs all of them, and because each round begins with the next
// way, none always comes first. The first error ends it, also that of ctx.
func Interleave[T any](ctx context.Context, rounds int, ways ...func() (T, error)) ([][]T, error) {
	samples := make([][]T, len(ways))
	for round := range rounds {
		for i := range ways {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			way := (round + i) % len(ways)
			sample, err := ways[way]()
			if err != nil {
				return nil, err
			}
			samples[way] = append(samples[way], sample)
		}
	}
	return samples, nil
}

// Series are figures in ascending order.
type Series []float64

// NewSeries sorts a copy of the figures.
func NewSeries(figures []float64) Series { return slices.Sorted(slices.Values(figures)) }

// At is the figure at a quantile from 0, the least, to 1, the greatest: the nearest below, 0 without any.
func (s Series) At(quantile float64) float64 {
	if len(s) == 0 {
		return 0
	}
	return s[int(quantile*float64(len(s)-1))]
}
