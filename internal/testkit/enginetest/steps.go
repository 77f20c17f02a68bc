package enginetest

import (
	"cmp"
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// slotsPerWorker is how many lanes each simulated worker has.
const slotsPerWorker = 2

// SimulateSteps makes up the log of one successful run of g on workers workers of two slots each: no body is called,
// moments, bytes and the widths of fan-outs (0 to 24) are random but the same for the same seed. About 1 attempt in
// 40 fails and is retried, about 1 in 25 is announced. The steps are legal: Seq counts from 1, a task starts after
// the step that readied it and after the ends of its parents, a slot runs one attempt at a time, Readied names each
// task and each expansion once. It panics when workers is below 1 and costs about 1 µs a step.
func SimulateSteps(g *dag.Graph, seed uint64, workers int) []record.Step {
	if workers < 1 {
		panic(fmt.Sprintf("enginetest: workers is %d, must be at least 1", workers))
	}
	s := &simulation{
		rng: rand.New(rand.NewPCG(seed, 0x5eed)), numbering: dag.NewNumbering(g), graph: g,
		waits: map[dag.NodeID]int{}, attempt: map[dag.NodeID]uint16{},
	}
	s.begin(workers)
	for s.dispatch(); len(s.running) > 0; s.dispatch() {
		s.finish(heap.Pop(&s.running).(*job))
	}
	s.end(workers)
	return s.steps
}

// simulation is a run on a clock of its own: jobs end in the order of their ends, and free lanes take what is ready.
type simulation struct {
	rng       *rand.Rand
	graph     *dag.Graph
	numbering *dag.Numbering
	waits     map[dag.NodeID]int
	attempt   map[dag.NodeID]uint16 // failed attempts so far
	readied   []dag.NodeID          // by the step under construction
	ready     queue
	running   queue
	lanes     []*job // idle ones, each with the moment it fell idle in Updated
	steps     []record.Step
	now       int64
}

// job is one attempt, or one expansion, on its lane.
type job struct {
	record.Step
	due int64 // what its queue is ordered by
}

// queue orders jobs by when they are due, and by node where that ties.
type queue []*job

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].due, q[j].due), cmp.Compare(q[i].Node, q[j].Node)) < 0
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(*job)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func (s *simulation) begin(workers int) {
	s.enter(s.numbering.Block(0))
	s.record(record.Step{Kind: record.RunStarted, Became: dag.NoNode, Readied: s.take(dag.NoNode, 0)})
	for w := range workers {
		s.now += s.rng.Int64N(50_000)
		s.record(record.Step{Kind: record.WorkerStarted, Worker: uint16(w), Started: s.now, Became: dag.NoNode})
	}
	for lane := range workers * slotsPerWorker {
		idle := &job{}
		idle.Worker, idle.Slot, idle.Updated = uint16(lane/slotsPerWorker), uint16(lane%slotsPerWorker), s.now
		s.lanes = append(s.lanes, idle)
	}
}

func (s *simulation) end(workers int) {
	for w := range workers {
		s.record(record.Step{Kind: record.WorkerStopped, Worker: uint16(w), Ended: s.now, Became: dag.NoNode})
	}
	s.record(record.Step{Kind: record.RunFinished, Outcome: record.OutcomeOK, Ended: s.now, Became: dag.NoNode})
}

func (s *simulation) record(step record.Step) {
	step.Seq = uint64(len(s.steps) + 1)
	s.steps = append(s.steps, step)
}

// dispatch gives ready nodes to idle lanes, chosen at random.
func (s *simulation) dispatch() {
	for len(s.ready) > 0 && len(s.lanes) > 0 {
		i := s.rng.IntN(len(s.lanes))
		lane := s.lanes[i]
		s.lanes = slices.Delete(s.lanes, i, i+1)
		j := heap.Pop(&s.ready).(*job)
		j.Worker, j.Slot, j.Head = lane.Worker, lane.Slot, true
		s.start(j, max(s.now, lane.Updated, j.Ready)+200+s.rng.Int64N(2_000))
	}
}

// start draws the moments of one attempt that is claimed at the given one.
func (s *simulation) start(j *job, claimed int64) {
	j.Claimed = claimed
	if j.Kind == record.FanOutExpanded {
		j.Started, j.Ended, j.Outcome = claimed, claimed, record.OutcomeOK
		j.Updated = claimed + 500 + s.rng.Int64N(5_000)
		j.due = j.Updated
		heap.Push(&s.running, j)
		return
	}
	if j.Head && s.rng.IntN(4) == 0 {
		j.Fetch = 1_000 + s.rng.Int64N(20_000)
	}
	j.Attempt = s.attempt[j.Node] + 1
	j.Started = claimed + j.Fetch + 30 + s.rng.Int64N(120)
	place := s.numbering.Locate(j.Node)
	number := s.graph.Scope(place.Block.Scope).Function(place.Local)
	mean := 5_000 * float64(1+number%7*number%7)
	j.Ended = j.Started + int64(mean*math.Exp(0.3*s.rng.NormFloat64()))
	j.Updated = j.Ended + 60 + s.rng.Int64N(250)
	j.due = j.Updated
	s.outcome(j, number)
	if s.rng.IntN(25) == 0 {
		j.Announced = true
		s.record(record.Step{
			Kind: record.AttemptStarted, Node: j.Node, Epoch: j.Epoch, Attempt: j.Attempt, Worker: j.Worker, Slot: j.Slot,
			Head: j.Head, Ready: j.Ready, Claimed: j.Claimed, Started: j.Started, Fetch: j.Fetch, Became: dag.NoNode,
		})
	}
	heap.Push(&s.running, j)
}

