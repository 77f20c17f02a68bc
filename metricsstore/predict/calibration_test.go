package predict

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/plan/simulate"
	"github.com/dagscope/dagscope/engine/record"
)

var (
	first  = engine.Func1("first", func(_ context.Context, n int) (int, error) { return n, nil })
	second = engine.Func1("second", func(_ context.Context, n int) (int, error) { return n, nil })
	gather = engine.Func1("gather", func(_ context.Context, all []int) (int, error) { return len(all), nil })
)

// pairs is a graph of chains of two tasks, gathered.
func pairs(t testing.TB, chains int) *dag.Graph {
	g := engine.NewBuilder()
	var all []engine.Ref[int]
	for i := range chains {
		all = append(all, second.Call(first.Call(engine.Const(g, i))))
	}
	out, err := g.Compile(gather.Call(engine.List(g, all...)))
	require.NoError(t, err)
	return out
}

// synthetic makes runs of a graph without executing them: each has a level, and each task a time at that level, both
// lognormal.
type synthetic struct {
	t       testing.TB
	random  *rand.Rand
	graph   *dag.Graph
	workers []simulate.Worker
	shift   float64
	runs    int
}

const (
	betweenRuns  = 0.2
	betweenTasks = 0.4
)

// seedOf is DAGSCOPE_SEED, else the same each time: what fails once fails again.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("DAGSCOPE_SEED")
	if text == "" {
		return 1
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, "DAGSCOPE_SEED")
	return seed
}

func newSynthetic(t testing.TB, seed uint64, chains int) *synthetic {
	return &synthetic{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), graph: pairs(t, chains), shift: 1,
		workers: []simulate.Worker{{Lanes: make([]int64, 4), Queues: 4}},
	}
}

func (s *synthetic) run() *observation {
	o := &observation{id: record.RunID(fmt.Sprint(s.runs)), graph: "graph", numbering: dag.NewNumbering(s.graph), widths: map[int32][]int{}}
	s.runs++
	o.grow()
	level := s.shift * math.Exp(betweenRuns*s.random.NormFloat64())
	for n := range o.tasks {
		usual := 10e6
		if f, _ := functionAt(s.graph, o.numbering.Locate(dag.NodeID(n))); f.Function == "second" {
			usual = 30e6
		}
		o.tasks[n].execute = int64(usual * level * math.Exp(betweenTasks*s.random.NormFloat64()))
		o.tasks[n].done = true
	}
	at, err := newStructure(o.numbering, newClasses("graph", nil), unskipped)
	require.NoError(s.t, err)
	for n := range at.Attempts {
		at.Attempts[n].Execute = o.tasks[n].execute
	}
	out, err := at.simulator.Run(simulate.Conditions{Workers: s.workers})
	require.NoError(s.t, err)
	for n, span := range out.Spans {
		t := &o.tasks[n]
		t.first, t.claimed, t.started, t.ended, t.over = span.Claimed, span.Claimed, span.Started, span.Ended, span.Over
	}
	o.makespan = out.Makespan
	return o
}

// cut is what was known of a run at a moment.
func (o *observation) cut(at int64) *observation {
	now := &observation{id: o.id, graph: o.graph, numbering: o.numbering, widths: map[int32][]int{}}
	now.grow()
	for n, t := range o.tasks {
		switch {
		case t.over <= at:
			now.tasks[n] = t
		case t.claimed <= at:
			now.tasks[n].first = t.claimed
			now.begun.Start(&record.Step{Node: dag.NodeID(n), Claimed: t.claimed})
		}
	}
	return now
}

// predictor predicts the run after a history.
type predictor func(*synthetic, []*observation) Interval

// corrected is the predictor of the package.
func corrected(s *synthetic, history []*observation) Interval {
	p := learn("graph", history)
	return s.forecast(p).at(len(history))
}

// independent ignores that the tasks of a run are correlated, and its own record.
func independent(s *synthetic, history []*observation) Interval {
	p := learn("graph", history)
	for i := range p.classes.levels {
		p.classes.levels[i] = 1
	}
	simulated := s.simulated(p)
	return newInterval(simulated.interval(simulated.sorted(), len(simulated)))
}

func (s *synthetic) simulated(p *past) pool {
	p.sim.workers, p.sim.each = s.workers, perRun(len(p.history), s.graph.Tasks())
	structureOf, _, widths, err := p.structures(s.graph)
	require.NoError(s.t, err)
	require.True(s.t, widths)
	out, err := p.sim.pool(s.t.Context(), structureOf)
	require.NoError(s.t, err)
	return out
}

func (s *synthetic) forecast(p *past) *forecast { return newForecast(s.simulated(p), p.makespans()) }

// look is how a series of predictions turned out.
type look struct {
	within []bool    // p90
	below  []bool    // p10
	width  []float64 // p90 to p50
}

