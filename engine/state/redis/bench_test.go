package redis

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
	"github.com/dagscope/dagscope/engine/state/shared"
)

// BenchmarkCommit has one session that ends a number of claimed tasks with each commit, claims as many, and pipelines a
// number of commits: what a process does with and without locality. It measures the cost of a task.
func BenchmarkCommit(b *testing.B) {
	for _, c := range []struct{ ends, pipelined int }{{1, 1}, {1, 32}, {16, 1}, {64, 1}, {256, 1}, {256, 4}} {
		b.Run(fmt.Sprintf("ends=%d/pipelined=%d", c.ends, c.pipelined), func(b *testing.B) {
			backend, _ := open(b)
			commits := 0
			player := newPlayer(b, backend, "run", 200_000)
			before := backend.Costs()
			for b.Loop() {
				player.play(b, c.ends, c.pipelined)
				commits += c.pipelined
			}
			report(b, backend, before, commits*c.ends, commits)
		})
	}
}

// BenchmarkSessions has many sessions in as many runs, each with its own connection from the client's pool.
func BenchmarkSessions(b *testing.B) {
	for _, sessions := range []int{8, 64} {
		b.Run(fmt.Sprint(sessions), func(b *testing.B) {
			backend, _ := open(b)
			var started, commits atomic.Int64
			parallelism := max(1, sessions/runtime.GOMAXPROCS(0))
			players := make([]*player, parallelism*runtime.GOMAXPROCS(0))
			for i := range players {
				players[i] = newPlayer(b, backend, fmt.Sprint("run", i), 10_000)
			}
			before := backend.Costs()
			b.SetParallelism(parallelism)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				player := players[started.Add(1)-1]
				for pb.Next() {
					player.play(b, 1, 1)
					commits.Add(1)
				}
			})
			report(b, backend, before, int(commits.Load()), int(commits.Load()))
		})
	}
}

func report(b *testing.B, backend *Backend, before shared.Costs, tasks, commits int) {
	costs := backend.Costs()
	b.ReportMetric(float64(tasks)/b.Elapsed().Seconds(), "tasks/s")
	b.ReportMetric(float64(costs.Commands-before.Commands)/float64(commits), "commands/commit")
	b.ReportMetric(float64(costs.RoundTrips-before.RoundTrips)/float64(commits), "roundtrips/commit")
}

// player ends tasks without children, in one run after the other.
type player struct {
	backend *Backend
	name    string
	tasks   int
	runs    int
	run     record.RunID
	number  uint64
	next    dag.NodeID // tasks are claimed in the order of their numbers
	edges   bool       // each task has a child, which its end makes ready
}

// newPlayer makes a player whose runs have this many tasks each.
func newPlayer(b *testing.B, backend *Backend, name string, tasks int) *player {
	p := &player{backend: backend, name: name, tasks: tasks}
	p.begin(b)
	return p
}

// begin begins the next run.
func (p *player) begin(b *testing.B) {
	roots := make([]ledger.Grant, p.tasks)
	for i := range roots {
		roots[i].Node = dag.NodeID(i)
	}
	p.runs++
	p.run, p.number, p.next = record.RunID(fmt.Sprint(p.name, "-", p.runs)), 0, 0
	nodes, edges := p.tasks, 0
	if p.edges {
		nodes, edges = 2*p.tasks, p.tasks
	}
	err := p.backend.Create(b.Context(), shared.NewRun{
		ID: p.run, Nodes: uint32(nodes), Edges: uint32(edges), Tasks: nodes, Sinks: nodes, Roots: roots,
	})
	require.NoError(b, err)
	_, err = p.backend.Do(b.Context(), p.run, ledger.Open{Session: "s", Lease: time.Hour}, nil)
	require.NoError(b, err)
}

// play ends claimed tasks and claims as many, with a number of pipelined commits.
func (p *player) play(b *testing.B, ends, pipelined int) {
	if int(p.next)+ends*(pipelined+1) > p.tasks {
		p.begin(b)
	}
	calls := make([]shared.Call, pipelined)
	for i := range calls {
		p.number++
		c := ledger.Commit{
			Session: "s", Number: p.number, Lease: time.Hour, Want: ends, Classes: []ledger.Class{0}, Steps: ends, Packed: make([]byte, 12*ends),
		}
		if p.number == 1 {
			c.Steps, c.Packed = 0, nil
		} else {
			for range ends {
				if p.edges {
					c.Edges = append(c.Edges, ledger.Edge{
						Offset: uint32(p.next), Child: dag.NodeID(p.tasks) + p.next, Waits: 1, End: len(c.Ends),
					})
				}
				c.Ends = append(c.Ends, ledger.End{Node: p.next, Outcome: record.OutcomeOK, Task: true, Sink: true})
				p.next++
			}
		}
		calls[i].Commit = c
	}
	replies, err := p.backend.Commit(b.Context(), p.run, calls)
	if err != nil || replies[pipelined-1].Verdict != ledger.Applied {
		b.Fatal(err, replies)
	}
}
