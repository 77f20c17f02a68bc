package normal

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dagscope/dagscope/metricsstore"
)

// load draws runs of a workflow that does not change: the tasks of a run share its machine and its moment.
type load struct {
	name      string
	functions int
	tasks     int                        // of each function
	run       func(r *rand.Rand) float64 // logarithm of what all tasks of a run share
	function  func(r *rand.Rand) float64 // … what the tasks of a function share in one run
	task      func(r *rand.Rand) float64 // … of one task
	missing   float64                    // share of runs that lack a function
}

func lognormal(sigma float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 { return sigma * r.NormFloat64() }
}

func pareto(alpha float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 { return r.ExpFloat64() / alpha }
}

// seldom is a logarithm that is mostly 0: a machine that starts cold, or that others use.
func seldom(share, factor float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 {
		if r.Float64() < share {
			return math.Log(factor)
		}
		return 0
	}
}

var loads = []load{
	{name: "lognormal", functions: 12, tasks: 40, run: lognormal(0.1), function: lognormal(0.05), task: lognormal(0.5)},
	{name: "one function", functions: 1, tasks: 40, run: lognormal(0.1), function: lognormal(0.05), task: lognormal(0.5)},
	{name: "independent functions", functions: 12, tasks: 40, run: lognormal(0), function: lognormal(0.1), task: lognormal(0.5)},
	{name: "single tasks of Pareto 2", functions: 12, tasks: 1, run: lognormal(0.1), function: lognormal(0), task: pareto(2)},
	{name: "runs of Pareto 4", functions: 6, tasks: 20, run: pareto(4), function: lognormal(0.05), task: pareto(1.5)},
	{name: "functions of Pareto 4", functions: 12, tasks: 20, run: lognormal(0.05), function: pareto(4), task: lognormal(0.3)},
	{name: "seldom cold", functions: 12, tasks: 20, run: seldom(0.03, 3), function: lognormal(0.05), task: lognormal(0.3)},
	{name: "functions often cold", functions: 12, tasks: 5, run: lognormal(0.05), function: seldom(0.1, 3), task: lognormal(0.3)},
	{name: "nearly constant", functions: 12, tasks: 20, run: lognormal(0.001), function: lognormal(0.001), task: lognormal(0.001)},
	{name: "thirty functions, some missing", functions: 30, tasks: 3, run: lognormal(0.1), function: lognormal(0.05), task: lognormal(0.5), missing: 0.1},
}

// drawn is a run: the times of the tasks of each function.
type drawn struct {
	tasks   map[metricsstore.FunctionName][]float64
	medians Medians
}

func (l *load) draw(r *rand.Rand) drawn {
	out, shared := drawn{map[metricsstore.FunctionName][]float64{}, Medians{}}, l.run(r)
	for f := range l.functions {
		own := l.function(r)
		if r.Float64() < l.missing {
			continue
		}
		tasks := make([]float64, l.tasks)
		for i := range tasks {
			tasks[i] = 1e7 * float64(f+1) * math.Exp(shared+own+l.task(r))
		}
		out.set(functionOf(f), tasks)
	}
	return out
}

func (d *drawn) set(f metricsstore.FunctionName, tasks []float64) {
	d.tasks[f], d.medians[f] = tasks, median(slices.Sorted(slices.Values(tasks)))
}

func functionOf(f int) metricsstore.FunctionName {
	return metricsstore.FunctionName{Function: fmt.Sprintf("f%02d", f)}
}

// judge lists the functions of a run that are slow.
type judge func(run drawn, peers []drawn) []metricsstore.FunctionName

// byRuns is the judge of this package.
func byRuns(run drawn, peers []drawn) (slow []metricsstore.FunctionName) {
	medians := make([]Medians, len(peers))
	for i, p := range peers {
		medians[i] = p.medians
	}
	together := newFamily(run.medians, medians)
	for f, ns := range run.medians {
		if limit, known := together.limitNS(f); known && ns > limit {
			slow = append(slow, f)
		}
	}
	return slow
}

