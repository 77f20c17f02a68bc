package otlp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/otlp"
)

// minSpans is how many spans a trace needs to be a run: services send a trace of one span for each health check.
const minSpans = 2

// Run makes runs of what is received until ctx ends.
func (r *Receiver) Run(ctx context.Context) error {
	tick := time.NewTicker(max(r.cfg.Settle/4, time.Millisecond))
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := r.open(ctx); err == nil {
			r.makeDue(ctx)
			r.retire()
		} else if !errors.Is(err, errOwner) && ctx.Err() == nil {
			r.cfg.Log.Error("the journal of traces cannot be opened", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	r.opening.Lock()
	defer r.opening.Unlock()
	if r.journal == nil {
		return nil
	}
	return r.journal.close()
}

// due is a trace whose run has to be made, as of one moment.
type due struct {
	trace string
	refs  []ref
	run   record.RunID
	quiet bool // nothing came for long
}

// makeDue makes the runs that are due, the ones that wait longest first.
func (r *Receiver) makeDue(ctx context.Context) {
	for _, d := range r.due(time.Now()) {
		if ctx.Err() != nil {
			return
		}
		began := time.Now()
		id, complete, err := r.make(ctx, d)
		r.mu.Lock()
		t := r.traces[d.trace]
		t.made, t.took = time.Now(), time.Since(began)
		switch {
		case err == nil:
			t.run, t.complete, t.over = id, complete, complete || d.quiet
			if len(t.refs) == len(d.refs) {
				t.first = time.Time{}
			} else {
				t.first, t.over = t.last, false
			}
		case errors.Is(err, records.ErrFormat), errors.Is(err, records.ErrTooLarge):
			t.first, t.over = time.Time{}, true // the same spans give the same error
		default:
			t.took = max(t.took, r.cfg.Settle) // the next try is after 9 times as long
		}
		r.mu.Unlock()
		if err != nil && ctx.Err() == nil {
			r.cfg.Log.Error("no run could be made of a trace", "trace", d.trace, "error", err)
		}
	}
}

// due lists the traces whose runs have to be made.
func (r *Receiver) due(now time.Time) []due {
	r.mu.Lock()
	defer r.mu.Unlock()
	type waiting struct {
		due
		since time.Time
	}
	var found []waiting
	for trace, t := range r.traces {
		quiet := now.Sub(t.last) >= r.cfg.Quiet
		switch {
		case t.spans < minSpans, !t.made.IsZero() && now.Sub(t.made) < 9*t.took:
			continue
		case t.first.IsZero() && (t.over || !quiet):
			continue
		case t.made.IsZero() && now.Sub(t.first) < r.cfg.Settle:
			continue
		case !t.made.IsZero() && !t.first.IsZero() && now.Sub(t.last) < r.cfg.Settle && now.Sub(t.first) < 5*r.cfg.Settle:
			continue
		}
		found = append(found, waiting{due{trace, slices.Clone(t.refs), t.run, quiet}, t.first})
	}
	slices.SortFunc(found, func(a, b waiting) int { return a.since.Compare(b.since) })
	out := make([]due, len(found))
	for i := range found {
		out[i] = found[i].due
	}
	return out
}

// make makes the run of a trace and keeps it.
func (r *Receiver) make(ctx context.Context, d due) (id record.RunID, complete bool, err error) {
	text, err := r.journal.read(d.refs)
	if err != nil {
		return "", false, err
	}
	runs, err := otlp.New().Read(ctx, []records.File{{
		Path: "trace " + d.trace, Part: records.Main, Size: int64(len(text)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil },
	}})
	if err != nil {
		return "", false, err
	}
	run := runs[0]
	complete = run.Incomplete == "" && run.Status != record.Running
	if !complete {
		run.Incomplete = "spans are still arriving, and the root of the trace has not ended"
		if d.quiet {
			run.Incomplete = fmt.Sprintf("no spans arrived for %s, and the root of the trace has not ended", r.cfg.Quiet)
		}
	}
	recording, err := records.Compile(run, records.Origin{Digest: sha256.Sum256(text)})
	if err != nil {
		return "", false, err
	}
	if d.run != "" {
		recording.Info.ID = d.run // that of a run begins with its start, which is not known before its root has ended
	}
	_, err = r.importer.Replace(ctx, recording)
	return recording.Info.ID, complete, err
}

// retire removes the files of the journal whose traces are over and old, the first ones first.
func (r *Receiver) retire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	full := r.journal.full()
	if len(full) == 0 {
		return
	}
	late := r.cfg.Late
	if r.journal.bytes() > r.cfg.MaxJournal/2 || len(r.traces) > r.cfg.MaxTraces/2 {
		late = min(late, 60*r.cfg.Settle)
	}
	kept := map[*segment]bool{}
	for _, t := range r.traces {
		over := t.over && t.first.IsZero() // its run has all spans
		if t.spans < minSpans {
			over = now.Sub(t.last) >= r.cfg.Quiet
		}
		if over && t.busy == 0 && now.Sub(t.last) >= late {
			continue
		}
		for _, at := range t.refs {
			kept[at.in] = true
		}
	}
	for _, s := range full {
		if kept[s] {
			return
		}
		if err := r.remove(s); err != nil {
			r.cfg.Log.Error("a file of the journal of traces cannot be removed", "error", err)
			return
		}
	}
}

// remove removes a file whose traces are over. They are noted first, so that what other files have of them does not
// become a shorter run after a restart. The caller holds mu.
func (r *Receiver) remove(s *segment) error {
	var retired []string
	single := 0
	for trace, t := range r.traces {
		if slices.ContainsFunc(t.refs, func(at ref) bool { return at.in == s }) {
			retired = append(retired, trace)
		}
	}
	if err := addRetired(r.cfg.Dir, retired); err != nil {
		return err
	}
	for _, trace := range retired {
		t := r.traces[trace]
		delete(r.traces, trace)
		if t.run != "" {
			r.old[trace] = t.run
		} else {
			single++
		}
	}
	if single > 0 {
		r.cfg.Log.Info("traces of a single span, or that no run could be made of, are dropped", "traces", single)
	}
	return r.journal.remove(s)
}
