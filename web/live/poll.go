package live

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dagscope/dagscope/metricsstore"
)

// soon is how long a request for a summary waits for further requests, so that one round serves several.
const soon = 10 * time.Millisecond

// poll makes Run request the summary of a feed soon.
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

// keepPolling requests summaries while a client needs them, until ctx ends. Each run is requested separately, so that a
// slow answer for one run does not delay the clients that watch another.
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
		h.checkStore()
		if timer.Stop(); busy {
			timer.Reset(pollEvery)
		}
	}
}

// polls are the requests that are being made.
type polls struct {
	under   sync.WaitGroup
	slots   chan struct{} // has a token for each request that is being made
	runs    time.Time     // when the list was requested; owned by keepPolling's goroutine
	listing atomic.Bool   // a request for the list is being made
}

// start makes one request concurrently with the others, within pollWithin.
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

// startRuns requests the list of runs, unless that is being done or was done within pollEvery.
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

// startFeed requests the summary of a run if that is due.
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

// checkStore notes whether the store answers, and wakes the clients if that has changed.
func (h *Hub) checkStore() {
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

// due reports whether the summary of a feed is to be requested now, and marks it as being requested until asked is called.
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

// asked marks the end of a request for which due returned true.
func (f *feed) asked() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asking = false
}

// pollFeed requests the summary of a run and, if its log is no longer followed, checks that the run still exists.
func (h *Hub) pollFeed(ctx context.Context, f *feed, ended bool) {
	if ended && !h.stillExists(ctx, f) {
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

// stillExists checks whether the run of an ended feed is unchanged. If it has more steps, they are followed.
func (h *Hub) stillExists(ctx context.Context, f *feed) bool {
	kept, err := h.cfg.Store.Run(ctx, f.run)
	switch {
	case errors.Is(err, metricsstore.ErrNotFound):
		f.fail(err)
		return false
	case err != nil:
		return true // the next request for the summary will show the error
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
