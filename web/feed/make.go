package feed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// Run makes runs of what is received until ctx ends.
func (r *Receiver) Run(ctx context.Context) error {
	tick := time.NewTicker(max(r.cfg.Settle/4, time.Millisecond))
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := r.open(ctx); err == nil {
			r.makeDue(ctx)
			r.retire()
		} else if !errors.Is(err, ErrOwner) && ctx.Err() == nil {
			r.cfg.Log.Error("a journal cannot be opened", "of", r.source.Records, "error", err)
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

// due is a record whose run has to be made, as of one moment.
type due struct {
	key   string
	refs  []ref
	run   record.RunID
	last  time.Time // when parts came last
	quiet bool      // nothing came for long
}

// makeDue makes the runs that are due, the ones that wait longest first.
func (r *Receiver) makeDue(ctx context.Context) {
	for _, d := range r.due(time.Now()) {
		if ctx.Err() != nil {
			return
		}
		began := time.Now()
		id, complete, err := r.makeSafely(ctx, d)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.cfg.Log.Error("no run could be made of a "+r.source.Record, r.source.Record, d.key, "error", err)
		}
		if errors.Is(err, errPanic) {
			r.setAside(d.key)
			continue
		}
		r.made(d, id, complete, err, time.Since(began))
	}
}

// made notes what became of a record.
func (r *Receiver) made(d due, id record.RunID, complete bool, err error, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.items[d.key]
	t.made, t.took = time.Now(), took
	switch {
	case err == nil:
		t.run, t.over = id, complete || d.quiet
		if len(t.refs) == len(d.refs) {
			t.first = time.Time{}
		} else {
			t.first, t.over = t.last, false
		}
	case errors.Is(err, records.ErrFormat), errors.Is(err, records.ErrTooLarge):
		t.first, t.over = time.Time{}, true // the same parts give the same error
	default:
		t.took = max(t.took, RetryAfter) // as if it had taken so long: the store does not answer
	}
	if t.over {
		delete(r.waiting, d.key)
	}
}

// pause is how often the time that it took to make a run has to pass before it is made again.
const pause = 1

// due lists the records whose runs have to be made.
func (r *Receiver) due(now time.Time) []due {
	r.mu.Lock()
	defer r.mu.Unlock()
	type waiting struct {
		due
		since time.Time
	}
	var found []waiting
	for key, t := range r.waiting {
		quiet := now.Sub(t.last) >= r.cfg.Quiet
		switch {
		case t.first.IsZero() && !quiet, !t.first.IsZero() && now.Sub(t.first) < r.cfg.Settle:
			continue
		case !t.made.IsZero() && now.Sub(t.made) < pause*t.took:
			continue
		}
		found = append(found, waiting{due{key, slices.Clone(t.refs), t.run, t.last, quiet}, t.first})
	}
	slices.SortFunc(found, func(a, b waiting) int { return a.since.Compare(b.since) })
	out := make([]due, len(found))
	for i := range found {
		out[i] = found[i].due
	}
	return out
}

// errPanic: the parts of a record are beyond what the pipeline can do.
var errPanic = errors.New("feed: the program has a mistake that this record shows")

// makeSafely is make, which may panic: parts come from anywhere, and one record must not take the others down.
func (r *Receiver) makeSafely(ctx context.Context, d due) (id record.RunID, complete bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	return r.make(ctx, d)
}

// make makes the run of a record and keeps it.
func (r *Receiver) make(ctx context.Context, d due) (id record.RunID, complete bool, err error) {
	text, err := r.journal.read(d.refs)
	if err != nil {
		return "", false, err
	}
	runs, err := r.source.Format.Read(ctx, []records.File{{
		Path: r.source.File, Part: records.Main, Size: int64(len(text)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil },
	}})
	if err != nil {
		return "", false, err
	}
	run := runs[0]
	complete = run.Incomplete == "" && run.Status != record.Running
	until := time.Time{}
	switch {
	case complete:
	case d.quiet:
		run.Incomplete = fmt.Sprintf("no %s arrived for %s, and %s has not ended", r.source.Parts, r.cfg.Quiet, r.source.Root)
	default:
		run.Incomplete, until = fmt.Sprintf("%s are still arriving, and %s has not ended", r.source.Parts, r.source.Root), d.last.Add(r.cfg.Quiet).UTC()
	}
	recording, err := records.Compile(run, records.Origin{Digest: sha256.Sum256(text)})
	if err != nil {
		return "", false, err
	}
	recording.Info.Origin.GrowsUntil = until
	if d.run != "" {
		recording.Info.ID = d.run // that of a run begins with its start, which is not known before its root has ended
	}
	_, err = r.importer.Replace(ctx, recording)
	return recording.Info.ID, complete, err
}
