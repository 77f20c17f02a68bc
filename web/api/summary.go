package api

import (
	"context"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// summaries makes summaries of runs, with their standing and the functions that they wait for. Safe for concurrent use.
type summaries struct {
	*records
	runs   *catalogue
	roster roster
}

// one returns the summary of a run.
func (s *summaries) one(ctx context.Context, id record.RunID, scope metricsstore.PeerScope) (RunSummary, error) {
	run, err := s.runs.one(ctx, id)
	if err != nil {
		return RunSummary{}, s.missing(id, err)
	}
	if run.Status.Final() { // the standing needs the index
		if err := s.runs.refresh(ctx); err != nil {
			return RunSummary{}, err
		}
	}
	return s.of(ctx, &run, scope)
}

// all returns the summaries of several runs.
func (s *summaries) all(ctx context.Context, runs []metricsstore.Run) ([]RunSummary, error) {
	out := make([]RunSummary, len(runs))
	for i := range runs {
		var err error
		if out[i], err = s.of(ctx, &runs[i], metricsstore.SamePeers); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// of returns the summary of a run, with its standing among earlier runs from the index.
func (s *summaries) of(ctx context.Context, r *metricsstore.Run, scope metricsstore.PeerScope) (RunSummary, error) {
	out := newSummary(r, s.cfg.Prices)
	if out.Status = r.StatusAt(s.cfg.Now()); out.Status != r.Status { // of a recording that grows
		out.EndedAt, out.Records.Text = nil, "what has arrived so far: "+r.Upload.String()
		return out, nil
	}
	if !out.Live {
		standing, err := s.standing(r, scope)
		out.Standing = orNull(standing)
		return out, err
	}
	out.MissingFunctions = s.missingFunctions(ctx, r)
	out.Local = s.steerable(r.Info.ID)
	out.Tasks.Running = s.runs.running(ctx, r.Info.ID)
	return out, nil
}

// steerable reports whether a live run can be cancelled, paused and resumed from here.
func (s *summaries) steerable(id record.RunID) bool {
	_, err := s.cfg.Engine.Get(id)
	return err == nil || s.cfg.Ask != nil
}

// current answers with the summary of a run after it was changed.
func (s *summaries) current(ctx context.Context, id record.RunID) (*answer[RunSummary], error) {
	out, err := s.one(ctx, id, metricsstore.SamePeers)
	if err != nil {
		return nil, err
	}
	return answered("", out), nil
}

// newSummary makes the part of a summary that needs the header only.
func newSummary(r *metricsstore.Run, prices metricsstore.Prices) RunSummary {
	s := RunSummary{
		Run: r.Info.ID, Name: runName(r.Info.ID), Workflow: r.Info.Workflow, Engine: r.Info.Engine(), Status: r.Status, Revision: r.Info.Revision,
		Params: r.Info.Params, Inputs: r.Info.Inputs, Tags: listOf(r.Annotation.Tags), Note: r.Annotation.Note,
		SubmittedAt: r.Info.SubmittedAt.UTC(), AddedAt: r.Added().UTC(), StartedAt: r.Info.StartedAt.UTC(), Policy: r.Info.Policy, Upload: r.Info.Upload,
		DeadlineNS: int64(r.Info.Deadline), Reconstructed: r.Info.Reconstructed, MakespanNS: r.MakespanNS(), ScheduleNS: newScheduleNS(r), Imported: newImported(r),
		Tasks: TaskCounts{
			Total: max(r.Counts.Tasks, int64(r.Graph.Tasks)), Done: r.Counts.Done(), Cached: r.Counts.Cached, Failed: r.Counts.Failed, Skipped: r.Counts.Skipped,
		},
		Attempts: r.Counts.Attempts, Retries: r.Counts.Retried, Edges: r.Graph.Edges, OutputBytes: r.Counts.OutputBytes,
		StoredBytes: r.Counts.StoredBytes, ExecuteNS: r.Counts.ExecuteNS, Workers: r.Counts.Workers, Used: newUsed(&r.Counts, prices), ResultText: r.ResultText,
		Error: orNull(newRunError(r.Error)), Records: newRecordState(r), Live: !r.Status.Final(),
		LastSeq: r.LastSeq, GraphHash: r.Graph.Hash, Lost: r.Counts.Lost, MissingFunctions: []MissingFunction{},
	}
	if r.Info.Source != nil {
		s.File = r.Info.Source.File
	}
	if r.Info.Rules != nil {
		rules := Rules(*r.Info.Rules)
		s.Rules = &rules
	}
	if s.Params == nil {
		s.Params = map[string]string{}
	}
	if s.SubmittedAt.IsZero() {
		s.SubmittedAt = s.StartedAt
	}
	if s.Policy == "" {
		s.Policy = record.FailFast
	}
	if !s.Live {
		s.Tasks.NotRun = r.Counts.NotRun()
		ended := r.EndedAt.UTC()
		s.EndedAt = &ended
	}
	return s
}

// newUsed is null where nothing was measured.
func newUsed(c *metricsstore.Counts, prices metricsstore.Prices) OrNull[used] {
	u := c.Used
	if u == (metricsstore.Used{}) {
		return OrNull[used]{}
	}
	out := used{
		Attempts: c.Attempts - c.Cached, CPUNS: u.CPUNS, CPUAttempts: u.CPUKnown, MemoryByteS: u.MemoryByteS, MemoryAttempts: u.MemoryKnown,
	}
	if prices != (metricsstore.Prices{}) {
		cost := prices.Cost(u)
		out.Cost = &cost
	}
	return orNull(&out)
}

// newScheduleNS is null unless the schedule was reconstructed.
func newScheduleNS(r *metricsstore.Run) OrNull[int64] {
	if r.Info.Reconstructed == "" {
		return OrNull[int64]{}
	}
	return orNull(&r.Counts.MakespanNS)
}

// newImported is null for runs of the engine.
func newImported(r *metricsstore.Run) OrNull[Imported] {
	o := r.Info.Imported()
	if o == nil {
		return OrNull[Imported]{}
	}
	c := &r.Counts
	out := &Imported{
		Format: o.Format, RecordedNS: int64(o.Makespan), ExplainedNS: r.ExplainedNS(), Dated: !o.Undated, Lanes: o.Lanes,
		System: o.System, Incomplete: o.Incomplete, Notes: newNotes(o.Notes),
		BytesIn: &c.BytesIn, BytesMoved: &c.BytesMoved, BytesOut: &c.BytesOut, CPUNS: &c.CPUNS,
	}
	switch {
	case r.Info.Origin == nil:
		out.BytesIn, out.BytesMoved, out.BytesOut, out.CPUNS = nil, nil, nil, nil
	case o.Digest != "": // older programs knew only a format in which bytes are recorded
		if c.BytesKnown == 0 {
			out.BytesIn, out.BytesMoved, out.BytesOut = nil, nil, nil
		}
		if c.CPUKnown == 0 {
			out.CPUNS = nil
		}
	}
	return orNull(out)
}

func newNotes(notes []record.Note) []note {
	out := make([]note, len(notes))
	for i, n := range notes {
		out[i] = note(n)
	}
	return out
}

func newRunError(e *record.ErrorRecord) *RunError {
	if e == nil {
		return nil
	}
	out := &RunError{Kind: e.Kind, Task: e.Task, Name: e.Name, Message: e.Message, Attempt: e.Attempt}
	if e.Node != dag.NoNode && e.Task != "" {
		node := uint32(e.Node)
		out.Node = &node
	}
	return out
}

func newRecordState(r *metricsstore.Run) RecordState {
	damaged := r.Damaged()
	switch {
	case damaged != "":
		return RecordState{Text: "damaged: " + damaged, Damage: damaged, EndUnknown: r.EndUnknown()}
	case !r.Status.Final():
		return RecordState{Text: "still being recorded"}
	case r.Upload.Partial():
		return RecordState{Text: "kept were " + r.Upload.String()}
	case r.Info.Imported() != nil && r.Status == record.Interrupted:
		return RecordState{Text: "all of the recording, which does not say how the run ended: " + r.Upload.String()}
	case r.Status == record.Interrupted:
		return RecordState{Text: "cut off when its process ended; kept were " + r.Upload.String()}
	}
	return RecordState{Complete: true, Text: "complete: " + r.Upload.String()}
}

// listOf turns nil into an empty list, which is not null in JSON.
func listOf[T any](v []T) []T {
	if v == nil {
		return []T{}
	}
	return v
}
