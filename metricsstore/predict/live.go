package predict

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/plan/simulate"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Follower predicts the end of one run again and again while it is under way. What the earlier runs say is found once.
// Safe for concurrent use.
type Follower struct {
	run  record.RunID
	runs int // with the same parameters
	read int // of those

	mu       sync.Mutex // guards the simulations that past makes
	past     *past      // nil with too few runs
	forecast *forecast  // of whole runs; nil if widths of fan-outs are not known
}

// Follow prepares predictions for a run that has not ended from runs with the same parameters, the latest first. The error
// is metricsstore.ErrInvalid if the run is too large.
func Follow(ctx context.Context, q *metricsstore.Queries, run *metricsstore.Run, like []record.RunID) (*Follower, error) {
	if run.Graph.Tasks > MaxTasks {
		return nil, invalid("run %s has %d tasks, expected at most %d for a prediction", run.Info.ID, run.Graph.Tasks, MaxTasks)
	}
	f := &Follower{run: run.Info.ID, runs: len(like)}
	if f.runs < MinRuns {
		return f, nil
	}
	history, err := history(ctx, q, like)
	if f.read = len(history); err != nil || f.read < MinRuns {
		return f, err
	}
	if f.past, err = newPast(ctx, q, run.Graph.Hash, history); err != nil {
		return nil, err
	}
	g, err := q.Graph(ctx, f.run)
	if err != nil {
		return nil, err
	}
	f.forecast, err = f.past.whole(ctx, g)
	return f, err
}

// whole looks back at earlier runs, for what corrects the quantiles; nil if widths of fan-outs are not known.
func (p *past) whole(ctx context.Context, g *dag.Graph) (*forecast, error) {
	structureOf, latest, widths, err := p.structures(g)
	if err != nil || !widths {
		return nil, err
	}
	p.sim.each = perRun(len(p.history), latest.numbering.Tasks())
	simulated, err := p.sim.pool(ctx, structureOf)
	if err != nil {
		return nil, err
	}
	return newForecast(simulated, p.makespans()), nil
}

