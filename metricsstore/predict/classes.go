package predict

import (
	"math"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/metricsstore"
)

// sample is how one task of one run of the history was executed, in nanoseconds.
type sample struct {
	run                        int
	lead, execute, settle, lag int64
}

// class is tasks that are taken to behave alike. Its samples are never modified once the levels are known.
type class struct {
	samples []sample
	usual   float64 // median time in the body at the usual level, in nanoseconds
}

// position is a place in a graph, whichever instance of a fan-out it is in.
type position struct {
	scope int32
	local uint32
}

// classes sorts the tasks of a history: by their place in the graph if runs had the same graph, and by their function for
// places without MinSamples of them.
type classes struct {
	graph      string // the hash of the graph that is predicted
	positions  map[position]*class
	functions  map[metricsstore.FunctionName]*class
	expansions class
	levels     []float64 // of each run: its time in bodies, to what is usual
}

// newClasses sorts the tasks of a history of runs.
func newClasses(graph string, history []*observation) *classes {
	c := &classes{
		graph: graph, positions: map[position]*class{}, functions: map[metricsstore.FunctionName]*class{},
		levels: slices.Repeat([]float64{1}, len(history)),
	}
	for run, o := range history {
		c.add(run, o)
	}
	return c
}

func (c *classes) add(run int, o *observation) {
	for n := range o.tasks {
		t := &o.tasks[n]
		if !t.done || t.over == 0 {
			continue
		}
		p := o.numbering.Locate(dag.NodeID(n))
		x := sample{run, t.lead, t.execute, t.settle, t.lag}
		if o.graph == c.graph {
			of(c.positions, position{p.Block.Scope, p.Local}).add(x)
		}
		if f, ok := functionAt(o.numbering.Graph(), p); ok {
			of(c.functions, f).add(x)
		} else {
			c.expansions.add(x)
		}
	}
}

func of[K comparable](m map[K]*class, key K) *class {
	if m[key] == nil {
		m[key] = &class{}
	}
	return m[key]
}

func (c *class) add(s sample) { c.samples = append(c.samples, s) }

// functionAt is the function that the task at a place calls; false for expansions.
func functionAt(g *dag.Graph, p dag.Place) (metricsstore.FunctionName, bool) {
	s := g.Scope(p.Block.Scope)
	if s.Kind(p.Local) != dag.TaskNode {
		return metricsstore.FunctionName{}, false
	}
	f := g.Functions()[s.Function(p.Local)]
	return metricsstore.FunctionName{Function: f.Name(), Version: f.Options().Version}, true
}

// of finds the class of a place.
func (c *classes) of(g *dag.Graph, p dag.Place) *class {
	if at := c.positions[position{p.Block.Scope, p.Local}]; at != nil && len(at.samples) >= MinSamples {
		return at
	}
	if f, ok := functionAt(g, p); ok {
		return of(c.functions, f)
	}
	return &c.expansions
}

// level finds the level of each run: the ratio of the time in its bodies to what is usual for its tasks. What is usual
// depends on the levels and the other way round, so both are found twice.
func (c *classes) level(history []*observation) {
	for range 2 {
		c.median()
		for run, o := range history {
			took, usual := 0.0, 0.0
			for n := range o.tasks {
				if t := &o.tasks[n]; t.done && t.over > 0 {
					took += float64(t.execute)
					usual += c.usualIn(o, dag.NodeID(n))
				}
			}
			if c.levels[run] = 1; took > 0 && usual > 0 {
				c.levels[run] = took / usual
			}
		}
	}
}

func (c *classes) usualIn(o *observation, n dag.NodeID) float64 {
	p := o.numbering.Locate(n)
	if o.graph == c.graph {
		return c.of(o.numbering.Graph(), p).usual
	}
	if f, ok := functionAt(o.numbering.Graph(), p); ok {
		return of(c.functions, f).usual
	}
	return c.expansions.usual
}

// median finds what is usual at the present levels.
func (c *classes) median() {
	for _, at := range c.positions {
		at.median(c.levels)
	}
	for _, at := range c.functions {
		at.median(c.levels)
	}
	c.expansions.median(c.levels)
}

func (c *class) median(levels []float64) {
	if len(c.samples) == 0 {
		return
	}
	at := make([]float64, len(c.samples))
	for i := range at {
		at[i] = float64(c.samples[i].execute) / levels[c.samples[i].run]
	}
	slices.Sort(at)
	c.usual = at[len(at)/2]
}

// spread is the variance of the logarithms of times at the usual level, over all tasks.
func (c *classes) spread() float64 {
	all := moments{}
	for _, at := range c.functions {
		for i := range at.samples {
			if s := &at.samples[i]; s.execute > 0 && at.usual > 0 {
				all.add(math.Log(float64(s.execute) / c.levels[s.run] / at.usual))
			}
		}
	}
	return all.variance()
}

// moments are the first two of some numbers.
type moments struct{ n, sum, squares float64 }

func (m *moments) add(x float64) { m.n, m.sum, m.squares = m.n+1, m.sum+x, m.squares+x*x }

func (m *moments) mean() float64 { return m.sum / max(1, m.n) }

func (m *moments) variance() float64 { return max(0, m.squares/max(1, m.n)-m.mean()*m.mean()) }
