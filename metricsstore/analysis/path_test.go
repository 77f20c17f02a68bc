package analysis_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/internal/testkit/vectortest"
	"github.com/dagscope/dagscope/metricsstore/analysis"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// TestPathOfRandomRuns compares path and slack with computations that know neither the package's graph nor its order,
// on random graphs, lanes, retries, losses, pauses and recordings.
func TestPathOfRandomRuns(t *testing.T) {
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 31))
		g := enginetest.RandomGraph(rng, 1+rng.IntN(40))
		steps := enginetest.SimulateSteps(g, seed, 1+rng.IntN(5))
		recorded := false
		switch rng.IntN(5) {
		case 0:
			steps = vectortest.Interrupted(steps, record.RunPaused, record.RunResumed)
		case 1:
			steps = vectortest.Interrupted(steps, record.RunFinished, record.RunStarted)
		case 2:
			steps, recorded = vectortest.Unready(rng, steps), true
		case 3:
			steps = vectortest.Lost(steps)
		}
		table := folded(t, g, steps)
		o := newOracle(table)
		r := analysis.New(table, nil, recorded)
		path := r.Path()
		require.Equal(t, o.path(), nodesOf(path), "seed %d", seed)
		require.Equal(t, o.makespan(), path.Phases.Total(), "seed %d: phases add up to the makespan", seed)
		for _, s := range path.Steps {
			require.Equal(t, s.To-s.From, s.Total(), "seed %d: phases add up to the step", seed)
			require.GreaterOrEqual(t, slices.Min(phasesOf(s.PathPhases)), int64(0), "seed %d: no phase is negative", seed)
		}
		require.Equal(t, o.slack(!recorded), r.Slack(), "seed %d", seed)
	}
}

func nodesOf(path *analysis.Path) []dag.NodeID {
	var nodes []dag.NodeID
	if path != nil {
		for _, s := range path.Steps {
			nodes = append(nodes, s.Node)
		}
	}
	return nodes
}

// TestOverlappingSteps has a task that is over before the one that it waited for: their time counts once.
func TestOverlappingSteps(t *testing.T) {
	table := runtable.New(chainOf(t, 3))
	require.NoError(t, table.Steps(vectortest.Numbered([]record.Step{
		ended(0, 0, 0, 0, 10, 25), ended(1, 10, 11, 12, 20, 20), ended(2, 20, 22, 22, 30, 30),
	})))
	table.Complete()
	path := analysis.New(table, nil, false).Path()
	require.Equal(t, []dag.NodeID{0, 1, 2}, nodesOf(path))
	require.EqualValues(t, 30, path.Phases.Total())
	require.Equal(t, [][2]int64{{0, 20}, {20, 20}, {20, 30}}, [][2]int64{
		{path.Steps[0].From, path.Steps[0].To}, {path.Steps[1].From, path.Steps[1].To}, {path.Steps[2].From, path.Steps[2].To},
	})
}

// ended is the first attempt of a task, with its five moments.
func ended(node dag.NodeID, moments ...int64) record.Step {
	return record.Step{
		Kind: record.AttemptEnded, Node: node, Attempt: 1, Outcome: record.OutcomeOK, Became: dag.NoNode, Head: true,
		Ready: moments[0], Claimed: moments[1], Started: moments[2], Ended: moments[3], Updated: moments[4],
	}
}

// TestChainOfNoTime has tasks that take no time on the chain that they end.
func TestChainOfNoTime(t *testing.T) {
	table := folded(t, chainOf(t, 3), vectortest.Numbered([]record.Step{
		ended(0, 0, 0, 0, 0, 0), ended(1, 0, 0, 0, 4, 4), ended(2, 4, 4, 4, 4, 4),
	}))
	require.Equal(t, analysis.Chain{Length: 4, Nodes: []dag.NodeID{0, 1, 2}}, analysis.New(table, nil, false).LongestChain())
}

func TestLiveRunHasNoPath(t *testing.T) {
	g := chainOf(t, 2)
	table := runtable.New(g)
	steps := enginetest.SimulateSteps(g, 1, 1)
	require.NoError(t, table.Steps(steps[:len(steps)-1]))
	r := analysis.New(table, nil, false)
	require.Nil(t, r.Path())
	require.Nil(t, r.Slack())
}

// TestLinearTime analyses runs of 10,000 and of 100,000 tasks: ten times as many may not take forty times as long.
func TestLinearTime(t *testing.T) {
	took := func(tasks int) time.Duration {
		g := chainOf(t, tasks)
		table := folded(t, g, enginetest.SimulateSteps(g, 1, 4))
		fastest := time.Duration(1 << 62)
		for range 3 {
			start := time.Now()
			r := analysis.New(table, nil, false)
			require.Len(t, r.Path().Steps, tasks)
			require.NotNil(t, r.Slack())
			require.NotNil(t, r.Bounds())
			fastest = min(fastest, time.Since(start))
		}
		return fastest
	}
	small, large := took(10_000), took(100_000)
	t.Logf("10,000 tasks: %s, 100,000 tasks: %s", small, large)
	require.Less(t, large, 40*small)
}

func chainOf(t testing.TB, n int) *dag.Graph {
	t.Helper()
	b := engine.NewBuilder()
	at := enginetest.Double.Call(engine.Const(b, 1))
	for range n - 1 {
		at = enginetest.Double.Call(at)
	}
	g, err := b.Compile(at)
	require.NoError(t, err)
	return g
}