// follow predicts each of n runs from those before it, and lets change alter the load before a run.
func (s *synthetic) follow(predict predictor, n int, change func(i int)) look {
	var history []*observation
	for range MaxRuns {
		history = append(history, s.run())
	}
	var out look
	for i := range n {
		change(i)
		at := predict(s, history[len(history)-MaxRuns:])
		next := s.run()
		out.within = append(out.within, next.makespan <= at.P90NS)
		out.below = append(out.below, next.makespan < at.P10NS)
		out.width = append(out.width, float64(at.P90NS)/float64(at.P50NS))
		history = append(history, next)
	}
	return out
}

func share(of []bool) float64 {
	n := 0
	for _, is := range of {
		if is {
			n++
		}
	}
	return float64(n) / float64(len(of))
}

// isCalibrated reports whether p90 covers 90 ± 5 % of runs.
func isCalibrated(l look) bool { return math.Abs(share(l.within)-0.9) <= 0.05 }

// TestCalibration: on a stationary load p90 covers 90 ± 5 % of later runs, and a predictor that draws all tasks
// independently of each other does not.
func TestCalibration(t *testing.T) {
	seed := seedOf(t)
	stationary := func(int) {}
	right := newSynthetic(t, seed, 20).follow(corrected, 800, stationary)
	wrong := newSynthetic(t, seed, 20).follow(independent, 300, stationary)
	t.Logf("seed %d: p90 covers %.3f, p10 is above %.3f; independent draws: %.3f and %.3f",
		seed, share(right.within), share(right.below), share(wrong.within), share(wrong.below))
	assert.True(t, isCalibrated(right), "seed %d: p90 covers %.3f of the runs", seed, share(right.within))
	assert.InDelta(t, 0.1, share(right.below), 0.05, "seed %d", seed)
	assert.False(t, isCalibrated(wrong), "seed %d: a wrong predictor passes with %.3f", seed, share(wrong.within))
}

// answersShift reports whether, within ten runs after a shift, the interval is half as wide again as before and covers as
// much as it should. Each look is a series of twenty runs before and thirty after it.
func answersShift(looks []look) (ok bool, widened, covers float64) {
	before, after, n, within := 0.0, 0.0, 0, 0
	for _, l := range looks {
		for _, width := range l.width[:20] {
			before += (width - 1) / 20
		}
		widest := 0.0
		for _, width := range l.width[20:30] {
			widest = max(widest, width-1)
		}
		after += widest
		for _, is := range l.within[30:] {
			if n++; is {
				within++
			}
		}
	}
	widened, covers = after/before, float64(within)/float64(n)
	return widened >= 1.5 && covers >= 0.85, widened, covers
}

// TestShift: after a load that is 1.5 times as high the interval widens and covers again within ten runs. That of
// independent draws does not.
func TestShift(t *testing.T) {
	seed := seedOf(t)
	series := func(p predictor) (looks []look) {
		for i := range uint64(15) {
			s := newSynthetic(t, seed+i, 12)
			looks = append(looks, s.follow(p, 50, func(run int) {
				if run == 20 {
					s.shift = 1.5
				}
			}))
		}
		return looks
	}
	ok, widened, covers := answersShift(series(corrected))
	wrongOK, wrongWidened, wrongCovers := answersShift(series(independent))
	t.Logf("seed %d: %.2f times as wide, covers %.3f from the tenth run on; independent draws: %.2f and %.3f", seed, widened, covers, wrongWidened, wrongCovers)
	assert.True(t, ok, "seed %d: %.2f times as wide, covers %.3f", seed, widened, covers)
	assert.False(t, wrongOK, "seed %d: a wrong predictor passes: %.2f times as wide, covers %.3f", seed, wrongWidened, wrongCovers)
}

// TestUnderWay: half way through a run its end is known better than before, and p10 and p90 are still near their shares.
func TestUnderWay(t *testing.T) {
	seed := seedOf(t)
	s := newSynthetic(t, seed, 20)
	var history []*observation
	for range MaxRuns {
		history = append(history, s.run())
	}
	var within, below []bool
	before, half := 0.0, 0.0
	for range 300 {
		p := learn("graph", history[len(history)-MaxRuns:])
		f := s.forecast(p)
		next := s.run()
		history = append(history, next)
		l := &EndPrediction{AsOfNS: next.makespan / 2}
		require.NoError(t, l.predict(t.Context(), p, f, next.cut(l.AsOfNS)))
		within = append(within, next.makespan <= l.End.P90NS)
		below = append(below, next.makespan < l.End.P10NS)
		half += float64(l.End.P90NS - l.End.P10NS)
		at := f.at(MaxRuns)
		before += float64(at.P90NS - at.P10NS)
	}
	t.Logf("seed %d: p90 covers %.3f, p10 is above %.3f, %.2f times as wide as before the run", seed, share(within), share(below), half/before)
	assert.InDelta(t, 0.9, share(within), 0.1, "seed %d", seed)
	assert.InDelta(t, 0.1, share(below), 0.1, "seed %d", seed)
	assert.Less(t, half/before, 0.6, "seed %d", seed)
}
