package predict

import (
	"context"
	"fmt"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/plan/simulate"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// observation is what the log of a run says about its tasks. All times are nanoseconds since the run's start.
type observation struct {
	id        record.RunID
	graph     string // the hash of its structure
	makespan  int64
	numbering *dag.Numbering
	tasks     []task // by node, expansions included
	begun     record.Attempts
	lanes     map[lane]int64  // when each could claim first
	widths    map[int32][]int // of fan-outs in the order of their expansion, by the scope of their bodies
}

// lane is a slot of a worker.
type lane struct{ worker, slot uint16 }

// task is how a node was executed; the attempts before the last one have only held it up.
type task struct {
	done                       bool
	first                      int64 // claim of the first attempt
	claimed, started           int64
	ended, over, fetch         int64
	inputBytes, outputBytes    int64 // -1 where not known
	lead, execute, settle, lag int64 // of the last attempt: before, in and after the body; and from first to claimed
}

// longestGap is how long after a task has become ready an idle lane may claim it. A lane whose first claim was later did
// not exist before: the engine adds lanes while others are blocked.
const longestGap = int64(10e6)

// observe reads the log of a run, as far as it is recorded.
func observe(ctx context.Context, q *metricsstore.Queries, run *metricsstore.Run) (*observation, error) {
	decoder, log, err := q.Decode(ctx, run.Info.ID)
	if err != nil {
		return nil, err
	}
	walker := record.NewWalker(decoder.Numbering().Graph())
	o := &observation{
		id: run.Info.ID, graph: run.Graph.Hash, makespan: run.MakespanNS(), numbering: walker.Numbering(),
		lanes: map[lane]int64{}, widths: map[int32][]int{},
	}
	o.grow()
	err = log.Each(ctx, func(steps []record.Step) error {
		for i := range steps {
			isNew, err := walker.Next(&steps[i])
			if err != nil {
				return fmt.Errorf("%w: run %s: %w", metricsstore.ErrCorrupt, run.Info.ID, err)
			}
			if isNew {
				o.step(&steps[i])
			}
		}
		return nil
	})
	return o, err
}

// grow makes room for nodes that fan-outs have added.
func (o *observation) grow() {
	for n := len(o.tasks); n < o.numbering.Nodes(); n++ {
		o.tasks = append(o.tasks, task{first: -1, inputBytes: -1, outputBytes: -1})
	}
}

func (o *observation) step(s *record.Step) {
	switch s.Kind {
	case record.AttemptStarted:
		o.begun.Start(s)
		o.claim(s.Node, s.Worker, s.Slot, s.Ready, s.Claimed)
	case record.AttemptEnded:
		o.begun.End(s)
		o.end(s, s.Outcome.Done())
	case record.FanOutExpanded:
		o.begun.End(s)
		o.end(s, true)
		p := o.numbering.Locate(s.Node)
		region := o.numbering.Graph().Scope(p.Block.Scope).Region(p.Local)
		o.widths[region] = append(o.widths[region], int(s.Width))
		o.grow()
	case record.TaskSkipped:
		o.tasks[s.Node].done = true
	}
}

// claim notes when a lane claimed a node.
func (o *observation) claim(node dag.NodeID, worker, slot uint16, ready, claimed int64) {
	t := &o.tasks[node]
	if t.first < 0 {
		t.first = claimed
	}
	if at := (lane{worker, slot}); o.lanes[at] == 0 || claimed < o.lanes[at] {
		o.lanes[at] = max(1, claimed)
		if claimed-ready <= longestGap {
			o.lanes[at] = 1
		}
	}
}

// end notes an attempt that has ended. A later one of a task that is done made an output again, which was lost.
func (o *observation) end(s *record.Step, done bool) {
	t := &o.tasks[s.Node]
	if t.done || s.LostUnseen() {
		return
	}
	t.claimed, t.started, t.ended, t.over, t.fetch = s.Ordered()
	o.claim(s.Node, s.Worker, s.Slot, s.Ready, t.claimed)
	t.done, t.outputBytes = done, s.OutputBytes
	t.lead, t.execute, t.settle, t.lag = t.started-t.claimed, t.ended-t.started, t.over-t.ended, max(0, t.claimed-t.first)
	t.inputBytes = o.inputs(s)
}

// inputs is how large the inputs of a task were; -1 if that is not known.
func (o *observation) inputs(s *record.Step) int64 {
	if s.Usage != nil && s.Usage.InputBytes >= 0 {
		return s.Usage.InputBytes
	}
	p := o.numbering.Locate(s.Node)
	if p.Block.Expansion != dag.NoNode {
		return -1 // of the list that its fan-out runs over, the task reads an element
	}
	sum := int64(0)
	for _, parent := range o.numbering.Graph().Scope(0).Parents(p.Local) {
		bytes := o.tasks[p.Node(parent)].outputBytes
		if bytes < 0 {
			return -1
		}
		sum += bytes
	}
	return sum
}

// workers are the lanes of the run, as they came, with one queue for each core.
func (o *observation) workers(records []record.WorkerRecord) []simulate.Worker {
	width := map[uint16]int{}
	for i := range records {
		width[uint16(records[i].Worker)] = max(width[uint16(records[i].Worker)], records[i].Width)
	}
	by := map[uint16][]int64{}
	start := o.start()
	for l, from := range o.lanes {
		by[l.worker] = append(by[l.worker], max(0, from-start))
	}
	out := []simulate.Worker{}
	for _, w := range sortedKeys(by) {
		slices.Sort(by[w])
		out = append(out, simulate.Worker{Lanes: by[w], Queues: max(1, width[w])})
	}
	return out
}

// start is the first claim.
func (o *observation) start() int64 {
	first := int64(-1)
	for i := range o.tasks {
		if at := o.tasks[i].first; at >= 0 && (first < 0 || at < first) {
			first = at
		}
	}
	return max(0, first)
}
