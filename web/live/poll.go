package live

import (
	"context"
	"errors"
	"log/slog"
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

// keepPolling asks for summaries while somebody wants to know, until ctx ends.
func (h *Hub) keepPolling(ctx context.Context) {
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	var runs time.Time // when the list was asked for
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
		busy := false
		if h.board.watched() {
			busy = true
			if time.Since(runs) >= pollEvery {
				runs = time.Now()
				h.pollRuns(ctx)
			}
		}
		for _, f := range h.watchedFeeds() {
			busy = true
			h.pollFeed(ctx, f)
		}
		if timer.Stop(); busy {
			timer.Reset(pollEvery)
		}
	}
}

func (h *Hub) pollRuns(ctx context.Context) {
	changed, err := h.cfg.Runs.Changed(ctx)
	if err != nil {
		if ctx.Err() == nil {
			h.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "changed runs cannot be listed", slog.Any("error", err))
		}
		return
	}
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

// due reports whether the summary of a feed is to be asked for, and takes note of that.
func (f *feed) due(now time.Time) (due, ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	every := pollEvery
	if f.complete {
		every = pollEndedEvery
	}
	if !f.wanted && now.Sub(f.polled) < every {
		return false, f.complete
	}
	f.wanted, f.polled = false, now
	return true, f.complete
}

// pollFeed asks for the summary of a run and, where its log is not followed any more, whether the run is still there.
func (h *Hub) pollFeed(ctx context.Context, f *feed) {
	due, ended := f.due(time.Now())
	if !due {
		return
	}
	if ended && !h.stillThere(ctx, f) {
		return
	}
	summary, err := h.cfg.Runs.Summary(ctx, f.run)
	switch {
	case err == nil:
		f.setSummary(summary)
	case errors.Is(err, metricsstore.ErrNotFound):
		f.fail(err)
	case ctx.Err() == nil:
		h.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "run cannot be summed up", slog.String("run", string(f.run)), slog.Any("error", err))
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
