package metricsstore

import (
	"context"
	"errors"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Preview implements record.Recorder without a store: it sums a run up as a Recorder does, and keeps nothing else of it.
// It is for one run. The zero value is ready for Begin. Not safe for concurrent use.
type Preview struct {
	run     Run
	fold    *Fold
	folding error // why fold does not cover all steps
}

// Begin implements record.Recorder. It refuses what a Store refuses.
func (p *Preview) Begin(info record.RunInfo, g *dag.Graph) error {
	info.Upload = Strategy{Kind: Shutdown}.String()
	p.run = Run{
		Header:     Header{Info: info, Status: record.Running, AddedAt: time.Now().UTC(), Graph: SizeOf(g)},
		Annotation: Annotation{Tags: info.Tags},
	}
	p.fold = NewFold(g)
	return p.run.ValidateBegin()
}

// Steps implements record.Recorder.
func (p *Preview) Steps(_ record.RunID, steps []record.Step) {
	if p.folding == nil {
		p.folding = p.fold.Steps(steps)
	}
	p.run.Steps += uint64(len(steps))
}

// Details implements record.Recorder.
func (p *Preview) Details(_ record.RunID, details []record.Detail, _ []record.WorkerRecord) {
	p.run.Details += len(details)
}

// End implements record.Recorder. The error is ErrCorrupt where the steps are not of the graph.
func (p *Preview) End(_ record.RunID, end record.RunEnd) error {
	h := &p.run.Header
	h.Status, h.EndedAt, h.Error, h.ResultText = end.Status, end.EndedAt, shortened(end.First), cutText(end.ResultText)
	p.finish()
	return p.folding
}

// finish fills in what a run has once it is archived.
func (p *Preview) finish() {
	finishHeader(&p.run.Header, &p.run, p.fold)
	p.run.LastSeq = p.fold.Seq()
	p.run.Rollup, p.run.ArchivedSeq, p.run.Counts, p.run.RollupFormat = 1, p.fold.Seq(), p.fold.Counts(), rollupFormat
}

// Run is the run as a store without it would have kept it, once End has returned; its Bytes are unknown, and 0.
func (p *Preview) Run() Run { return p.run }

// Preview returns the run of an archive file as Import would keep it in a store without it, and keeps nothing. The
// errors are those of Import, except for ErrLease.
func (a *Archiver) Preview(ctx context.Context, p *Portable) (Run, error) {
	f, err := a.checkPortable(p)
	if err != nil {
		return Run{}, err
	}
	if err := a.checkSame(ctx, p); err != nil && !errors.Is(err, ErrNotFound) {
		return Run{}, err
	}
	out := Preview{fold: f, run: Run{Header: begun(p.Run.Header), Annotation: p.Run.Annotation, Details: len(p.Details)}}
	out.run.AddedAt = time.Now().UTC()
	for i := range p.Blocks {
		out.run.Steps += p.Blocks[i].Last - p.Blocks[i].First + 1
	}
	out.run.endAs(&p.Run.Header)
	out.finish()
	return out.run, nil
}
