package shared

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

const (
	// readEntries is how many entries of the log are read at a time, readWait how long one call waits for the first.
	readEntries = 512
	readWait    = 5 * time.Second
	// gather is how soon the log is read again: entries come one by one, and each reading is a call.
	gather = 5 * time.Millisecond
)

// tail reads the log of a run, once for all who ask, and counts what it tells. It has no goroutine: whoever asks for what
// has not been read reads it, one at a time.
type tail struct {
	backend  Backend
	id       engine.RunID
	revision int
	unlogged bool
	reading  chan struct{} // capacity 1: taken by who reads

	mu      sync.Mutex
	decoder entryDecoder
	at      Position
	all     []engine.Step
	grown   chan struct{} // closed when there is more
	counts  counts
	lost    map[int]int64 // workers that were lost, and when
	last    uint64        // number of the last step of the revision, 0 before
	looked  time.Time
}

func newTail(b Backend, job engine.Job, revision int) *tail {
	return &tail{
		backend: b, id: job.Info.ID, revision: revision, unlogged: job.Options.Unlogged, reading: make(chan struct{}, 1),
		decoder: newEntryDecoder(job.Graph), grown: make(chan struct{}), counts: newCounts(), lost: map[int]int64{},
	}
}

// steps returns those behind number after, and waits for them. Behind the last one of the revision it is io.EOF.
func (t *tail) steps(ctx context.Context, after uint64) ([]engine.Step, error) {
	if t.unlogged {
		return nil, fmt.Errorf("shared: run %s keeps no log", t.id)
	}
	for {
		steps, grown, err := t.behind(after)
		if len(steps) > 0 || err != nil {
			return steps, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-grown:
		case t.reading <- struct{}{}:
			_, err := t.read(ctx, readWait)
			<-t.reading
			if err != nil {
				return nil, err
			}
		}
	}
}

// more is closed when more has been read.
func (t *tail) more() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.grown
}

// behind gives what has been read behind a step.
func (t *tail) behind(after uint64) (steps []engine.Step, grown <-chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last > 0 && after >= t.last {
		return nil, nil, io.EOF
	}
	end := uint64(len(t.all))
	if t.last > 0 {
		end = min(end, t.last)
	}
	if after >= end {
		return nil, t.grown, nil
	}
	return t.all[after:end:end], nil, nil
}

// read reads what comes next, and reports whether there was anything. Only who has taken the place to read may call it.
func (t *tail) read(ctx context.Context, wait time.Duration) (told bool, err error) {
	t.mu.Lock()
	at, looked := t.at, t.looked
	t.mu.Unlock()
	if wait > 0 {
		sleep(ctx, gather-time.Since(looked))
	}
	entries, err := t.backend.Log(ctx, t.id, at, readEntries, wait)
	if err != nil {
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.looked = time.Now()
	for i := range entries {
		if err = t.take(&entries[i]); err != nil {
			break
		}
		told = true
	}
	if told {
		close(t.grown)
		t.grown = make(chan struct{})
	}
	return told, err
}

// blocks gives what fan-outs have appended, once the log has been read to the end of the revision. The edges' offsets are
// not in it.
func (t *tail) blocks(ctx context.Context) ([]ledger.Block, error) {
	for after := uint64(0); ; {
		steps, err := t.steps(ctx, after)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		after = steps[len(steps)-1].Seq
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []ledger.Block
	for _, b := range t.decoder.numbering.Blocks()[1:] {
		list = append(list, ledger.Block{Expansion: b.Expansion, Width: b.Instances, First: b.First})
	}
	return list, nil
}

// take appends the steps of an entry.
func (t *tail) take(e *Entry) error {
	from := len(t.all)
	all, err := t.decoder.decode(t.all, e)
	if err != nil {
		return fmt.Errorf("shared: the log of run %s behind step %d: %w", t.id, from, err)
	}
	t.all, t.at = all, e.At
	for i := range t.all[from:] {
		s := &t.all[from+i]
		t.counts.take(s, t.decoder.numbering)
		switch {
		case s.Kind == engine.WorkerStopped && s.Outcome == engine.OutcomeLost:
			t.lost[int(s.Worker)] = max(s.Ended, 1)
		case s.Kind == engine.RunFinished && t.counts.revision == t.revision && t.last == 0:
			t.last = s.Seq
		}
	}
	return nil
}

// lostWorkers are those that were lost, and when.
func (t *tail) lostWorkers() map[int]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.lost)
}

// finished gives the last step of the revision, nil while it is not known.
func (t *tail) finished() *engine.Step {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == 0 {
		return nil
	}
	return &t.all[t.last-1]
}

// isRead reports whether anybody here has asked for the log.
func (t *tail) isRead() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.looked.IsZero()
}

// progress counts what has been read, and tells how long ago that was.
func (t *tail) progress() (engine.Progress, time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.counts.progress()
	p.Tasks = t.decoder.numbering.Tasks()
	return p, time.Since(t.looked)
}
