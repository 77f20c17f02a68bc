package predict

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/dagscope/dagscope/engine/plan/simulate"
)

// Bounds of the simulations of one answer.
const (
	mostSimulations = 400
	mostSimulated   = 1_000_000 // tasks in all of them, unless that is less than one simulation for each run
)

// perRun is how many simulations are made at the level of each run of a history.
func perRun(runs, tasks int) int {
	n := min(mostSimulations, mostSimulated/max(1, tasks))
	return max(1, (n+runs-1)/runs)
}

// draw gives each attempt of a structure the times of a sample of its class, with the body at a level.
func (s *structure) draw(r *rand.Rand, levels []float64, level float64) {
	for i := range s.Attempts {
		a, c := &s.Attempts[i], s.classes[i]
		if len(c.samples) == 0 {
			continue // it was skipped in all runs
		}
		x := &c.samples[r.IntN(len(c.samples))]
		a.Delay, a.Wait, a.Hold, a.Settle = x.lag, x.lead, x.settle, x.settle
		a.Execute = int64(math.Round(float64(x.execute) / levels[x.run] * level))
	}
}

// simulations simulates a run of the graph at the level of each run of the history, the earliest first.
type simulations struct {
	random  *rand.Rand
	workers []simulate.Worker
	levels  []float64
	each    int
}

// pool executes a structure, which may be another one for each run.
func (s *simulations) pool(ctx context.Context, structureOf func(run int) (*structure, error)) (pool, error) {
	out := make(pool, len(s.levels))
	for run, level := range s.levels {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at, err := structureOf(run)
		if err != nil {
			return nil, err
		}
		for range s.each {
			at.draw(s.random, s.levels, level)
			result, err := at.simulator.Run(simulate.Conditions{Workers: s.workers})
			if err != nil {
				return nil, err
			}
			out[run] = append(out[run], float64(result.Makespan))
		}
	}
	return out, nil
}
