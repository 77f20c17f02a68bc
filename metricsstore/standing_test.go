package metricsstore_test

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dagscope/dagscope/metricsstore"
)

// tails are logarithms of makespans around 0, of histories that do not change.
func tails(random *rand.Rand) map[string]func() float64 {
	pareto := func(alpha float64) func() float64 {
		return func() float64 { return random.ExpFloat64() / alpha }
	}
	normal := func(sigma float64) func() float64 {
		return func() float64 { return sigma * random.NormFloat64() }
	}
	mixed := func(share, factor float64) func() float64 {
		return func() float64 {
			x := 0.05 * random.NormFloat64()
			if random.Float64() < share {
				x += math.Log(factor)
			}
			return x
		}
	}
	return map[string]func() float64{
		"narrow": normal(0.03), "usual": normal(0.1), "wide": normal(0.5),
		"pareto 1.5": pareto(1.5), "pareto 4": pareto(4), "pareto 20": pareto(20),
		"double exponential": func() float64 { return 0.1 * random.ExpFloat64() * float64(1-2*random.IntN(2)) },
		"seldom cold":        mixed(0.03, 3), "often cold": mixed(0.15, 3), "half": mixed(0.5, 2),
		"all alike": func() float64 { return 0 },
		"digits":    func() float64 { return math.Log(10 + float64(random.IntN(2))) },
		// The last of 40 tasks ends the run; they share half of what makes them slow.
		"tasks": func() float64 {
			shared, last := 0.1*random.NormFloat64(), 0.0
			for range 40 {
				last = max(last, math.Exp(shared+0.1*random.NormFloat64()))
			}
			return math.Log(last)
		},
	}
}

// history draws n makespans and one more; each resembles the one before by the share rho.
func history(draw func() float64, n int, rho float64) (peers []float64, next float64) {
	previous := draw()
	for range n + 1 {
		next = rho*previous + (1-rho)*draw()
		peers = append(peers, 1e9*math.Exp(next))
		previous = next
	}
	return peers[:n], peers[n]
}

// TestFalseAlarms: at most 2 % of the runs of histories in which nothing changes are called slow, whatever their
// spread, however many peers there are, and where runs resemble the one before.
func TestFalseAlarms(t *testing.T) {
	const rounds = 2500
	random := rand.New(rand.NewPCG(9, 2026))
	byPeers := map[int]float64{}
	all := tails(random)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		draw, byTail, numbers, resemblances := all[name], 0.0, []int{5, 12, 19, 20, 35, 60, 100}, []float64{0, 0.3}
		for _, n := range numbers {
			for _, rho := range resemblances {
				slow := 0
				for range rounds {
					if peers, x := history(draw, n, rho); metricsstore.Stand(x, peers).Slow {
						slow++
					}
				}
				share := float64(slow) / rounds
				assert.LessOrEqual(t, share, 0.025, "%s, %d peers, resemblance %v: more than chance allows for", name, n, rho)
				if n >= metricsstore.SlowPeers {
					byTail += share / 8
				}
				byPeers[n] += share / float64(2*len(all))
			}
		}
		assert.LessOrEqual(t, byTail, 0.02, name)
	}
	for n, share := range byPeers {
		assert.LessOrEqual(t, share, 0.02, "%d peers", n)
	}
	t.Logf("false alarms by number of peers: %v", byPeers)
}

// TestTrueAlarms: runs that take half as long again are noticed in histories of usual spread.
func TestTrueAlarms(t *testing.T) {
	const rounds = 1000
	random := rand.New(rand.NewPCG(9, 2026))
	all := tails(random)
	wanted := map[string]float64{
		"narrow": 1, "usual": 0.7, "pareto 20": 0.9, "double exponential": 0.35, "all alike": 1, "digits": 0.99, "tasks": 0.6,
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		draw := all[name]
		for _, n := range []int{20, 50, 100} {
			slow := 0
			for range rounds {
				if peers, x := history(draw, n, 0); metricsstore.Stand(1.5*x, peers).Slow {
					slow++
				}
			}
			share := float64(slow) / rounds
			t.Logf("%s, %d peers: %v", name, n, share)
			assert.GreaterOrEqual(t, share, wanted[name], "%s, %d peers", name, n)
		}
	}
}
