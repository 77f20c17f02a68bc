package whatif

import (
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/plan/simulate"
)

// maxPath bounds the steps of a path in an answer.
const maxPath = 1000

// SimulatedPath is the chain of tasks that a simulated run ends with, found by the rules of the page's critical path: back from
// the task that ended last, always to the one that it waited for that ended last.
type SimulatedPath struct {
	SimulatedPhases
	TotalNS int64 `json:"total_ns" doc:"The sum of the phases, which is the makespan."`
	// Steps in order of time; of a longer path the last MaxPath.
	Steps     []SimulatedStep `json:"steps" doc:"In order of time; of a longer path the last 1,000."`
	StepsLeft int             `json:"steps_left" doc:"Earlier steps, which are in the sums."`
}

// SimulatedStep is one task of a path, from the end of the one before to its own.
type SimulatedStep struct {
	Node     dag.NodeID `json:"node"`
	Task     string     `json:"task" doc:"Empty for a fan-out."`
	Function string     `json:"function" doc:"Empty for a fan-out."`
	FromNS   int64      `json:"from_ns"`
	ToNS     int64      `json:"to_ns"`
	SimulatedPhases
}

// SimulatedPhases is how the time of a path splits up.
type SimulatedPhases struct {
	RetriesNS int64 `json:"retries_ns" doc:"Earlier attempts, and the time until the next."`
	HeldNS    int64 `json:"held_ns" doc:"Not ready, though what it waited for was over."`
	QueueNS   int64 `json:"queue_ns"`
	WaitNS    int64 `json:"wait_ns"`
	FetchNS   int64 `json:"fetch_ns"`
	ExecuteNS int64 `json:"execute_ns"`
	StoreNS   int64 `json:"store_ns" doc:"After the end of the body, storing its output or counting down what waits."`
}

func (p *SimulatedPhases) add(o *SimulatedPhases) {
	p.RetriesNS += o.RetriesNS
	p.HeldNS += o.HeldNS
	p.QueueNS += o.QueueNS
	p.WaitNS += o.WaitNS
	p.FetchNS += o.FetchNS
	p.ExecuteNS += o.ExecuteNS
	p.StoreNS += o.StoreNS
}

// path walks back from the end of a simulation. The steps follow each other without gaps, so they sum up to the makespan.
func (in *inquiry) path(out *simulate.Outcome) SimulatedPath {
	p := SimulatedPath{Steps: []SimulatedStep{}}
	first := in.firstClaim(out)
	for n := out.Last; n != simulate.NoNode; n = out.After[n] {
		from := first
		if before := out.After[n]; before != simulate.NoNode {
			from = max(first, out.Spans[in.last(before)].Over)
		}
		step := in.pathStep(out, n, from, first)
		p.add(&step.SimulatedPhases)
		p.TotalNS += step.ToNS - step.FromNS
		if len(p.Steps) < maxPath {
			p.Steps = append(p.Steps, step)
		} else {
			p.StepsLeft++
		}
	}
	slices.Reverse(p.Steps)
	return p
}

// last is the last attempt of a node.
func (in *inquiry) last(n uint32) uint32 { return in.model.First[n+1] - 1 }

func (in *inquiry) firstClaim(out *simulate.Outcome) int64 {
	first := int64(maxTime)
	for i := range out.Spans {
		if s := &out.Spans[i]; s.Lane != simulate.NoLane {
			first = min(first, s.Claimed)
		}
	}
	return first
}

// pathStep splits the time from a moment until a node was over, from its end: an attempt of a child that its lane
// continued with may begin before others see the end of the parent, and then nothing is left to queue.
func (in *inquiry) pathStep(out *simulate.Outcome, n uint32, from, zero int64) SimulatedStep {
	i := in.last(n)
	span := &out.Spans[i]
	to := max(from, span.Over)
	left := to - from
	take := func(ns int64) int64 {
		part := min(left, max(0, ns))
		left -= part
		return part
	}
	step := SimulatedStep{Node: nodeID(int(n)), FromNS: from - zero, ToNS: to - zero}
	step.StoreNS = take(span.Over - span.Ended)
	step.ExecuteNS = take(span.Ended - span.Started)
	fetch := span.Started - span.Claimed - in.model.Attempts[i].Wait
	step.FetchNS = take(fetch)
	step.WaitNS = take(span.Started - span.Claimed - fetch)
	step.QueueNS = take(span.Claimed - max(from, span.Ready))
	earliest := span.Ready
	for k := in.model.First[n]; k < i; k++ {
		if s := &out.Spans[k]; s.Lane != simulate.NoLane {
			earliest = min(earliest, s.Ready)
		}
	}
	step.RetriesNS = take(span.Ready - max(from, earliest))
	step.HeldNS = take(left)
	if id := nodeID(int(n)); in.numbering.IsTask(id) {
		task := in.numbering.Identity(in.numbering.Locate(id))
		step.Task, step.Function = task.String(), task.Function
	}
	return step
}

// SimulatedLanes is every attempt of a simulated run, as columns of equal length.
type SimulatedLanes struct {
	Node    []dag.NodeID `json:"node"`
	Worker  []int        `json:"worker"`
	Slot    []int        `json:"slot"`
	Ready   []int64      `json:"ready_ns"`
	Claimed []int64      `json:"claimed_ns"`
	Started []int64      `json:"started_ns"`
	Ended   []int64      `json:"ended_ns"`
	Over    []int64      `json:"over_ns"`
}

// lanes lists the attempts that a simulation made, by node.
func (in *inquiry) lanes(out *simulate.Outcome, workers []WorkerSlots) *SimulatedLanes {
	l := &SimulatedLanes{}
	firstOf := make([]int, len(workers)) // lane of each worker
	for lane := len(out.WorkerOf) - 1; lane >= 0; lane-- {
		firstOf[out.WorkerOf[lane]] = lane
	}
	zero := in.firstClaim(out)
	for i := range out.Spans {
		s := &out.Spans[i]
		if s.Lane == simulate.NoLane {
			continue
		}
		w := out.WorkerOf[s.Lane]
		l.Node = append(l.Node, in.attempts[i].node)
		l.Worker, l.Slot = append(l.Worker, workers[w].Worker), append(l.Slot, int(s.Lane)-firstOf[w])
		l.Ready, l.Claimed = append(l.Ready, s.Ready-zero), append(l.Claimed, s.Claimed-zero)
		l.Started, l.Ended, l.Over = append(l.Started, s.Started-zero), append(l.Ended, s.Ended-zero), append(l.Over, s.Over-zero)
	}
	return l
}
