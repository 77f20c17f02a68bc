package live

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/metricsstore"
)

// soon is how long a wish for a summary waits for others.
const soon = 10 * time.Millisecond

// poll makes Run ask for the summary of a feed soon.
func (h *Hub) poll(f *feed) {
	f.mu.Lock()
	f.wanted = true
	f.mu.Unlock()
	h.wantPoll()
}

func (h *Hub) wantPoll() {
	select {
	case h.wanted <- struct{}{}:
	default:
	}
}

// keepPolling asks for summaries while somebody wants to know, until ctx ends. Each run is asked for by itself, so that
// one whose answer takes long holds up nobody who watches another.
func (h *Hub) keepPolling(ctx context.Context) {
	polls := polls{slots: make(chan struct{}, pollsAtOnce)}
	defer polls.under.Wait()
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-h.wanted:
			if !pause(ctx, soon) {
				return
			}
		}
		busy := h.board.watched()
		if busy {
			h.startRuns(ctx, &polls)
		}
		for _, f := range h.watchedFeeds() {
			busy = true
			h.startFeed(ctx, &polls, f)
		}
		h.hearStore()
		if timer.Stop(); busy {
			timer.Reset(pollEvery)
		}
	}
}

// polls are the questions under way.
type polls struct {
	under   sync.WaitGroup
	slots   chan struct{} // a token for each question that is being asked
	runs    time.Time     // when the list was asked for
	listing atomic.Bool   // it is being asked for
}

// start asks one question beside the others, within the time that it may take.
func (p *polls) start(ctx context.Context, ask func(context.Context)) {
	p.under.Go(func() {
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		defer func() { <-p.slots }()
		ctx, cancel := context.WithTimeout(ctx, pollWithin)
		defer cancel()
		ask(ctx)
	})
}

// startRuns asks for the list of runs, unless that is under way or was done just now.
func (h *Hub) startRuns(ctx context.Context, p *polls) {
	if time.Since(p.runs) < pollEvery || !p.listing.CompareAndSwap(false, true) {
		return
	}
	p.runs = time.Now()
	p.start(ctx, func(ctx context.Context) {
		defer p.listing.Store(false)
		h.pollRuns(ctx)
	})
}

// startFeed asks for the summary of a run where that is due.
func (h *Hub) startFeed(ctx context.Context, p *polls, f *feed) {
	due, ended := f.due(time.Now())
	if !due {
		return
	}
	p.start(ctx, func(ctx context.Context) {
		defer f.asked()
		h.pollFeed(ctx, f, ended)
	})
}

// hearStore takes note of whether the store answers, and tells the clients when that has changed.
func (h *Hub) hearStore() {
	if h.cfg.Silent == nil {
		return
	}
	var now int64
	if since, silent := h.cfg.Silent(); silent {
		now = since.UnixNano()
	}
	if h.silent.Swap(now) == now {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.clients {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

func (h *Hub) pollRuns(ctx context.Context) {
	unlisted := fault{what: "changed runs cannot be listed"}
	changed, err := h.cfg.Runs.Changed(ctx)
	if err != nil {
		if ctx.Err() == nil {
			h.faults.warn(ctx, unlisted, err)
		}
		return
	}
	h.faults.right(unlisted)
	h.board.post(changed)
}

// watchedFeeds lists feeds with subscribers.
func (h *Hub) watchedFeeds() []*feed {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []*feed
	for _, f := range h.feeds {
		if f.uses > 0 {
			out = append(out, f)
		}
	}
	return out
}

// due reports whether the summary of a feed is to be asked for, and takes note of that until asked is called.
func (f *feed) due(now time.Time) (due, ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	every := pollEvery
	if f.complete {
		every = pollEndedEvery
	}
	if f.asking || !f.wanted && now.Sub(f.polled) < every {
		return false, f.complete
	}
	f.asking, f.wanted, f.polled = true, false, now
	return true, f.complete
}

// asked ends what due has begun.
func (f *feed) asked() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asking = false
}

// pollFeed asks for the summary of a run and, where its log is not followed any more, whether the run is still there.
func (h *Hub) pollFeed(ctx context.Context, f *feed, ended bool) {
	if ended && !h.stillThere(ctx, f) {
		return
	}
	unknown := fault{"run cannot be summed up", string(f.run)}
	summary, err := h.cfg.Runs.Summary(ctx, f.run)
	switch {
	case err == nil:
		h.faults.right(unknown)
		f.setSummary(summary)
	case errors.Is(err, metricsstore.ErrNotFound):
		f.fail(err)
	case ctx.Err() == nil:
		h.faults.warn(ctx, unknown, err)
	}
}

// stillThere looks whether the run of an ended feed is as it was. Where it has got more steps, they are followed.
func (h *Hub) stillThere(ctx context.Context, f *feed) bool {
	kept, err := h.cfg.Store.Run(ctx, f.run)
	switch {
	case errors.Is(err, metricsstore.ErrNotFound):
		f.fail(err)
		return false
	case err != nil:
		return true // the summary will tell
	case incarnation(kept.Info) != f.incarnation:
		f.fail(errReplaced)
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed && !f.following && f.canGrow(&kept) {
		h.start(f)
	}
	return true
}
