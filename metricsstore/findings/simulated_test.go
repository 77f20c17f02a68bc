package findings_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/enginetest"
	"github.com/dagscope/dagscope/internal/testkit/vectortest"
	"github.com/dagscope/dagscope/metricsstore/findings"
)

// randomRuns is how many random runs the vectors have.
const randomRuns = 240

// simulated are runs of built-in workflows and of random graphs with random times.
func simulated(t *testing.T) []runCase {
	var out []runCase
	graphs := vectortest.Gallery(t, 40)
	for i, name := range slices.Sorted(maps.Keys(graphs)) {
		rng := rand.New(rand.NewPCG(uint64(i), 17))
		steps := scaled(rng, enginetest.SimulateSteps(graphs[name], uint64(i), 2))
		out = append(out, runCase{
			Run:     vectortest.Run{Name: name, Graph: graphs[name], Steps: steps, Workers: vectortest.Workers(2, 2, 2)},
			context: findings.Context{Status: record.Succeeded},
		})
	}
	for seed := range uint64(randomRuns) {
		out = append(out, random(t, seed))
	}
	return out
}

func random(t *testing.T, seed uint64) runCase {
	rng := rand.New(rand.NewPCG(seed, 29))
	workers := 1 + rng.IntN(3)
	g := enginetest.RandomGraph(rng, 2+rng.IntN(6))
	c := runCase{
		Run: vectortest.Run{
			Graph: g, Steps: scaled(rng, enginetest.SimulateSteps(g, seed, workers)),
			Workers: vectortest.Workers(workers, 1+rng.IntN(2), rng.IntN(4)),
		},
		context: findings.Context{Status: record.Succeeded},
	}
	changes := []struct {
		name   string
		change func(*rand.Rand, *runCase)
	}{
		{"as it is", func(*rand.Rand, *runCase) {}},
		{"paused", paused},
		{"continued", continued},
		{"stretched", stretched},
		{"lost", lost},
		{"failed", failed},
		{"cancelled", cancelled},
		{"interrupted", interrupted},
		{"recorded", recorded},
		{"cached", cached},
		{"live", live},
		{"named", func(rng *rand.Rand, c *runCase) { named(t, rng, c) }},
	}
	change := changes[seed%uint64(len(changes))]
	c.Name = fmt.Sprintf("random %d, %s", seed, change.name)
	change.change(rng, &c)
	return c
}

// scaled has tasks take microseconds to minutes.
func scaled(rng *rand.Rand, steps []record.Step) []record.Step {
	factor := []int64{1, 1_000, 40_000, 2_000_000}[rng.IntN(4)]
	out := vectortest.Warped(steps, func(ns int64) int64 { return factor * ns })
	for i := range out {
		out[i].Fetch *= factor
	}
	return out
}

func paused(_ *rand.Rand, c *runCase) {
	c.Steps = vectortest.Interrupted(c.Steps, record.RunPaused, record.RunResumed)
}

func continued(_ *rand.Rand, c *runCase) {
	c.Steps = vectortest.Interrupted(c.Steps, record.RunFinished, record.RunStarted)
}

// stretched has what happens at one moment take as long as all of the run or several times that.
func stretched(rng *rand.Rand, c *runCase) {
	end := c.Steps[len(c.Steps)-1].Over()
	at, more := rng.Int64N(end), end*(1+rng.Int64N(4))
	c.Steps = vectortest.Warped(c.Steps, func(ns int64) int64 {
		if ns > at {
			return ns + more
		}
		return ns
	})
}

// lost has retries be losses, and the first worker be lost at the end.
func lost(_ *rand.Rand, c *runCase) {
	c.Steps = vectortest.Lost(c.Steps)
	for i := range c.Steps {
		if c.Steps[i].Kind == record.WorkerStopped {
			c.Steps[i].Outcome = record.OutcomeLost
		}
	}
}

// cut leaves out all steps from a random attempt's end on, and says when the last of the others was over.
func cut(rng *rand.Rand, c *runCase) (at int64) {
	ends := 0
	for i := range c.Steps {
		if c.Steps[i].Kind == record.AttemptEnded {
			ends++
		}
	}
	left := rng.IntN(ends) // never all: the run has not ended
	for i := range c.Steps {
		if c.Steps[i].Kind == record.AttemptEnded {
			if left == 0 {
				c.Steps = c.Steps[:i]
				break
			}
			left--
		}
	}
	for i := range c.Steps {
		at = max(at, c.Steps[i].Over())
	}
	return at
}

func (c *runCase) add(steps ...record.Step) {
	for i := range steps {
		steps[i].Became = dag.NoNode
	}
	c.Steps = vectortest.Numbered(append(c.Steps, steps...))
}

