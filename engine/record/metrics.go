package record

import (
	"math"
	"time"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
)

// TaskMetrics measures one attempt of a task. In JSON all fields are on one level; durations are whole
// nanoseconds, unknown sizes are UnknownSize.
type TaskMetrics struct {
	Run      RunID        `json:"run"`
	Revision int          `json:"revision"`
	Workflow string       `json:"workflow"`
	Task     dag.Identity `json:"task"`
	Node     dag.NodeID   `json:"node"`
	Epoch    int          `json:"epoch"`
	Attempt  int          `json:"attempt"` // from 1
	Worker   int          `json:"worker"`
	Slot     int          `json:"slot"`
	Outcome  Outcome      `json:"outcome"`
	// StartedAt is when the body was called, on the store's clock; of a cached attempt, when its output was there.
	StartedAt time.Time `json:"started_at"`
	Phases
	Bytes
	*Usage // nil if nothing was measured; then its fields are absent in JSON
	// Invocations counts the tasks that this attempt readied and left to others.
	Invocations int `json:"invocations"`
}

// Phases of an attempt. None is negative, and together they never exceed the time from ready to the end. Of a cached one,
// Execute is 0: its body was not called, and the time for taking its output from the cache is part of Fetch.
type Phases struct {
	Queue   time.Duration `json:"queue_ns"` // ready to claimed
	Wait    time.Duration `json:"wait_ns"`  // claimed until inputs are present, without Fetch
	Fetch   time.Duration `json:"fetch_ns"` // fetching inputs from other processes
	Execute time.Duration `json:"execute_ns"`
	// Store and Update share one period of a step: from the end of the body until the children were counted down. If
	// the output was stored meanwhile, the whole period is Store, otherwise it is Update.
	Store  time.Duration `json:"store_ns"`
	Update time.Duration `json:"update_ns"`
}

// Bytes that an attempt moved; UnknownSize if only encoding would have shown the size.
type Bytes struct {
	// Input is the size of the files that the task read, if that was measured. Otherwise it is the sum of the outputs
	// that the task waited for, each counted once. The sum is unknown if one of the outputs is, or if the task reads an
	// element of a fan-out or something from outside of it.
	Input  int64 `json:"input_bytes"`
	Output int64 `json:"output_bytes"`
	Stored int64 `json:"stored_bytes"`
}

// Metrics appends a record for each attempt of a task that ended in steps, with any outcome.
func (d *Decoder) Metrics(dst []TaskMetrics, steps []Step) []TaskMetrics {
	for i := range steps {
		s := &steps[i]
		if !d.take(s) {
			return dst
		}
		if s.Kind == AttemptEnded && d.numbering.IsTask(s.Node) {
			dst = append(dst, d.metrics(s))
		}
	}
	return dst
}

func (d *Decoder) metrics(s *Step) TaskMetrics {
	p := d.numbering.Locate(s.Node)
	m := TaskMetrics{
		Run: d.info.ID, Revision: d.info.Revision, Workflow: d.info.Workflow, Task: d.numbering.Identity(p), Node: s.Node,
		Epoch: int(s.Epoch), Attempt: int(s.Attempt), Worker: int(s.Worker), Slot: int(s.Slot), Outcome: s.Outcome,
		StartedAt: d.info.StartedAt.Add(time.Duration(s.Started)), Phases: phasesOf(s),
		Bytes: Bytes{d.inputBytes(p), s.OutputBytes, s.StoredBytes}, Usage: s.Usage,
	}
	if s.Outcome == OutcomeCached {
		m.StartedAt = d.info.StartedAt.Add(time.Duration(s.Ended))
	}
	if s.Usage != nil && s.Usage.InputBytes != codec.UnknownSize {
		m.Input = s.Usage.InputBytes
	}
	for _, id := range s.Readied {
		if id != s.Became && d.numbering.IsTask(id) {
			m.Invocations++
		}
	}
	return m
}

// phasesOf splits the time of an attempt from ready to the end.
func phasesOf(s *Step) Phases {
	claimed, started, ended, over, fetch := s.Ordered()
	p := Phases{
		Queue: time.Duration(claimed - s.Ready), Wait: time.Duration(started - claimed - fetch), Fetch: time.Duration(fetch),
		Execute: time.Duration(ended - started), Update: time.Duration(over - ended),
	}
	if s.Outcome == OutcomeCached {
		p.Fetch, p.Execute = p.Fetch+p.Execute, 0
	}
	if s.Location == LocationStored {
		p.Store, p.Update = p.Update, 0
	}
	return p
}

// inputBytes adds up the outputs that the task at p waited for.
func (d *Decoder) inputBytes(p dag.Place) int64 {
	scope := d.numbering.Graph().Scope(p.Block.Scope)
	if scope.Flags(p.Local)&dag.ReadsOuter != 0 {
		return codec.UnknownSize
	}
	sum := int64(0)
	for _, parent := range scope.Parents(p.Local) {
		if sum = addSizes(sum, d.nodeBytes(p.Node(parent))); sum == codec.UnknownSize {
			break
		}
	}
	return sum
}

// nodeBytes is the size of a node's output; for a join, the sum of the outputs that it collects from all instances.
func (d *Decoder) nodeBytes(id dag.NodeID) int64 {
	if size, isKnown := d.outputs.get(id); isKnown {
		return size
	}
	p := d.numbering.Locate(id)
	scope := d.numbering.Graph().Scope(p.Block.Scope)
	if scope.Kind(p.Local) != dag.JoinNode {
		return codec.UnknownSize
	}
	size := d.joinBytes(p, scope)
	d.outputs.set(id, size) // a join is read only when complete, so adding it up once is enough for all its readers
	return size
}

func (d *Decoder) joinBytes(p dag.Place, scope *dag.Scope) int64 {
	block := d.numbering.Expanded(p.Node(scope.JoinExpansion(p.Local)))
	if block == nil || scope.JoinReadsOuter(p.Local) {
		return codec.UnknownSize
	}
	sum := int64(0)
	for _, w := range scope.JoinWaits(p.Local) {
		for i := range block.Instances {
			if sum = addSizes(sum, d.nodeBytes(dag.Place{Block: block, Instance: i, Local: w}.ID())); sum == codec.UnknownSize {
				return codec.UnknownSize
			}
		}
	}
	return sum
}

// addSizes returns UnknownSize if either size is unknown, or if the sum exceeds 63 bits.
func addSizes(a, b int64) int64 {
	if a < 0 || b < 0 || a+b < 0 {
		return codec.UnknownSize
	}
	return a + b
}

// sizesInPage is how many sizes one page of outputSizes holds.
const sizesInPage = 512

// outputSizes keeps the size of each node's output, in pages that are made when first written.
type outputSizes struct {
	pages []*[sizesInPage]int64 // size + 2, so that 0 stands for a size that was not set
}

func (o *outputSizes) set(id dag.NodeID, size int64) {
	page := int(id / sizesInPage)
	for page >= len(o.pages) {
		o.pages = append(o.pages, nil)
	}
	if o.pages[page] == nil {
		o.pages[page] = new([sizesInPage]int64)
	}
	o.pages[page][id%sizesInPage] = min(max(size, codec.UnknownSize), math.MaxInt64-2) + 2
}

func (o *outputSizes) get(id dag.NodeID) (size int64, isSet bool) {
	page := int(id / sizesInPage)
	if page >= len(o.pages) || o.pages[page] == nil {
		return 0, false
	}
	size = o.pages[page][id%sizesInPage]
	return size - 2, size != 0
}
