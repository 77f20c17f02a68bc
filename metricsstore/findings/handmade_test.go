package findings_test

import (
	"slices"
	"testing"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/internal/testkit/vectortest"
	"github.com/dagscope/dagscope/metricsstore/findings"
)

const second = 1e9

// ran is an attempt on a slot of the first worker that was claimed when it was ready, in seconds.
func ran(node dag.NodeID, slot uint16, from, to float64) record.Step {
	begin, end := int64(from*second), int64(to*second)
	return record.Step{
		Kind: record.AttemptEnded, Node: node, Slot: slot, Attempt: 1, Outcome: record.OutcomeOK, Became: dag.NoNode, Head: true,
		Ready: begin, Claimed: begin, Started: begin, Ended: end, Updated: end,
	}
}

func with(s record.Step, change func(*record.Step)) record.Step {
	change(&s)
	return s
}

func mark(kind record.StepKind, at float64) record.Step {
	return record.Step{Kind: kind, Started: int64(at * second), Ended: int64(at * second), Became: dag.NoNode}
}

func logOf(steps ...record.Step) []record.Step { return vectortest.Numbered(steps) }

func repeated(name string, n int) []string { return slices.Repeat([]string{name}, n) }

// handmade are runs each of which has something to find.
// Long: one case for each.
func handmade(t *testing.T) []runCase {
	own := findings.Context{Status: record.Succeeded}
	imported := func(r findings.Recording) findings.Context {
		return findings.Context{Status: record.Succeeded, Recording: &r}
	}
	run := func(name string, g *dag.Graph, steps ...record.Step) vectortest.Run {
		return vectortest.Run{Name: name, Graph: g, Steps: logOf(steps...)}
	}
	var straggling, narrow, early, full, short []record.Step
	for i := range dag.NodeID(7) {
		straggling = append(straggling, ran(i, uint16(i), 0, 10))
	}
	for i := range dag.NodeID(9) {
		full = append(full, ran(i, 0, float64(i), float64(i+1)))
	}
	for i := range dag.NodeID(12) {
		narrow = append(narrow, ran(i, uint16(i%2), float64(i), float64(i+1)))
		early = append(early, ran(i, uint16(i%2), float64(i), float64(i)+1.4))
		short = append(short, with(ran(i, 0, float64(i)/1e6, (float64(i)+0.25)/1e6), func(s *record.Step) { s.Ready = max(0, s.Ready-750) }))
	}
	lane := func(kind record.StepKind, worker uint16, at float64, lost bool) record.Step {
		return with(mark(kind, at), func(s *record.Step) {
			if s.Worker = worker; lost {
				s.Outcome = record.OutcomeLost
			}
		})
	}
	waited := with(ran(0, 0, 0, 10), func(s *record.Step) { s.Claimed, s.Started = 6*second, 6*second })
	blocked := with(ran(0, 0, 0, 10), func(s *record.Step) { s.Started = 7 * second })
	fetched := with(ran(0, 0, 0, 10), func(s *record.Step) { s.Started, s.Fetch = 7*second, 7*second })
	retried := with(ran(0, 0, 0, 1), func(s *record.Step) { s.Outcome, s.Delay = record.OutcomeRetrying, 19*second })
	again := with(ran(0, 0, 20, 21), func(s *record.Step) { s.Attempt = 2 })
	gone := with(ran(1, 0, 10, 30), func(s *record.Step) { s.Worker, s.Outcome = 1, record.OutcomeLost })
	queued := func(node dag.NodeID, from, to float64) record.Step {
		return with(ran(node, 0, from, to), func(s *record.Step) { s.Ready = 0 })
	}
	chain := func(n int) (edges [][2]int) {
		for i := 1; i < n; i++ {
			edges = append(edges, [2]int{i - 1, i})
		}
		return edges
	}
	return []runCase{
		{Run: run("a straggler", vectortest.GraphOf(t, repeated("load", 8)), append(straggling, ran(7, 7, 0, 22))...), context: own},
		{Run: run("a narrow graph", vectortest.GraphOf(t, repeated("step", 12), chain(12)...), narrow...), context: own},
		{Run: run("tasks that began early", vectortest.GraphOf(t, repeated("step", 12), chain(12)...), early...), context: own},
		{
			Run: run("one slot while others had nothing", vectortest.GraphOf(t, []string{"load", "load", "add", "view"}, [2]int{0, 2}, [2]int{1, 2}, [2]int{2, 3}),
				ran(0, 0, 0, 10), ran(1, 1, 0, 10), ran(2, 0, 10, 16), ran(3, 1, 16, 20)),
			context: own,
		},
		{
			Run: run("several slots while others had nothing", vectortest.GraphOf(t, []string{"load", "blur", "grey", "add"}),
				ran(0, 0, 0, 10), ran(1, 1, 0, 9), ran(2, 2, 0, 8), ran(3, 3, 0, 2)),
			context: own,
		},
		{Run: run("too few slots", vectortest.GraphOf(t, append(repeated("load", 9), "view")), append(full, ran(9, 0, 9, 10))...), context: own},
		{Run: run("tiny tasks", vectortest.GraphOf(t, repeated("add", 12), chain(12)...), short...), context: own},
		{Run: run("a wait for a slot", vectortest.GraphOf(t, []string{"load", "blur", "grey"}), waited, ran(1, 1, 0, 2), ran(2, 1, 2, 3)), context: own},
		{Run: run("a wait although slots were free", vectortest.GraphOf(t, []string{"load", "blur"}), queued(0, 0, 2), queued(1, 8, 10)), context: own},
		{Run: run("a back-off", vectortest.GraphOf(t, []string{"load", "blur"}), retried, ran(1, 1, 0, 1), again), context: own},
		{
			Run: run("an attempt that was repeated", vectortest.GraphOf(t, []string{"load"}),
				with(ran(0, 0, 0, 8), func(s *record.Step) { s.Outcome = record.OutcomeRetrying }), with(ran(0, 0, 8, 10), func(s *record.Step) { s.Attempt = 2 })),
			context: own,
		},
		{
			Run: run("no worker", vectortest.GraphOf(t, []string{"load", "view"}, [2]int{0, 1}), lane(record.WorkerStarted, 0, 0, false), ran(0, 0, 0, 4),
				lane(record.WorkerStopped, 0, 5, false), lane(record.WorkerStarted, 1, 40, false),
				with(ran(1, 0, 40, 44), func(s *record.Step) { s.Worker, s.Ready = 1, 4*second })),
			context: own,
		},
		{
			Run: vectortest.Run{
				Name: "an import that does not say what was waited for", Graph: vectortest.GraphOf(t, []string{"load", "view"}, [2]int{0, 1}),
				Steps: logOf(ran(0, 0, 0, 4), ran(1, 0, 30, 34)), Recorded: true,
			},
			context: imported(findings.Recording{Explained: 8 * second}),
		},
		{Run: run("a wait for processors", vectortest.GraphOf(t, []string{"train", "load"}), blocked, ran(1, 1, 0, 2)), context: own},
		{Run: run("transfers", vectortest.GraphOf(t, []string{"load"}), fetched), context: own},
		{
			Run: run("a lost worker", vectortest.GraphOf(t, []string{"load", "blur", "merge"}, chain(3)...),
				mark(record.RunStarted, 0), lane(record.WorkerStarted, 1, 0, false), ran(0, 1, 0, 10), gone, lane(record.WorkerStopped, 1, 30, true),
				with(ran(1, 0, 35, 45), func(s *record.Step) { s.Attempt = 2 }), ran(2, 0, 45, 60)),
			context: own,
		},
		{
			Run: run("a pause", vectortest.GraphOf(t, repeated("load", 4)), queued(0, 0, 1), queued(1, 1, 2), mark(record.RunPaused, 1.5),
				mark(record.RunResumed, 8), queued(2, 8, 9), queued(3, 9, 10)),
			context: own,
		},
		{
			Run: run("a retry of the run", vectortest.GraphOf(t, []string{"load", "view"}, [2]int{0, 1}), mark(record.RunStarted, 0), ran(0, 0, 0, 5),
				with(mark(record.RunFinished, 5), func(s *record.Step) { s.Outcome = record.OutcomeFailed }), mark(record.RunStarted, 90), ran(1, 0, 90, 95)),
			context: own,
		},
		{
			Run: vectortest.Run{
				Name: "an import without lanes", Graph: vectortest.GraphOf(t, []string{"load", "blur", "blur", "view"}, [2]int{0, 1}, [2]int{0, 2}, [2]int{1, 3}, [2]int{2, 3}),
				Steps: logOf(ran(0, 0, 0, 4), ran(1, 0, 9, 12), ran(2, 1, 8, 15), ran(3, 0, 16, 18)), Recorded: true,
			},
			context: imported(findings.Recording{Makespan: 40 * second, Explained: 14 * second, Inferred: true}),
		},
		{
			Run: vectortest.Run{
				Name: "an import without start times", Graph: vectortest.GraphOf(t, []string{"load", "view"}, [2]int{0, 1}),
				Steps: logOf(ran(0, 0, 0, 4), ran(1, 0, 4, 18)), Recorded: true,
			},
			context: imported(findings.Recording{Makespan: 18 * second, Explained: 18 * second, Reconstructed: true}),
		},
		{Run: run("nothing", vectortest.GraphOf(t, []string{"load"}), mark(record.RunStarted, 0)), context: own},
		{Run: run("no time", vectortest.GraphOf(t, []string{"load"}), ran(0, 0, 0, 0)), context: own},
		{
			Run: run("a failed task", vectortest.GraphOf(t, []string{"load", "blur", "merge"}, [2]int{0, 2}, [2]int{1, 2}), ran(1, 1, 0, 4),
				with(ran(0, 0, 0, 10), func(s *record.Step) { s.Outcome, s.Attempt = record.OutcomeFailed, 3 }),
				with(mark(record.TaskSkipped, 10), func(s *record.Step) { s.Node = 2 })),
			context: findings.Context{Status: record.Failed, Failure: &record.ErrorRecord{Kind: record.UserError, Task: "load", Message: "exit status 1: no overlap.\nmore", Attempt: 3}},
		},
		{
			Run: vectortest.Run{Name: "a running run", Live: true, Graph: vectortest.GraphOf(t, repeated("load", 8)), Steps: logOf(
				mark(record.RunStarted, 0), ran(0, 0, 0, 1), ran(1, 0, 1, 2), ran(2, 0, 2, 3), ran(3, 0, 3, 4), ran(4, 0, 4, 5),
				with(ran(5, 1, 0, 0), func(s *record.Step) { s.Kind, s.Outcome = record.AttemptStarted, record.NoOutcome }),
			)},
			context: findings.Context{Status: record.Running, Expected: &findings.ExpectedEnd{P10: 41.7 * second, P90: 43.8 * second, Runs: 40}}, at: 5 * second,
		},
	}
}
