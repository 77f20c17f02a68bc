package normal

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// series is a history of logarithms of times, one a run.
type series struct {
	name        string
	draw        func(*rand.Rand) float64
	resemblance float64 // of each run to the one before, from 0 to 1
}

func (s *series) history(n int, r *rand.Rand) []float64 {
	out := make([]float64, n)
	previous := s.draw(r)
	for i := range out {
		previous = s.resemblance*previous + (1-s.resemblance)*s.draw(r)
		out[i] = previous
	}
	return out
}

func seldomCold(r *rand.Rand) float64 { return seldom(0.05, 3)(r) + lognormal(0.05)(r) }

var unchanged = []series{
	{name: "lognormal", draw: lognormal(0.1)},
	{name: "Pareto 2", draw: pareto(2)},
	{name: "seldom cold", draw: seldomCold},
	{name: "two values", draw: seldom(0.4, 1.1)},
	{name: "constant", draw: lognormal(0)},
}

// shifted is the share of histories of n runs in which a search finds anything.
func shifted(s *series, n, rounds int, found func([]float64) bool, r *rand.Rand) float64 {
	shifts := 0
	for range rounds {
		if found(s.history(n, r)) {
			shifts++
		}
	}
	return float64(shifts) / float64(rounds)
}

// TestFalseShifts: in at most 2 % of unchanged histories a change is found, whatever the tails. Where runs resemble the
// one before, which shuffled ones do not, it is at most twice that.
func TestFalseShifts(t *testing.T) {
	const rounds = 600
	r := seeded(t, 16)
	any := func(logs []float64) bool { return len(shiftsIn(logs, Level)) > 0 }
	for i := range unchanged {
		for _, n := range []int{MinTrendRuns - 1, MinTrendRuns, 60, 150} {
			share := shifted(&unchanged[i], n, rounds, any, r)
			t.Logf("%s, %d runs: %.2f %%", unchanged[i].name, n, 100*share)
			assert.LessOrEqual(t, share, Level+margin(rounds), "%s, %d runs", unchanged[i].name, n)
		}
	}
	for _, resemblance := range []float64{0.3, 0.5} {
		s := series{draw: lognormal(0.1), resemblance: resemblance}
		share := shifted(&s, 100, rounds, any, r)
		t.Logf("resemblance %v: %.2f %%", resemblance, 100*share)
		assert.LessOrEqual(t, share, 2*Level+margin(rounds), "resemblance %v", resemblance)
	}
}

// TestFalseShiftsNotice: the same check rejects a search that compares the greatest difference with the limit for one
// place that was chosen beforehand.
func TestFalseShiftsNotice(t *testing.T) {
	const rounds = 300
	r := seeded(t, 17)
	chosen := func(logs []float64) bool {
		ranks := centredRanks(logs)
		_, greatest := statistic(ranks, make([]float64, len(ranks)+1))
		n := float64(len(logs))
		z := math.Sqrt(greatest * 12 / (n + 1))
		return math.Erfc(z/math.Sqrt2) <= Level
	}
	share := shifted(&unchanged[0], 60, rounds, chosen, r)
	t.Logf("%.0f %% of unchanged histories have a change", 100*share)
	assert.Greater(t, share, Level+margin(rounds))
}

// TestShifts: a change by 30 % is found, near its place, with an interval that has it, and no other one.
func TestShifts(t *testing.T) {
	const rounds = 300
	r := seeded(t, 18)
	for _, c := range []struct {
		name  string
		draw  func(*rand.Rand) float64
		power float64
	}{
		{"lognormal", lognormal(0.1), 0.9}, {"Pareto 5", pareto(5), 0.65}, {"seldom cold", seldomCold, 0.88},
	} {
		s := series{draw: c.draw}
		found, covered := 0, 0
		for range rounds {
			logs := s.history(60, r)
			for i := 40; i < len(logs); i++ {
				logs[i] += math.Log(1.3)
			}
			shifts := shiftsIn(logs, Level/10)
			if len(shifts) != 1 || shifts[0].at < 35 || shifts[0].at > 45 {
				continue
			}
			found++
			assert.Equal(t, 60, shifts[0].before+shifts[0].after)
			if shifts[0].low <= 1.3 && shifts[0].high >= 1.3 {
				covered++
			}
		}
		t.Logf("%s: found %.1f %%, %.1f %% of their intervals have 1.3", c.name, 100*float64(found)/rounds, 100*float64(covered)/float64(found))
		assert.GreaterOrEqual(t, float64(found)/rounds, c.power, c.name)
		assert.GreaterOrEqual(t, float64(covered)/float64(found), 0.9, c.name)
	}
}

// TestShiftsOfBothWays: of a history that becomes slower and fast again both changes are found, each against the runs up
// to the other one.
func TestShiftsOfBothWays(t *testing.T) {
	logs := (&series{draw: lognormal(0.02)}).history(120, seeded(t, 19))
	for i := 50; i < 80; i++ {
		logs[i] += math.Log(1.5)
	}
	shifts := shiftsIn(logs, Level)
	if assert.Len(t, shifts, 2) {
		assert.Equal(t, []int{50, 80}, []int{shifts[0].at, shifts[1].at})
		assert.InDelta(t, 1.5, shifts[0].ratio, 0.03)
		assert.InDelta(t, 1/1.5, shifts[1].ratio, 0.03)
		assert.Equal(t, []int{50, 30, 30, 40}, []int{shifts[0].before, shifts[0].after, shifts[1].before, shifts[1].after})
	}
	assert.Empty(t, shiftsIn(make([]float64, 50), Level), "no change of a constant")
}

func BenchmarkTrend(b *testing.B) {
	r := rand.New(rand.NewPCG(20, 2026))
	logs := (&series{draw: lognormal(0.1)}).history(MaxTrendRuns, r)
	for i := 150; i < len(logs); i++ {
		logs[i] += math.Log(1.3)
	}
	for b.Loop() {
		shiftsIn(logs, Level/13)
	}
}
