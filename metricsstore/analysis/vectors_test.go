package analysis_test

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/workflows"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/metricsstore/analysis"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

var update = flag.Bool("update", false, "write the vectors anew")

const vectorFile = "testdata/vectors.json"

// vector is a run as the page gets it, and what is found in it. static/test/model/vectors.test.ts reads the same file.
type vector struct {
	Name     string         `json:"name"`
	Recorded bool           `json:"recorded"`
	Graph    pageGraph      `json:"graph"`
	Frames   []string       `json:"frames"`
	Workers  []vectorWorker `json:"workers"`
	Want     found          `json:"want"`
}

type vectorWorker struct {
	Worker int `json:"worker"`
	Width  int `json:"width"`
	Slots  int `json:"slots"`
}

// found is the analysis of a run in little room.
type found struct {
	// Path has node, row, from, to and the phases in the order of PathPhases, for each step.
	Path  [][]int64 `json:"path"`
	Slack []int64   `json:"slack"`
	// Chain is the longest one by execution.
	Chain analysis.Chain `json:"chain"`
}

func find(r *analysis.Run) found {
	f := found{Slack: r.Slack(), Path: [][]int64{}}
	if path := r.Path(); path != nil {
		f.Chain = r.LongestChain()
		for _, s := range path.Steps {
			f.Path = append(f.Path, append([]int64{int64(s.Node), int64(s.Row), s.From, s.To}, phasesOf(s.PathPhases)...))
		}
	}
	return f
}

func phasesOf(p analysis.PathPhases) []int64 {
	return []int64{p.Again, p.Backoff, p.Stood, p.Unready, p.Queue, p.Wait, p.Fetch, p.Execute, p.Store, p.Update}
}

// TestVectors holds the analysis to the vectors that the page is held to.
func TestVectors(t *testing.T) {
	var got []vector
	for _, c := range cases(t) {
		table := folded(t, c.graph, c.steps)
		r := analysis.New(table, c.workers(), c.recorded)
		v := vector{Name: c.name, Recorded: c.recorded, Graph: newPageGraph(c.graph), Want: find(r)}
		for _, w := range c.workers() {
			v.Workers = append(v.Workers, vectorWorker{w.Worker, w.Width, w.Slots})
		}
		for cursor := (runtable.Cursor{}); ; {
			body, next := table.AppendBody(nil, cursor, runtable.DefaultFrameRows)
			header := runtable.AppendHeader(nil, runtable.FrameHeader{Now: table.End(), Complete: true}, cursor, next)
			v.Frames = append(v.Frames, base64.StdEncoding.EncodeToString(append(header, body...)))
			cursor = next
			if !cursor.More() {
				break
			}
		}
		got = append(got, v)
	}
	data := append([]byte("[\n"), encoded(t, got)...)
	if *update {
		require.NoError(t, os.WriteFile(vectorFile, data, 0o600))
	}
	want, err := os.ReadFile(vectorFile)
	require.NoError(t, err)
	require.Equal(t, strings.Split(string(want), "\n"), strings.Split(string(data), "\n"), "run the test with -update and read the difference")
}

// encoded has a line for each vector, so that a difference shows which has changed.
func encoded(t *testing.T, vectors []vector) []byte {
	var lines []string
	for _, v := range vectors {
		line, err := json.Marshal(v)
		require.NoError(t, err)
		lines = append(lines, string(line))
	}
	return []byte(strings.Join(lines, ",\n") + "\n]\n")
}

func folded(t testing.TB, g *dag.Graph, steps []record.Step) *runtable.Table {
	t.Helper()
	table := runtable.New(g)
	require.NoError(t, table.Steps(steps))
	table.Complete()
	return table
}

// runCase is a run that both sides analyse.
type runCase struct {
	name     string
	graph    *dag.Graph
	steps    []record.Step
	width    int
	recorded bool
}

// simulatedWorkers is how many workers runs of the vectors have.
const simulatedWorkers = 2

// workers has two lanes for each worker, of which one is beyond its processors where width is 1.
func (c *runCase) workers() []record.WorkerRecord {
	var out []record.WorkerRecord
	for w := range simulatedWorkers {
		out = append(out, record.WorkerRecord{Worker: w, Width: c.width, Slots: 2})
	}
	return out
}

func cases(t *testing.T) []runCase {
	var out []runCase
	graphs := enginetest.Compiled(t)
	maps.Copy(graphs, gallery(t, 60))
	for i, name := range slices.Sorted(maps.Keys(graphs)) {
		seed := uint64(i)
		out = append(out, runCase{name: name, graph: graphs[name], steps: enginetest.SimulateSteps(graphs[name], seed, simulatedWorkers), width: 2})
	}
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 13))
		g := enginetest.RandomGraph(rng, 12+rng.IntN(30))
		steps := enginetest.SimulateSteps(g, seed, simulatedWorkers)
		add := func(kind string, changed []record.Step, width int, recorded bool) {
			out = append(out, runCase{fmt.Sprintf("random %d, %s", seed, kind), g, changed, width, recorded})
		}
		switch seed % 6 {
		case 0:
			add("as it is", steps, 2, false)
		case 1:
			add("paused", interrupted(steps, record.RunPaused, record.RunResumed), 2, false)
		case 2:
			add("continued", interrupted(steps, record.RunFinished, record.RunStarted), 2, false)
		case 3:
			add("recorded", unready(rng, steps), 2, true)
		case 4:
			add("lost", lost(steps), 1, false)
		case 5:
			add("slow", slowed(rng, steps), 1, false)
		}
	}
	return out
}

