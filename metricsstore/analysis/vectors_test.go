package analysis_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/internal/testkit/vectortest"
	"github.com/dagscope/dagscope/metricsstore/analysis"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

var update = flag.Bool("update", false, "write the vectors anew")

// found is the analysis of a run in little room. static/test/model/vectors.test.ts reads the same file.
type found struct {
	// Path has node, row, from, to and the phases in the order of PathPhases, for each step.
	Path  [][]int64 `json:"path"`
	Slack []int64   `json:"slack"`
	// Chain is the longest one by execution.
	Chain analysis.Chain `json:"chain"`
	// Bounds are null for a run without a path.
	Bounds *bounds `json:"bounds"`
}

// bounds are analysis.Bounds as lists of numbers.
type bounds struct {
	// Figures are slots, work ÷ slots, time paused, and tasks that did something.
	Figures   []float64      `json:"figures"`
	Work      []float64      `json:"work"`
	HeldChain analysis.Chain `json:"heldChain"`
	ChainWork []float64      `json:"chainWork"`
	PathTime  []float64      `json:"pathTime"`
	// Starved has the time of slots and the time, Solo the time; then row and time of each row.
	Starved []float64 `json:"starved"`
	Solo    []float64 `json:"solo"`
	// Straggler is node, ratio and how late; Largest function, time and share. Both may be empty.
	Straggler []float64 `json:"straggler"`
	Largest   []float64 `json:"largest"`
}

func find(r *analysis.Run) found {
	f := found{Slack: r.Slack(), Path: [][]int64{}}
	b := r.Bounds()
	if b == nil {
		return f
	}
	f.Chain, f.Bounds = r.LongestChain(), numbersOf(b)
	for _, s := range b.Path.Steps {
		f.Path = append(f.Path, append([]int64{int64(s.Node), int64(s.Row), s.From, s.To}, phasesOf(s.PathPhases)...))
	}
	return f
}

func phasesOf(p analysis.PathPhases) []int64 {
	return []int64{p.Again, p.Backoff, p.Stood, p.Unready, p.Queue, p.Wait, p.Fetch, p.Execute, p.Store, p.Update}
}

func numbersOf(b *analysis.Bounds) *bounds {
	t, o := &b.PathTime, &b.Occupancy
	out := &bounds{
		Figures: []float64{b.Slots, b.WorkNS, b.Paused, float64(b.Tasks)}, Work: workOf(b.Work), HeldChain: b.HeldChain, ChainWork: workOf(b.ChainWork),
		PathTime: []float64{t.Execute, t.Moving, t.Engine, t.Again, t.Backoff, t.Paused, t.Over, t.Full, t.Free, t.Absent, t.Unready},
		Starved:  appendRows([]float64{o.StarvedSlots, o.Starved}, o.StarvedBy), Solo: appendRows([]float64{o.Solo}, o.SoloRows),
		Straggler: []float64{}, Largest: []float64{},
	}
	if s := b.Straggler; s != nil {
		out.Straggler = []float64{float64(s.Node), s.Ratio, s.Late}
	}
	if l := b.Largest; l != nil {
		out.Largest = []float64{float64(l.Function), l.NS, l.Share}
	}
	return out
}

func workOf(w analysis.SlotWork) []float64 { return []float64{w.Execute, w.Moving, w.Engine, w.Again} }

func appendRows(to []float64, rows []analysis.RowTime) []float64 {
	for _, r := range rows {
		to = append(to, float64(r.Row), r.NS)
	}
	return to
}

// TestVectors holds the analysis to the vectors that the page is held to.
func TestVectors(t *testing.T) {
	var got []vectortest.Vector[found]
	for _, c := range cases(t) {
		table := c.Table(t)
		got = append(got, vectortest.New(&c, table, find(analysis.New(table, c.Workers, c.Recorded))))
	}
	vectortest.Hold(t, "testdata/vectors.json", *update, got)
}

// simulatedWorkers is how many workers runs of the vectors have, with two slots each.
const simulatedWorkers = 2

func cases(t *testing.T) []vectortest.Run {
	var out []vectortest.Run
	graphs := enginetest.Compiled(t)
	maps.Copy(graphs, vectortest.Gallery(t, 60))
	for i, name := range slices.Sorted(maps.Keys(graphs)) {
		out = append(out, vectortest.Run{
			Name: name, Graph: graphs[name], Steps: enginetest.SimulateSteps(graphs[name], uint64(i), simulatedWorkers),
			Workers: vectortest.Workers(simulatedWorkers, 2, 2),
		})
	}
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 13))
		g := enginetest.RandomGraph(rng, 12+rng.IntN(30))
		steps := enginetest.SimulateSteps(g, seed, simulatedWorkers)
		add := func(kind string, changed []record.Step, width int, recorded bool) {
			out = append(out, vectortest.Run{
				Name: fmt.Sprintf("random %d, %s", seed, kind), Graph: g, Steps: changed,
				Workers: vectortest.Workers(simulatedWorkers, width, 2), Recorded: recorded,
			})
		}
		switch seed % 6 {
		case 0:
			add("as it is", steps, 2, false)
		case 1:
			add("paused", vectortest.Interrupted(steps, record.RunPaused, record.RunResumed), 2, false)
		case 2:
			add("continued", vectortest.Interrupted(steps, record.RunFinished, record.RunStarted), 2, false)
		case 3:
			add("recorded", vectortest.Unready(rng, steps), 2, true)
		case 4:
			add("lost", vectortest.Lost(steps), 1, false) // one slot is beyond the processors
		case 5:
			add("slow", vectortest.Slowed(rng, steps), 1, false)
		}
	}
	return out
}

func folded(t testing.TB, g *dag.Graph, steps []record.Step) *runtable.Table {
	t.Helper()
	return (&vectortest.Run{Graph: g, Steps: steps}).Table(t)
}