// outcome draws how the attempt ends and its output; sizes vary by function.
func (s *simulation) outcome(j *job, function uint16) {
	if j.Attempt < 3 && s.rng.IntN(40) == 0 {
		j.Outcome, j.Delay = record.OutcomeRetrying, time.Duration(20_000+s.rng.IntN(100_000))
		return
	}
	j.Outcome, j.Location = record.OutcomeOK, record.LocationHeld
	switch function % 3 {
	case 0:
		j.OutputBytes = 8
	case 1:
		j.OutputBytes = 100 + s.rng.Int64N(1<<16)
	default:
		j.OutputBytes = codec.UnknownSize
	}
	if s.rng.IntN(10) == 0 {
		j.Location, j.StoredBytes = record.LocationStored, max(j.OutputBytes, 64)
	}
}

// finish records the end of a job; its lane becomes a child that is ready now, or falls idle.
func (s *simulation) finish(j *job) {
	s.now = max(s.now, j.Updated)
	j.Became = dag.NoNode
	if j.Outcome == record.OutcomeRetrying {
		s.attempt[j.Node] = j.Attempt
		heap.Push(&s.ready, s.job(j.Node, j.Ended+int64(j.Delay)))
	} else {
		s.release(j)
	}
	var child *job
	if j.Outcome == record.OutcomeOK && len(s.readied) > 0 && s.rng.IntN(8) > 0 {
		j.Became = s.readied[0]
		child = s.job(j.Became, j.Updated)
		child.Worker, child.Slot = j.Worker, j.Slot
	}
	j.Readied = s.take(j.Became, j.Updated)
	s.record(j.Step)
	if child == nil {
		s.lanes = append(s.lanes, j)
		return
	}
	s.start(child, j.Updated)
}

// release counts down the nodes that wait for the job's node.
func (s *simulation) release(j *job) {
	p := s.numbering.Locate(j.Node)
	if j.Kind == record.FanOutExpanded {
		s.expand(j, p)
	}
	scope := s.graph.Scope(p.Block.Scope)
	for _, c := range scope.Children(p.Local) {
		s.arrive(p.Node(c))
	}
	for _, o := range scope.Outs(p.Local) {
		s.arrive(s.numbering.Up(p).Node(o))
	}
}

func (s *simulation) expand(j *job, p dag.Place) {
	width := max(0, s.rng.IntN(28)-3)
	b, err := s.numbering.Expand(j.Node, width, dag.Limits{Tasks: 1 << 24, Edges: 1 << 26})
	if err != nil {
		panic(err) // no graph of a test is that large
	}
	j.Width = uint32(width)
	scope := s.graph.Scope(p.Block.Scope)
	for _, join := range scope.RegionJoins(p.Local) {
		id := p.Node(join)
		s.waits[id] += width * len(scope.JoinWaits(join))
	}
	s.enter(b)
}

// enter counts what the nodes of a new block wait for; those that wait for nothing are ready.
func (s *simulation) enter(b *dag.Block) {
	scope := s.graph.Scope(b.Scope)
	for i := range b.Instances {
		for n := range scope.Len() {
			id := dag.Place{Block: b, Instance: i, Local: n}.ID()
			s.waits[id] = len(scope.Parents(n))
			if s.waits[id] == 0 {
				s.readied = append(s.readied, id)
			}
		}
	}
}

// arrive counts one wait down. A join that is complete passes that on at once, since it has no work of its own.
func (s *simulation) arrive(id dag.NodeID) {
	s.waits[id]--
	if s.waits[id] > 0 {
		return
	}
	p := s.numbering.Locate(id)
	if s.graph.Scope(p.Block.Scope).Kind(p.Local) != dag.JoinNode {
		s.readied = append(s.readied, id)
		return
	}
	s.release(&job{Step: record.Step{Kind: record.AttemptEnded, Node: id}})
}

// take returns the nodes that the step under construction readied, and queues all but the one that its lane becomes.
func (s *simulation) take(became dag.NodeID, at int64) []dag.NodeID {
	readied := slices.Clone(s.readied)
	for _, id := range readied {
		if id != became {
			heap.Push(&s.ready, s.job(id, at))
		}
	}
	s.readied = s.readied[:0]
	return readied
}

// job is a new attempt, or the expansion, of a node that is ready at the given moment.
func (s *simulation) job(id dag.NodeID, ready int64) *job {
	j := &job{due: ready}
	j.Kind, j.Node, j.Ready, j.Became = record.AttemptEnded, id, ready, dag.NoNode
	if !s.numbering.IsTask(id) {
		j.Kind = record.FanOutExpanded
	}
	return j
}