// gallery has the graphs of the built-in workflows with their defaults, up to so many tasks before fan-outs expand.
func gallery(t testing.TB, most int) map[string]*dag.Graph {
	t.Helper()
	graphs := map[string]*dag.Graph{}
	for _, w := range workflows.All() {
		args, err := w.Arguments(nil, nil)
		require.NoError(t, err)
		g, err := w.Graph(args)
		require.NoError(t, err)
		if g.Tasks() <= most {
			graphs[w.Name] = g
		}
	}
	return graphs
}

// interrupted makes a run stand still in its middle for a third of its length, between two marks.
func interrupted(steps []record.Step, from, to record.StepKind) []record.Step {
	end := steps[len(steps)-1].Over()
	at, length := end/2, end/3
	moved := warped(steps, func(ns int64) int64 {
		if ns > at {
			return ns + length
		}
		return ns
	})
	i := slices.IndexFunc(moved, func(s record.Step) bool { return s.Over() > at })
	marks := []record.Step{
		{Kind: from, Ended: at, Outcome: record.OutcomeFailed, Became: dag.NoNode},
		{Kind: to, Started: at + length, Ended: at + length, Became: dag.NoNode},
	}
	if from == record.RunPaused {
		marks[0].Outcome = record.NoOutcome
	}
	return numbered(slices.Insert(moved, i, marks...))
}

func numbered(steps []record.Step) []record.Step {
	for i := range steps {
		steps[i].Seq = uint64(i + 1)
	}
	return steps
}

// warped moves all moments.
func warped(steps []record.Step, to func(ns int64) int64) []record.Step {
	out := slices.Clone(steps)
	for i := range out {
		s := &out[i]
		for _, at := range []*int64{&s.Ready, &s.Claimed, &s.Started, &s.Ended, &s.Updated} {
			*at = to(*at)
		}
	}
	return out
}

// unready has tasks be ready some time after what they waited for was over.
func unready(rng *rand.Rand, steps []record.Step) []record.Step {
	out := slices.Clone(steps)
	for i := range out {
		if s := &out[i]; s.Kind == record.AttemptEnded && s.Claimed > s.Ready {
			s.Ready += rng.Int64N(s.Claimed - s.Ready + 1)
		}
	}
	return out
}

// lost has every attempt that was to be repeated be lost instead.
func lost(steps []record.Step) []record.Step {
	out := slices.Clone(steps)
	for i := range out {
		if out[i].Outcome == record.OutcomeRetrying {
			out[i].Outcome, out[i].Delay = record.OutcomeLost, 0
		}
	}
	return out
}

// slowed stretches time a thousandfold, so that tasks are not tiny, and lets some wait although slots are free.
func slowed(rng *rand.Rand, steps []record.Step) []record.Step {
	factor := int64(time.Microsecond) / int64(1+rng.IntN(3))
	return warped(steps, func(ns int64) int64 { return ns * factor })
}

// pageGraph is a graph as the page gets it, see static/src/model/graph.ts.
type pageGraph struct {
	Hash      string         `json:"hash"`
	Functions []pageFunction `json:"functions"`
	Scopes    []pageScope    `json:"scopes"`
}

type pageFunction struct {
	Function string `json:"function"`
	Version  int    `json:"version"`
}

type pageScope struct {
	Up        int32      `json:"up"`
	Expansion uint32     `json:"expansion"`
	Tasks     uint32     `json:"tasks"`
	Fanouts   uint32     `json:"fanouts"`
	Joins     uint32     `json:"joins"`
	Function  []uint16   `json:"function"`
	Edges     []uint32   `json:"edges"`
	Region    []int32    `json:"region"`
	JoinOf    []uint32   `json:"joinOf"`
	JoinWaits [][]uint32 `json:"joinWaits"`
}

func newPageGraph(g *dag.Graph) pageGraph {
	out := pageGraph{Functions: []pageFunction{}}
	for _, f := range g.Functions() {
		out.Functions = append(out.Functions, pageFunction{f.Name(), f.Options().Version})
	}
	for i := range g.Scopes() {
		s := g.Scope(int32(i))
		p := pageScope{
			Up: s.Up(), Expansion: s.Expansion(), Tasks: s.Tasks(),
			Function: []uint16{}, Edges: []uint32{}, Region: []int32{}, JoinOf: []uint32{}, JoinWaits: [][]uint32{},
		}
		for n := range s.Len() {
			for _, parent := range s.Parents(n) {
				p.Edges = append(p.Edges, parent, n)
			}
			switch s.Kind(n) {
			case dag.TaskNode:
				p.Function = append(p.Function, s.Function(n))
			case dag.ExpandNode:
				p.Fanouts++
				p.Region = append(p.Region, s.Region(n))
			case dag.JoinNode:
				p.Joins++
				p.JoinOf = append(p.JoinOf, s.JoinExpansion(n))
				p.JoinWaits = append(p.JoinWaits, append([]uint32{}, s.JoinWaits(n)...))
			}
		}
		out.Scopes = append(out.Scopes, p)
	}
	return out
}
