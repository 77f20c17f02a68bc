package shared

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/execution"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/ledger"
)

const (
	// readEntries is how many entries of the log are read at a time, readWait how long one call waits for the first.
	readEntries = 512
	readWait    = 5 * time.Second
	// gather is how soon the log is read again: entries come one by one, and each reading is a call.
	gather = 5 * time.Millisecond
)

// tail reads the log of a run, once for all callers, and counts its steps. It has no goroutine: a caller that needs more
// than has been read reads it, one at a time. Safe for concurrent use.
type tail struct {
	backend  Backend
	id       record.RunID
	revision int
	unlogged bool
	reading  chan struct{} // semaphore of one reader

	mu      sync.Mutex
	decoder entryDecoder
	at      Position
	all     []record.Step
	grown   chan struct{} // closed when there is more
	counts  counts
	lost    map[int]int64 // workers that were lost, and when
	last    uint64        // number of the last step of the revision, 0 before
	looked  time.Time
}

func newTail(b Backend, job execution.Job, revision int) *tail {
	return &tail{
		backend: b, id: job.Info.ID, revision: revision, unlogged: job.Options.Unlogged, reading: make(chan struct{}, 1),
		decoder: newEntryDecoder(job.Graph), grown: make(chan struct{}), counts: newCounts(), lost: map[int]int64{},
	}
}

// steps returns the steps after number after, and waits for them. After the last one of the revision it is io.EOF.
func (t *tail) steps(ctx context.Context, after uint64) ([]record.Step, error) {
	if t.unlogged {
		return nil, fmt.Errorf("shared: run %s keeps no log", t.id)
	}
	for {
		steps, grown, err := t.stepsAfter(after)
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

// stepsAfter returns the steps after a number that have been read, and what is closed when there are more.
func (t *tail) stepsAfter(after uint64) (steps []record.Step, grown <-chan struct{}, err error) {
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

// read reads the next entries, and reports whether there were any. The caller holds reading.
func (t *tail) read(ctx context.Context, wait time.Duration) (grew bool, err error) {
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
		grew = true
	}
	if grew {
		close(t.grown)
		t.grown = make(chan struct{})
	}
	return grew, err
}

// blocks reads the log to the end of the revision and returns what fan-outs have appended, without the edges' offsets.
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
		return fmt.Errorf("shared: the log of run %s after step %d: %w", t.id, from, err)
	}
	t.all, t.at = all, e.At
	for i := range t.all[from:] {
		s := &t.all[from+i]
		t.counts.take(s, t.decoder.numbering)
		switch {
		case s.Kind == record.WorkerStopped && s.Outcome == record.OutcomeLost:
			t.lost[int(s.Worker)] = max(s.Ended, 1)
		case s.Kind == record.RunFinished && t.counts.revision == t.revision && t.last == 0:
			t.last = s.Seq
		}
	}
	return nil
}

// lostWorkers maps the workers that were lost to when that was.
func (t *tail) lostWorkers() map[int]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.lost)
}

// finished returns the last step of the revision, nil while it has not been read.
func (t *tail) finished() *record.Step {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == 0 {
		return nil
	}
	return &t.all[t.last-1]
}

// isRead reports whether the log has been read here.
func (t *tail) isRead() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.looked.IsZero()
}

// progress returns the figures of the log, and how long ago it was read.
func (t *tail) progress() (execution.Progress, time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.counts.progress()
	p.Tasks = t.decoder.numbering.Tasks()
	return p, time.Since(t.looked)
}
