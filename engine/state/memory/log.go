package memory

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine"
)

const (
	// pageLen is the number of steps of a page: 139 KB, so that page tables stay short and small runs small.
	pageLen = 1024
	// A reader that has caught up looks again after minPoll, and ever later up to maxPoll. Writers wake readers only
	// when a page is added and when the run ends, so a reader costs a run next to nothing; maxPoll bounds how late it is.
	minPoll = 500 * time.Microsecond
	maxPoll = 10 * time.Millisecond
)

type page [pageLen]engine.Step

// log is the steps of one run. The number of a step is its place; a step is there when its Seq is set.
type log struct {
	_     [64]byte
	last  atomic.Uint64 // the highest number handed out
	_     [64]byte
	final atomic.Uint64 // the number of RunFinished, 0 before
	pages atomic.Pointer[[]*page]
	grown atomic.Pointer[chan struct{}] // closed when a page is added
	mu    sync.Mutex                    // one grower at a time
}

func newLog() *log {
	l := &log{}
	l.pages.Store(&[]*page{})
	grown := make(chan struct{})
	l.grown.Store(&grown)
	return l
}

// next hands out a number. Whoever takes one must publish its step soon: readers wait for it.
func (l *log) next() uint64 { return l.last.Add(1) }

// at is the place of step seq, from 1.
func (l *log) at(seq uint64) *engine.Step {
	i := (seq - 1) / pageLen
	pages := *l.pages.Load()
	if i >= uint64(len(pages)) {
		pages = l.grow(i)
	}
	return &pages[i][(seq-1)%pageLen]
}

func (l *log) grow(i uint64) []*page {
	l.mu.Lock()
	defer l.mu.Unlock()
	pages := *l.pages.Load()
	for uint64(len(pages)) <= i {
		pages = append(pages, new(page))
	}
	l.pages.Store(&pages)
	grown := make(chan struct{})
	close(*l.grown.Swap(&grown))
	return pages
}

// publish lets readers see a step whose other fields are set.
func publish(s *engine.Step, seq uint64) { atomic.StoreUint64(&s.Seq, seq) }

// append numbers a step and publishes it. What comes behind RunFinished, by a narrow race, is never read.
func (l *log) append(s *engine.Step) {
	seq := l.next()
	place := l.at(seq)
	copyStep(place, s)
	publish(place, seq)
	if s.Kind == engine.RunFinished {
		l.final.Store(seq)
	}
}

// copyStep copies all fields but Seq, at which readers look meanwhile.
func copyStep(dst, src *engine.Step) {
	dst.Kind, dst.Outcome, dst.Location, dst.Announced, dst.Head = src.Kind, src.Outcome, src.Location, src.Announced, src.Head
	dst.Node, dst.Epoch, dst.Attempt, dst.Worker, dst.Slot = src.Node, src.Epoch, src.Attempt, src.Worker, src.Slot
	dst.Ready, dst.Claimed, dst.Started, dst.Ended, dst.Updated = src.Ready, src.Claimed, src.Started, src.Ended, src.Updated
	dst.Fetch, dst.OutputBytes, dst.StoredBytes = src.Fetch, src.OutputBytes, src.StoredBytes
	dst.Became, dst.Readied, dst.Width, dst.Delay = src.Became, src.Readied, src.Width, src.Delay
}

// read returns the published steps behind number after, at most to the end of their page. It waits for them, but not
// longer than until done is closed and the last one is read.
func (l *log) read(ctx context.Context, after uint64, done <-chan struct{}) ([]engine.Step, error) {
	timer := time.NewTimer(minPoll)
	defer timer.Stop()
	for pause := minPoll; ; pause = min(2*pause, maxPoll) {
		grown := *l.grown.Load()
		final := l.final.Load() // before the steps: all that come before it are numbered by now
		if final > 0 && after >= final {
			return nil, io.EOF
		}
		if steps := l.published(after, final); len(steps) > 0 {
			return steps, nil
		}
		timer.Reset(pause)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-done:
			done, pause = nil, minPoll // from now on a step can only be as late as its writer
		case <-grown:
			pause = minPoll
		case <-timer.C:
		}
	}
}

func (l *log) published(after, final uint64) []engine.Step {
	pages := *l.pages.Load()
	i := after / pageLen
	if i >= uint64(len(pages)) {
		return nil
	}
	first, end := after%pageLen, uint64(pageLen)
	if final > 0 {
		end = min(end, first+final-after)
	}
	n := first
	for n < end && atomic.LoadUint64(&pages[i][n].Seq) != 0 {
		n++
	}
	return pages[i][first:n]
}
