package memory

import (
	"context"
	"io"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

const (
	// pageLen is the number of steps of a page: 139 KB, so that page tables stay short. The first pageLen steps are in
	// small pages of doubling size, so that a run of four tasks does not take 139 KB: see pageOf.
	pageLen = 1 << pageBits
	// firstLen is the number of steps of the first page and of the second one: 2 KB each.
	firstLen = 1 << firstBits

	pageBits   = 10
	firstBits  = 4
	smallPages = pageBits - firstBits + 1 // how many pages hold the first pageLen steps
)

const (
	// A reader that has caught up reads again after minPoll, then after twice as long each time, up to maxPoll. Writers wake readers only
	// when the first page or one of pageLen steps is added and when the run ends, so a reader costs a run next to
	// nothing; maxPoll bounds how late it is.
	minPoll = 500 * time.Microsecond
	maxPoll = 10 * time.Millisecond
)

// pageOf finds the page of step seq, from 1, and the step's place in it. The first pages have 16, 16, 32, 64 … 512
// steps. Together these are pageLen steps, so all later pages begin at a multiple of pageLen.
func pageOf(seq uint64) (page, place uint64) {
	i := seq - 1
	if i >= pageLen {
		return i>>pageBits + smallPages - 1, i % pageLen
	}
	page = uint64(bits.Len64(i >> firstBits))
	if page == 0 {
		return 0, i
	}
	return page, i - firstLen<<(page-1)
}

// lenOf is the number of steps of a page.
func lenOf(page uint64) uint64 {
	switch {
	case page == 0:
		return firstLen
	case page < smallPages:
		return firstLen << (page - 1)
	}
	return pageLen
}

// log is the steps of one run. The number of a step is its place; a step is published once its Seq is set.
type log struct {
	_     [64]byte
	last  atomic.Uint64 // the highest number handed out
	_     [64]byte
	final atomic.Uint64 // the number of RunFinished, 0 before
	pages atomic.Pointer[[][]record.Step]
	grown atomic.Pointer[chan struct{}] // closed when readers should read again; see grow
	mu    sync.Mutex                    // held while pages are added
}

func newLog() *log {
	l := &log{}
	l.pages.Store(&[][]record.Step{})
	grown := make(chan struct{})
	l.grown.Store(&grown)
	return l
}

// next hands out a number. The caller must publish its step soon: readers wait for it.
func (l *log) next() uint64 { return l.last.Add(1) }

// at is the place of step seq, from 1.
func (l *log) at(seq uint64) *record.Step {
	page, place := pageOf(seq)
	pages := *l.pages.Load()
	if page >= uint64(len(pages)) {
		pages = l.grow(page)
	}
	return &pages[page][place]
}

// grow adds pages, the last of them with the given number, and wakes the readers unless the pages are small.
func (l *log) grow(page uint64) [][]record.Step {
	l.mu.Lock()
	defer l.mu.Unlock()
	pages := *l.pages.Load()
	for n := uint64(len(pages)); n <= page; n++ {
		pages = append(pages, make([]record.Step, lenOf(n)))
	}
	l.pages.Store(&pages)
	if page == 0 || page >= smallPages {
		grown := make(chan struct{})
		close(*l.grown.Swap(&grown))
	}
	return pages
}

// publish lets readers see a step whose other fields are set.
func publish(s *record.Step, seq uint64) { atomic.StoreUint64(&s.Seq, seq) }

// append numbers a step and publishes it. Steps after RunFinished, which a narrow race makes possible, are never read.
func (l *log) append(s *record.Step) {
	seq := l.next()
	place := l.at(seq)
	copyStep(place, s)
	publish(place, seq)
	if s.Kind == record.RunFinished {
		l.final.Store(seq)
	}
}

// copyStep copies all fields but Seq, which readers may be reading.
func copyStep(dst, src *record.Step) {
	dst.Kind, dst.Outcome, dst.Location, dst.Announced, dst.Head = src.Kind, src.Outcome, src.Location, src.Announced, src.Head
	dst.Node, dst.Epoch, dst.Attempt, dst.Worker, dst.Slot = src.Node, src.Epoch, src.Attempt, src.Worker, src.Slot
	dst.Ready, dst.Claimed, dst.Started, dst.Ended, dst.Updated = src.Ready, src.Claimed, src.Started, src.Ended, src.Updated
	dst.Fetch, dst.OutputBytes, dst.StoredBytes = src.Fetch, src.OutputBytes, src.StoredBytes
	dst.Became, dst.Readied, dst.Width, dst.Delay, dst.Usage = src.Became, src.Readied, src.Width, src.Delay, src.Usage
}

// read returns the published steps that follow number after, at most to the end of their page. It waits for them until
// done is closed and the last one is read.
func (l *log) read(ctx context.Context, after uint64, done <-chan struct{}) ([]record.Step, error) {
	timer := time.NewTimer(minPoll)
	defer timer.Stop()
	for pause := minPoll; ; pause = min(2*pause, maxPoll) {
		grown := *l.grown.Load()
		final := l.final.Load() // loaded before the steps: all steps that precede it are already numbered
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
			done, pause = nil, minPoll // from now on, a missing step is one that its writer has not published yet
		case <-grown:
			pause = minPoll
		case <-timer.C:
		}
	}
}

func (l *log) published(after, final uint64) []record.Step {
	pages := *l.pages.Load()
	page, first := pageOf(after + 1)
	if page >= uint64(len(pages)) {
		return nil
	}
	steps := pages[page][first:]
	if final > 0 {
		steps = steps[:min(uint64(len(steps)), final-after)]
	}
	n := 0
	for n < len(steps) && atomic.LoadUint64(&steps[n].Seq) != 0 {
		n++
	}
	return steps[:n]
}