// oracle computes path and slack from what dag says of children alone, by recursion.
type oracle struct {
	table    *runtable.Table
	n        *dag.Numbering
	children [][]dag.NodeID // tasks and others, fan-outs expanded
	parents  [][]dag.NodeID
}

func newOracle(table *runtable.Table) *oracle {
	n := table.Numbering()
	o := &oracle{table: table, n: n, children: make([][]dag.NodeID, n.Nodes()), parents: make([][]dag.NodeID, n.Nodes())}
	for id := range dag.NodeID(n.Nodes()) {
		p := n.Locate(id)
		s := n.Graph().Scope(p.Block.Scope)
		for _, c := range s.Children(p.Local) {
			o.link(id, p.Node(c))
		}
		for _, join := range s.Outs(p.Local) {
			o.link(id, n.Up(p).Node(join))
		}
		if b := n.Expanded(id); s.Kind(p.Local) == dag.ExpandNode && b != nil {
			for i := range b.Instances {
				for _, root := range n.Graph().Scope(b.Scope).Roots() {
					o.link(id, dag.Place{Block: b, Instance: i, Local: root}.ID())
				}
			}
		}
	}
	return o
}

func (o *oracle) link(from, to dag.NodeID) {
	o.children[from] = append(o.children[from], to)
	o.parents[to] = append(o.parents[to], from)
}

func (o *oracle) makespan() int64 {
	from, to := int64(1<<62), int64(-1)
	for i := range o.table.Rows() {
		if r := o.table.Row(i); r.Has&runtable.HasClaimed != 0 {
			from, to = min(from, r.Claimed), max(to, r.Updated)
		}
	}
	return max(0, to-from)
}

// before lists the tasks that a node waits for through others.
func (o *oracle) before(id dag.NodeID, into map[dag.NodeID]bool) {
	for _, p := range o.parents[id] {
		if o.n.IsTask(p) {
			into[p] = true
		} else {
			o.before(p, into)
		}
	}
}

// path goes back over the attempt that was over last; where several were, over the one in the latest row, which is all that
// simulated runs need: none of their attempts takes no time.
func (o *oracle) path() []dag.NodeID {
	last := -1
	for i := range o.table.Rows() {
		if last < 0 || o.table.Row(i).Updated >= o.table.Row(last).Updated {
			last = i
		}
	}
	var nodes []dag.NodeID
	for last >= 0 {
		reader := o.table.Row(last)
		nodes = append(nodes, reader.Node)
		before := map[dag.NodeID]bool{}
		o.before(reader.Node, before)
		last = -1
		for task := range before {
			for _, row := range o.table.RowsOf(task) {
				r := o.table.Row(row)
				if r.Outcome == record.OutcomeOK && (last < 0 || r.Updated > o.table.Row(last).Updated ||
					r.Updated == o.table.Row(last).Updated && task < o.table.Row(last).Node) {
					last = row
				}
			}
		}
	}
	slices.Reverse(nodes)
	return nodes
}

// slack relaxes, until nothing changes, the latest ends of all attempts over edges, retries and lanes.
func (o *oracle) slack(hasLanes bool) []int64 {
	rows := make([]runtable.Row, o.table.Rows())
	latest := make([]int64, len(rows))
	begins, free := make([]int64, len(rows)), make([]int64, len(rows))
	for i := range rows {
		rows[i], latest[i], free[i] = o.table.Row(i), o.table.End(), -1
	}
	follows := make([][]int, len(rows))
	for i := range rows {
		if last := o.beforeOnLane(rows, i); hasLanes && last >= 0 {
			follows[last] = append(follows[last], i)
			free[i] = rows[last].Updated
		}
	}
	for i := range rows {
		begins[i] = max(rows[i].Ready, free[i])
		of := o.table.RowsOf(rows[i].Node)
		if at := slices.Index(of, i); at+1 < len(of) {
			follows[i] = append(follows[i], of[at+1])
			continue
		}
		for task := range o.after(rows[i].Node, map[dag.NodeID]bool{}) {
			follows[i] = append(follows[i], o.table.RowsOf(task)[0])
		}
	}
	for isChanged := true; isChanged; {
		isChanged = false
		for i := range rows {
			for _, next := range follows[i] {
				spent := rows[next].Updated - begins[next]
				if rows[next].Node == rows[i].Node {
					spent += max(0, rows[next].Ready-rows[i].Updated)
				}
				if at := latest[next] - max(0, spent); at < latest[i] {
					latest[i], isChanged = at, true
				}
			}
		}
	}
	slack := make([]int64, o.n.Nodes())
	for id := range slack {
		slack[id] = analysis.NoSlack
		if of := o.table.RowsOf(dag.NodeID(id)); len(of) > 0 {
			last := of[len(of)-1]
			slack[id] = max(0, latest[last]-rows[last].Updated)
		}
	}
	return slack
}

// beforeOnLane is the attempt that was over last on the lane of attempt i before it was claimed, -1 for none.
func (o *oracle) beforeOnLane(rows []runtable.Row, i int) int {
	last := -1
	for j := range rows {
		isLane := j != i && rows[j].Worker == rows[i].Worker && rows[j].Slot == rows[i].Slot
		if isLane && rows[j].Claimed < rows[i].Claimed && (last < 0 || rows[j].Updated > rows[last].Updated) {
			last = j
		}
	}
	return last
}

// after lists the tasks that wait for a node through others.
func (o *oracle) after(id dag.NodeID, into map[dag.NodeID]bool) map[dag.NodeID]bool {
	for _, c := range o.children[id] {
		if o.n.IsTask(c) {
			into[c] = true
		} else {
			o.after(c, into)
		}
	}
	return into
}