// failed has the attempt that ended last fail, and all tasks of the graph that were not reached be skipped.
func failed(rng *rand.Rand, c *runCase) {
	at := cut(rng, c)
	c.context.Status = record.Failed
	seen := map[dag.NodeID]bool{}
	last := -1
	for i := range c.Steps {
		if s := &c.Steps[i]; s.Kind == record.AttemptEnded || s.Kind == record.AttemptStarted {
			seen[s.Node] = true
			if s.Kind == record.AttemptEnded {
				last = i
			}
		}
	}
	if last >= 0 {
		s := &c.Steps[last]
		s.Outcome = record.OutcomeFailed
		if rng.IntN(3) > 0 {
			c.context.Failure = &record.ErrorRecord{Kind: record.UserError, Task: "known", Node: s.Node, Message: message(rng), Attempt: int(s.Attempt)}
		}
	} else {
		c.context.Failure = &record.ErrorRecord{Kind: record.StoreError, Node: dag.NoNode, Message: message(rng)}
	}
	for node := range c.Graph.Scope(0).Tasks() {
		if !seen[dag.NodeID(node)] {
			c.add(record.Step{Kind: record.TaskSkipped, Node: dag.NodeID(node), Ended: at})
		}
	}
	c.add(record.Step{Kind: record.RunFinished, Outcome: record.OutcomeFailed, Ended: at})
}

func message(rng *rand.Rand) string {
	return []string{
		"", "no overlap.", "exit status 1:  \n trace of the stack", strings.Repeat("é𝄞", 79), strings.Repeat("é𝄞", 80) + ".", strings.Repeat("long", 60),
	}[rng.IntN(6)]
}

func cancelled(rng *rand.Rand, c *runCase) {
	at := cut(rng, c)
	c.context.Status = record.Cancelled
	c.context.Failure = &record.ErrorRecord{Kind: []record.ErrorKind{record.ShutdownError, record.CancelledError}[rng.IntN(2)], Node: dag.NoNode, Message: message(rng)}
	if mark := []record.StepKind{0, record.RunDeadline, record.CancelRequested}[rng.IntN(3)]; mark != 0 {
		c.add(record.Step{Kind: mark, Ended: at})
	}
	c.add(record.Step{Kind: record.RunFinished, Outcome: record.OutcomeCancelled, Ended: at})
}

func interrupted(rng *rand.Rand, c *runCase) {
	cut(rng, c)
	c.context.Status = record.Interrupted
	c.context.EndUnknown = rng.IntN(4) == 0
}

// recorded is of another tool, which may not say when tasks were ready, and may say more of the makespan than of tasks.
func recorded(rng *rand.Rand, c *runCase) {
	c.Recorded = true
	c.Steps = vectortest.Unready(rng, c.Steps)
	if rng.IntN(2) == 0 {
		c.Workers = nil
	}
	r := &findings.Recording{Explained: c.Steps[len(c.Steps)-1].Over(), Inferred: rng.IntN(2) == 0, Reconstructed: rng.IntN(3) == 0}
	r.Makespan = []int64{0, r.Explained, r.Explained * 21 / 20, 3 * r.Explained}[rng.IntN(4)]
	c.context.Recording = r
	if rng.IntN(4) == 0 {
		c.context.Status = record.Running // more of it is expected
	}
}

func cached(rng *rand.Rand, c *runCase) {
	recorded(rng, c)
	c.context.Status = record.Succeeded
	in := 1 + rng.IntN(3)
	for i := range c.Steps {
		if s := &c.Steps[i]; s.Outcome == record.OutcomeOK && s.Kind == record.AttemptEnded && (in == 1 || rng.IntN(in) == 0) {
			s.Outcome = record.OutcomeCached
		}
	}
}

func live(rng *rand.Rand, c *runCase) {
	at := cut(rng, c)
	c.Live, c.context.Status = true, record.Running
	c.at = at + rng.Int64N(1+2*at)
	if rng.IntN(3) == 0 {
		c.add(record.Step{Kind: record.RunPaused, Ended: at})
	}
	if rng.IntN(2) == 0 {
		c.context.Expected = &findings.ExpectedEnd{P10: float64(c.at) * 1.25, P90: float64(c.at) * 1.75, Runs: 5 + rng.IntN(90)}
	}
}

// named is a recording whose tasks have names of their own.
func named(t *testing.T, rng *rand.Rand, c *runCase) {
	recorded(rng, c)
	names := make([]string, c.Graph.Scope(0).Tasks())
	for i := range names {
		if rng.IntN(4) > 0 {
			names[i] = fmt.Sprintf("Étape %d", i)
		}
	}
	g, err := c.Graph.WithNames(names)
	require.NoError(t, err)
	c.Graph = g
}