// End predicts, at a moment, when the run will end. Tasks that have ended took as long as they did and say at which level
// the run is; one that is being executed takes longer than it has already. What is missing for a prediction is in the
// answer. The error is metricsstore.ErrInvalid if the run has ended.
func (f *Follower) End(ctx context.Context, q *metricsstore.Queries, run *metricsstore.Run, now time.Time) (*EndPrediction, error) {
	if run.Status.Final() {
		return nil, invalid("run %s has %s, expected one that has not ended", f.run, run.Status)
	}
	current, err := observe(ctx, q, run)
	if err != nil {
		return nil, err
	}
	l := &EndPrediction{
		Run: f.run, AsOfNS: max(0, int64(now.Sub(run.Info.StartedAt))), Done: current.done(), Running: current.begun.Len(), Runs: f.read, MinRuns: MinRuns,
		Level: 1, Method: Method,
	}
	switch {
	case f.past == nil:
		l.Missing = tooFew(f.runs)
		return l, nil
	case f.forecast == nil:
		l.Missing = unknownWidth
		return l, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return l, l.predict(ctx, f.past, f.forecast, current)
}

// done counts the tasks that have ended.
func (o *observation) done() int {
	n := 0
	for id := range o.tasks {
		if o.tasks[id].done && o.numbering.IsTask(dag.NodeID(id)) {
			n++
		}
	}
	return n
}

// predict simulates what is left of a run.
func (l *EndPrediction) predict(ctx context.Context, p *past, f *forecast, current *observation) error {
	l.Calibration = f.calibration()
	r, err := newRest(p, current, l.AsOfNS)
	if err != nil {
		return err
	}
	left, err := r.pool(ctx, p)
	if err != nil {
		return err
	}
	l.Simulated = p.sim.each * len(p.history)
	l.Level = math.Exp(r.level - r.usual)
	var at [len(quantiles)]float64
	for i, ns := range left.interval(left.sorted(), len(left)) {
		at[i] = float64(l.AsOfNS) + ns*f.correction(i, len(p.history))
	}
	end := newInterval(at)
	l.End = &end
	return nil
}

// rest is what is left of a run: tasks that are being executed, and those that wait.
type rest struct {
	*structure
	ages   []int64 // of the attempt that is being executed, -1 of those that are not
	held   []bool  // ready, and behind those that are being executed
	level  float64 // logarithm of the level of the run so far
	usual  float64 // mean of those of the history
	weight float64 // how much level says about the rest, from 0 to 1
}

func newRest(p *past, current *observation, now int64) (*rest, error) {
	n := current.numbering
	for region, widths := range p.latest().widths {
		if seen := current.widths[region]; len(seen) < len(widths) {
			current.widths[region] = append(slices.Clone(seen), widths[len(seen):]...)
		}
	}
	if _, err := expand(n, current.widths); err != nil {
		return nil, err
	}
	current.grow()
	s, err := newStructure(n, p.classes, func(id dag.NodeID) bool { return current.tasks[id].done })
	if err != nil {
		return nil, err
	}
	r := &rest{structure: s}
	running := map[dag.NodeID]bool{}
	for id := range current.begun.Nodes {
		running[id] = true
	}
	waits := make([]int, n.Nodes())
	for id := range waits {
		if !current.tasks[id].done {
			for _, c := range s.Children.Of(uint32(id)) {
				waits[c]++
			}
		}
	}
	for id := range waits {
		if s.First[id] == s.First[id+1] {
			continue
		}
		age := int64(-1)
		if running[dag.NodeID(id)] {
			age = max(0, now-current.tasks[id].first)
		}
		r.ages = append(r.ages, age)
		r.held = append(r.held, age < 0 && waits[id] == 0)
	}
	r.level, r.usual, r.weight = p.levelOf(current)
	return r, nil
}

// leastSpread is the least standard deviation of the logarithms of levels that is assumed: a run may always be the first
// one at another level.
const leastSpread = 0.05

// levelOf is the logarithm of the level of a run so far, the mean of those of the history, and how much the former says
// about the rest: the variance of levels, to that and the variance of what is known, as for the mean of normal variables
// with a normal prior.
func (p *past) levelOf(current *observation) (level, usual, weight float64) {
	all := moments{}
	for _, l := range p.classes.levels {
		all.add(math.Log(l))
	}
	took, expected, squares := 0.0, 0.0, 0.0
	for n := range current.tasks {
		if t := &current.tasks[n]; t.done && t.over > 0 {
			u := p.classes.usualIn(current, dag.NodeID(n))
			took, expected, squares = took+float64(t.execute), expected+u, squares+u*u
		}
	}
	if took == 0 || expected == 0 {
		return all.mean(), all.mean(), 0
	}
	between := max(all.variance(), leastSpread*leastSpread)
	within := p.classes.spread() * squares / (expected * expected)
	return math.Log(took / expected), all.mean(), between / (between + within)
}

// pool simulates the rest at the levels of the history, each as far towards the level of the run as that is known.
func (r *rest) pool(ctx context.Context, p *past) (pool, error) {
	out := make(pool, len(p.history))
	for run, level := range p.classes.levels {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at := math.Exp(r.usual + r.weight*(r.level-r.usual) + math.Sqrt(1-r.weight)*(math.Log(level)-r.usual))
		for range p.sim.each {
			r.draw(p.sim.random, p.classes.levels, at)
			r.condition(p.sim.random, p.classes.levels, at)
			result, err := r.simulator.Run(simulate.Conditions{Workers: p.sim.started()})
			if err != nil {
				return nil, err
			}
			out[run] = append(out[run], float64(result.Makespan))
		}
	}
	return out, nil
}

// started are the workers with all of their lanes.
func (s *simulations) started() []simulate.Worker {
	out := slices.Clone(s.workers)
	for i := range out {
		out[i].Lanes = make([]int64, len(out[i].Lanes))
	}
	return out
}

// condition lets what is being executed go on, before anything else is claimed.
func (r *rest) condition(random *rand.Rand, levels []float64, level float64) {
	for i := range r.Attempts {
		a := &r.Attempts[i]
		switch {
		case r.ages[i] >= 0:
			*a = simulate.Attempt{Execute: r.classes[i].after(random, levels, level, r.ages[i]), Hold: a.Hold, Settle: a.Settle, Order: a.Order}
		case r.held[i]:
			a.Delay = max(a.Delay, 1)
		}
	}
}

// tries is how many samples are drawn for one that took longer than a task has taken already.
const tries = 64

// after draws how much longer a task takes that has been executed for some time: as much as a sample that took longer did.
// Where hardly any did, up to half as long again.
func (c *class) after(random *rand.Rand, levels []float64, level float64, age int64) int64 {
	for range min(tries, tries*len(c.samples)) {
		x := &c.samples[random.IntN(len(c.samples))]
		if ns := x.lead + int64(float64(x.execute)/levels[x.run]*level); ns > age {
			return ns - age
		}
	}
	return random.Int64N(age/2 + 1)
}
