package webhook_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/web/webhook"
)

// stationary draws durations of runs of a workflow that does not change.
func stationary(random *rand.Rand) map[string]func() float64 {
	return map[string]func() float64{
		"normal":     func() float64 { return max(10+random.NormFloat64(), 0) },
		"log-normal": func() float64 { return math.Exp(1.5 * random.NormFloat64()) },
		"Pareto":     func() float64 { return math.Exp(random.ExpFloat64() / 1.1) },
		"cold":       func() float64 { return 1 + 10*float64(random.IntN(20)/19) + 0.1*random.Float64() },
		"equal":      func() float64 { return 1 },
		// The last of 8 tasks ends the run; they share what makes them slow.
		"tasks": func() float64 {
			shared, last := random.NormFloat64(), 0.0
			for range 8 {
				last = max(last, math.Exp(0.3*(shared+random.NormFloat64())))
			}
			return last
		},
	}
}

// lateness is how often a further run exceeds the deadline learnt from n.
func lateness(learn func([]time.Duration) (webhook.Deadlines, bool), draw func() float64, n, rounds int) float64 {
	late := 0
	took := make([]time.Duration, n)
	for range rounds {
		for i := range took {
			took[i] = time.Duration(1e9 * draw())
		}
		if d, ok := learn(took); ok && time.Duration(1e9*draw()) > d.Deadline {
			late++
		}
	}
	return float64(late) / float64(rounds)
}

// TestFalseAlarms: runs that differ from earlier ones by chance only are late as seldom as stated, and, where no two take
// equally long, hardly more seldom.
func TestFalseAlarms(t *testing.T) {
	const rounds = 10_000
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for name, draw := range stationary(random) {
		for _, n := range []int{49, 100} {
			d, ok := webhook.Deadline(make([]time.Duration, n))
			require.True(t, ok)
			assert.Equal(t, n, d.Runs)
			require.LessOrEqual(t, d.FalseAlarms, 0.02)
			noise := 5 * math.Sqrt(d.FalseAlarms*(1-d.FalseAlarms)/rounds)
			share := lateness(webhook.Deadline, draw, n, rounds)
			assert.LessOrEqual(t, share, d.FalseAlarms+noise, "%s, %d runs", name, n)
			if name != "equal" {
				assert.GreaterOrEqual(t, share, d.FalseAlarms-noise, "%s, %d runs", name, n)
			}
		}
	}
}

// TestFalseAlarmsNotices: a deadline that is too short is noticed.
func TestFalseAlarmsNotices(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	draw := stationary(rand.New(rand.NewPCG(seed, 1)))["log-normal"]
	short := func(took []time.Duration) (webhook.Deadlines, bool) {
		d, ok := webhook.Deadline(took)
		d.Deadline = d.Deadline * 2 / 3
		return d, ok
	}
	assert.Greater(t, lateness(short, draw, 60, 10_000), 0.025)
}

func TestDeadlineNeedsRuns(t *testing.T) {
	_, ok := webhook.Deadline(make([]time.Duration, 48))
	assert.False(t, ok)
	took := make([]time.Duration, 49)
	for i := range took {
		took[i] = time.Duration(49 - i)
	}
	d, ok := webhook.Deadline(took)
	require.True(t, ok)
	assert.Equal(t, webhook.Deadlines{Deadline: 49, Runs: 49, FalseAlarms: 0.02}, d)
	assert.Equal(t, time.Duration(49), took[0], "what was given is not changed")
}