// byPooledTasks is a judge that is wrong: it compares the tasks of a run with all tasks of its peers, as if tasks were
// independent, by the rank-sum test at Level divided by the number of functions.
func byPooledTasks(run drawn, peers []drawn) (slow []metricsstore.FunctionName) {
	for f, tasks := range run.tasks {
		n, m, u := float64(len(tasks)), 0.0, 0.0
		for _, p := range peers {
			for _, theirs := range p.tasks[f] {
				m++
				for _, own := range tasks {
					if own > theirs {
						u++
					}
				}
			}
		}
		z := (u - n*m/2) / math.Sqrt(n*m*(n+m+1)/12)
		if math.Erfc(z/math.Sqrt2)/2 < Level/float64(len(run.tasks)) {
			slow = append(slow, f)
		}
	}
	return slow
}

// history draws so many runs.
func (l *load) history(n int, r *rand.Rand) []drawn {
	out := make([]drawn, n)
	for i := range out {
		out[i] = l.draw(r)
	}
	return out
}

// falseAlarms is the share of unchanged runs in which a judge calls anything slow: each of them, and its peers, are runs
// of one history in random order.
func falseAlarms(history []drawn, of judge, peers, rounds int, r *rand.Rand) float64 {
	alarms := 0
	for range rounds {
		for i := range peers + 1 {
			k := i + r.IntN(len(history)-i)
			history[i], history[k] = history[k], history[i]
		}
		if len(of(history[peers], history[:peers])) > 0 {
			alarms++
		}
	}
	return float64(alarms) / float64(rounds)
}

// margin is by how much a share of so many rounds may exceed Level by chance: three standard deviations.
func margin(rounds int) float64 { return 3 * math.Sqrt(Level*(1-Level)/float64(rounds)) }

// seeded logs the seed, which is the same each time: what fails once fails again.
func seeded(t *testing.T, seed uint64) *rand.Rand {
	t.Helper()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 2026))
}

// TestFalseAlarms: in at most 2 % of unchanged runs any function is called slow, whatever the tails, however many functions
// and peers there are, and although tasks of one run resemble each other.
func TestFalseAlarms(t *testing.T) {
	const rounds = 1000
	r := seeded(t, 13)
	total, tried := 0.0, 0.0
	for i := range loads {
		history := loads[i].history(2500, r)
		for _, peers := range []int{MinPeers, 49} {
			share := falseAlarms(history, byRuns, peers, rounds, r)
			t.Logf("%s, %d peers: %.2f %%", loads[i].name, peers, 100*share)
			assert.LessOrEqual(t, share, Level+margin(rounds), "%s, %d peers", loads[i].name, peers)
			total, tried = total+share, tried+1
		}
		assert.Zero(t, falseAlarms(history, byRuns, MinPeers-1, 100, r), "with too few peers")
	}
	assert.LessOrEqual(t, total/tried, Level, "on average")
	share := falseAlarms(loads[2].history(2500, r), byRuns, 100, rounds, r)
	assert.LessOrEqual(t, share, Level+margin(rounds), "100 peers, two of which may have been slow")
}

// TestFalseAlarmsNotice: pooling the tasks of many runs does not pass for a judge.
func TestFalseAlarmsNotice(t *testing.T) {
	const rounds = 100
	r := seeded(t, 14)
	share := falseAlarms(loads[0].history(1000, r), byPooledTasks, MinPeers, rounds, r)
	t.Logf("pooled tasks: %.0f %% of unchanged runs are called slow", 100*share)
	assert.Greater(t, share, Level+margin(rounds))
}

// TestPower: a function that takes 30 % longer is named, alone, where runs differ as much as they do on machines that
// nothing else uses.
func TestPower(t *testing.T) {
	const rounds = 300
	r := seeded(t, 15)
	usual := load{functions: 12, tasks: 40, run: lognormal(0.03), function: lognormal(0.02), task: lognormal(0.2)}
	slowed := functionOf(5)
	for _, c := range []struct {
		peers int
		power float64
	}{{MinPeers, 0.7}, {49, 0.8}, {100, 0.85}} {
		named := 0
		for range rounds {
			run := usual.draw(r)
			tasks := run.tasks[slowed]
			for i := range tasks {
				tasks[i] *= 1.3
			}
			run.set(slowed, tasks)
			if slices.Equal(byRuns(run, usual.history(c.peers, r)), []metricsstore.FunctionName{slowed}) {
				named++
			}
		}
		share := float64(named) / rounds
		t.Logf("%d peers: %.1f %% named", c.peers, 100*share)
		assert.GreaterOrEqual(t, share, c.power, "%d peers", c.peers)
	}
}
