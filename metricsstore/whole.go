package metricsstore

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// WholeRun is an ended run with everything that is kept of it, see Swapper.
type WholeRun struct {
	Header      Header // as archived for the first time
	Attachments map[string][]byte
	Batch       Batch
	Rollups     []Rollup
}

// Begun is the header with which the run began.
func (w *WholeRun) Begun() Header {
	return Header{Info: w.Header.Info, Status: record.Running, Graph: w.Header.Graph, AddedAt: w.Header.AddedAt}
}

// Archive is the archive of the run by an owner.
func (w *WholeRun) Archive(owner string) Archive {
	return Archive{Owner: owner, Header: w.Header, Rollups: w.Rollups, Attachments: w.Attachments}
}

// Collector is a record.Recorder that collects one run in memory, to be kept by a Swapper: what a Recorder would have
// kept of it by the strategy Shutdown. Not safe for concurrent use.
type Collector struct {
	whole  WholeRun
	fold   *Fold
	packer *Packer
	steps  stepBuffer
	err    error // why the run cannot be kept
}

// Run returns the run after End has returned nil.
func (c *Collector) Run() *WholeRun { return &c.whole }

// Begin implements record.Recorder.
func (c *Collector) Begin(info record.RunInfo, g *dag.Graph) error {
	packer, err := NewPacker()
	if err != nil {
		return err
	}
	info.Upload = Strategy{Kind: Shutdown}.String()
	*c = Collector{fold: NewFold(g), packer: packer}
	c.whole.Header = Header{Info: info, Status: record.Running, Graph: SizeOf(g), AddedAt: time.Now().UTC()}
	c.whole.Attachments = map[string][]byte{AttachShape: g.AppendShape(nil)}
	return nil
}

// Steps implements record.Recorder.
func (c *Collector) Steps(_ record.RunID, steps []record.Step) {
	if c.err != nil {
		return
	}
	c.err = c.fold.Steps(steps)
	c.steps.add(steps)
	if len(c.steps.steps) >= collectedBlock {
		c.pack()
	}
}

// collectedBlock is from how many steps on a block is packed.
const collectedBlock = 1024

func (c *Collector) pack() {
	if len(c.steps.steps) > 0 {
		c.whole.Batch.Blocks = append(c.whole.Batch.Blocks, c.packer.Pack(c.steps.steps))
		c.steps.reset()
	}
}

// Details implements record.Recorder.
func (c *Collector) Details(_ record.RunID, details []record.Detail, workers []record.WorkerRecord) {
	b, revision := &c.whole.Batch, c.whole.Header.Info.Revision
	for i := range details {
		row, err := PackDetail(revision, &details[i])
		if err != nil {
			c.err = err
			return
		}
		b.Details = append(b.Details, row)
	}
	for i := range workers {
		row, err := PackWorker(revision, &workers[i])
		if err != nil {
			c.err = err
			return
		}
		b.Workers = append(b.Workers, row)
	}
}

// End implements record.Recorder. The error says why the run cannot be kept, such as ErrCorrupt for steps that do not
// fit together.
func (c *Collector) End(run record.RunID, end record.RunEnd) error {
	if c.err != nil {
		return fmt.Errorf("metricsstore: run %s cannot be collected: %w", run, c.err)
	}
	c.pack()
	data, err := json.Marshal(end)
	if err != nil {
		return fmt.Errorf("metricsstore: end of run %s: %w", run, err)
	}
	c.whole.Attachments[AttachEnd] = data
	h, steps, details := &c.whole.Header, int64(c.fold.Seq()), int64(len(c.whole.Batch.Details))
	h.Status, h.EndedAt, h.Error, h.ResultText = end.Status, end.EndedAt, shortened(end.First), cutText(end.ResultText)
	h.Rollup, h.ArchivedSeq, h.Counts, h.RollupFormat = 1, c.fold.Seq(), c.fold.Counts(), rollupFormat
	h.Upload = Upload{Strategy: h.Info.Upload, Steps: steps, StepsKept: steps, Details: details, DetailsKept: details, Calls: 1}
	c.whole.Rollups, err = rollups(h, c.fold)
	return err
}
