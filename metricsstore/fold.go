package metricsstore

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/dagscope/dagscope/digest"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// chunk is how many values of one metric are collected before they go into its digest together.
const chunk = 512

// Fold sums up the steps of one run as they come: counts, and for each function a digest of every metric. The same
// steps give the same bits, however they are split into calls. The zero value accepts no steps; see NewFold. Not safe
// for concurrent use.
//
// It costs some 50 ns a step, a byte a task, and 4 KiB for each function and metric in addition to the digest.
type Fold struct {
	numbering *dag.Numbering
	block     *dag.Block // of the node looked up last
	functions []functionFold
	counts    Counts
	claimed   bool
	ends      []record.Outcome            // of each node: how the latest attempt of its task ended, NoOutcome before
	announced map[dag.NodeID]announcement // attempts under way
	seq       uint64
	status    record.Status // by RunFinished
	ended     int64
}

// announcement is how an attempt began. The process that reports an attempt as lost may not know when it began.
type announcement struct {
	claimed, started int64
	head             bool
}

// functionFold are the metrics of one function.
type functionFold struct {
	metrics [len(columns)]series
}

// series is a digest with values that are not in it yet: the first n of waiting, and a number of zeros.
type series struct {
	sketch  digest.Sketch
	waiting []int64
	n       int
	zeros   int // values that are 0, not counting those in waiting
}

// FunctionDigest is the digest of one metric of one function.
type FunctionDigest struct {
	Function string
	Version  int
	Metric   Metric
	Sketch   *digest.Sketch
}

// NewFold starts a fold of a run of g.
func NewFold(g *dag.Graph) *Fold {
	f := &Fold{numbering: dag.NewNumbering(g), functions: make([]functionFold, len(g.Functions()))}
	f.block = f.numbering.Block(0)
	return f
}

// Seq is the last step that was added, 0 before the first.
func (f *Fold) Seq() uint64 { return f.seq }

// Counts sums up the steps so far.
func (f *Fold) Counts() Counts {
	c := f.counts
	if f.numbering != nil {
		c.Tasks = int64(f.numbering.Tasks())
	}
	c.MakespanNS = c.LastEnd - c.FirstClaim
	for node := range f.announced {
		if _, isTask := f.function(node); isTask && f.end(node) == record.NoOutcome {
			c.Unfinished++
		}
	}
	return c
}

// Numbering places the nodes of the run as far as the steps have expanded it.
func (f *Fold) Numbering() *dag.Numbering { return f.numbering }

// Finished returns status and moment of the step RunFinished; false before that step.
func (f *Fold) Finished() (status record.Status, ended int64, ok bool) {
	return f.status, f.ended, f.status.Final()
}

// Steps adds steps, in the order of Seq; those that it has seen already it skips. The error is ErrCorrupt where the
// steps cannot be of this graph.
func (f *Fold) Steps(steps []record.Step) error {
	for i := range steps {
		s := &steps[i]
		if s.Seq <= f.seq {
			continue
		}
		f.seq = s.Seq
		switch s.Kind {
		case record.AttemptStarted:
			f.announce(s)
		case record.AttemptEnded:
			if err := f.attempt(s); err != nil {
				return err
			}
		case record.FanOutExpanded:
			if s.Outcome != record.OutcomeOK {
				continue // a fan-out that failed makes no nodes
			}
			if err := f.expand(s); err != nil {
				return err
			}
		case record.TaskSkipped:
			if _, ok := f.function(s.Node); ok {
				f.settle(s.Node, record.OutcomeSkipped)
			}
		case record.WorkerStarted:
			f.counts.Workers++
		case record.RunStarted:
			f.restart()
		case record.RunFinished:
			f.status, f.ended = statusOf(s.Outcome), s.Ended
		}
	}
	return nil
}

// statusOf is the status that the outcome of RunFinished stands for.
func statusOf(o record.Outcome) record.Status {
	switch o {
	case record.OutcomeOK:
		return record.Succeeded
	case record.OutcomeFailed:
		return record.Failed
	case record.OutcomeCancelled:
		return record.Cancelled
	}
	return record.Interrupted
}

func (f *Fold) expand(s *record.Step) error {
	n := f.numbering
	if !n.Contains(s.Node) {
		return corruptStep(s)
	}
	if n.Expanded(s.Node) != nil {
		return nil
	}
	if p := n.Locate(s.Node); n.Graph().Scope(p.Block.Scope).Kind(p.Local) != dag.ExpandNode {
		return corruptStep(s)
	}
	// A recorded run was within the limits of its time. These keep numbers from overflowing; record.Decoder has them too.
	if _, err := n.Expand(s.Node, int(s.Width), dag.Limits{Tasks: 1 << 26, Edges: math.MaxInt}); err != nil {
		return corruptStep(s)
	}
	return nil
}

func corruptStep(s *record.Step) error {
	return fmt.Errorf("%w: step %d of kind %d at node %d does not fit the graph", ErrCorrupt, s.Seq, s.Kind, s.Node)
}

func (f *Fold) announce(s *record.Step) {
	if f.announced == nil {
		f.announced = map[dag.NodeID]announcement{}
	}
	f.announced[s.Node] = announcement{s.Claimed, s.Started, s.Head}
}

func (f *Fold) attempt(s *record.Step) error {
	number, ok := f.function(s.Node)
	if !ok && f.numbering.Contains(s.Node) {
		return nil // the log of a run of several processes also has joins, and expansions that were lost
	}
	if !ok {
		return corruptStep(s)
	}
	c := &f.counts
	c.Attempts++
	c.LastEnd = max(c.LastEnd, s.Updated, s.Ended)
	began, known := announcement{s.Claimed, s.Started, s.Head}, true
	if s.Outcome == record.OutcomeLost && s.Started == 0 {
		began, known = f.announced[s.Node]
	}
	if s.Announced || s.Outcome == record.OutcomeLost {
		delete(f.announced, s.Node)
	}
	if known {
		f.began(began, s.Ended)
	}
	f.settle(s.Node, s.Outcome)
	switch s.Outcome {
	case record.OutcomeOK:
		f.succeeded(&f.functions[number], s)
	case record.OutcomeRetrying:
		c.Retried++
	case record.OutcomeLost:
		c.Lost++
	}
	return nil
}

// began adds up how attempts that have ended began.
func (f *Fold) began(a announcement, ended int64) {
	c := &f.counts
	if !f.claimed || a.claimed < c.FirstClaim {
		c.FirstClaim, f.claimed = a.claimed, true
	}
	c.ExecuteNS += max(ended-a.started, 0)
	if !a.head {
		c.Became++
	}
}

// succeeded is the only place where values are added to digests. They are those of record.TaskMetrics, without the
// cost of making one: a moment outside of ready to end, or before the one that should precede it, is moved.
func (f *Fold) succeeded(to *functionFold, s *record.Step) {
	m := &to.metrics
	end := max(s.Updated, s.Ended, s.Ready)
	claimed := min(max(s.Claimed, s.Ready), end)
	started := min(max(s.Started, claimed), end)
	ended := min(max(s.Ended, started), end)
	fetch := min(max(s.Fetch, 0), started-claimed)
	store, update := int64(0), end-ended
	if s.Location == record.LocationStored {
		store, update = update, 0
	}
	m[0].add(claimed - s.Ready)
	m[1].add(started - claimed - fetch)
	m[2].add(fetch)
	m[3].add(ended - started)
	m[4].add(store)
	m[5].add(update)
	if s.OutputBytes < 0 {
		f.counts.UnknownOutputs++
	} else {
		f.counts.OutputBytes += s.OutputBytes
		m[6].add(s.OutputBytes)
		if s.OutputBytes > 0 && ended > started {
			m[8].add(rate(s.OutputBytes, ended-started))
		}
	}
	if s.StoredBytes >= 0 {
		f.counts.StoredBytes += s.StoredBytes
		m[7].add(s.StoredBytes)
	}
	if s.Usage != nil {
		f.used(to, s.Usage)
	}
}

// used adds what was measured of an attempt.
func (f *Fold) used(to *functionFold, u *record.Usage) {
	for i, v := range [...]int64{int64(u.CPU), u.MemoryBytes, u.ReadBytes, u.WrittenBytes} {
		if v >= 0 {
			to.metrics[9+i].add(v)
		}
	}
	c := &f.counts
	c.CPUNS += max(int64(u.CPU), 0)
	c.BytesIn += max(u.OutsideBytes, 0)
	c.BytesMoved += max(u.InputBytes-max(u.OutsideBytes, 0), 0)
	c.BytesOut += max(u.ResultBytes, 0)
}

// rate is bytes per second, rounded down; both arguments are above 0.
func rate(bytes, ns int64) int64 {
	hi, lo := bits.Mul64(uint64(bytes), uint64(time.Second))
	if hi >= uint64(ns) {
		return math.MaxInt64
	}
	perSecond, _ := bits.Div64(hi, lo, uint64(ns))
	return int64(min(perSecond, math.MaxInt64))
}

// function finds the number of the function of a task. Consecutive steps are mostly of one block.
func (f *Fold) function(id dag.NodeID) (uint16, bool) {
	b := f.block
	rest := uint32(id - b.First)
	if id < b.First || rest >= b.Len() {
		if !f.numbering.Contains(id) {
			return 0, false
		}
		b = f.numbering.Locate(id).Block
		f.block, rest = b, uint32(id-b.First)
	}
	if b.Instances > 1 {
		rest %= b.Size
	}
	scope := f.numbering.Graph().Scope(b.Scope)
	if rest >= scope.Tasks() {
		return 0, false
	}
	return scope.Function(rest), true
}

// add is the hot path: a store and a counter. Within one process nothing is fetched or stored, so half of all values
// are zero; those are only counted.
func (s *series) add(v int64) {
	if v == 0 {
		s.zeros++
		return
	}
	if s.n == len(s.waiting) {
		s.makeRoom()
	}
	s.waiting[s.n] = v
	s.n++
}

func (s *series) makeRoom() {
	if s.n == chunk {
		s.flush()
		return
	}
	s.waiting = slices.Grow(s.waiting, max(16, s.n))
	s.waiting = s.waiting[:min(cap(s.waiting), chunk)]
}

func (s *series) flush() {
	s.sketch.AddSlice(s.waiting[:s.n])
	s.n = 0
	for s.zeros > 0 {
		n := min(s.zeros, chunk)
		s.sketch.AddSlice(zeros[:n])
		s.zeros -= n
	}
}

// zeros is never written to.
var zeros [chunk]int64

// Digests lists the digests that have values, by the order of functions in the graph and of Metrics. The sketches
// belong to the fold: they change with the next Steps.
func (f *Fold) Digests() []FunctionDigest {
	var out []FunctionDigest
	if f.numbering == nil {
		return nil
	}
	for i, fn := range f.numbering.Graph().Functions() {
		for j := range columns {
			s := &f.functions[i].metrics[j]
			if s.flush(); s.sketch.N() > 0 {
				out = append(out, FunctionDigest{Function: fn.Name(), Version: fn.Options().Version, Metric: columns[j], Sketch: &s.sketch})
			}
		}
	}
	return out
}
