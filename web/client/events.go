package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// pollAfter is how long Events waits before it asks again for events of a run that has not ended.
const pollAfter = 500 * time.Millisecond

// Events yields the events of a run after the one with a number, 0 for all, as engine.Run.Events does in the process
// that executes the run: it continues as they happen, until the run has ended, ctx ends, or the caller has enough. It
// asks for them by pages of 10,000, and twice a second where there are none.
func (c *Client) Events(ctx context.Context, run record.RunID, after uint64) iter.Seq2[record.Event, error] {
	return func(yield func(record.Event, error) bool) {
		for {
			summary, err := c.Run(ctx, run) // before the events: all of a run that has ended come with the next pages
			if err != nil {
				yield(record.Event{}, err)
				return
			}
			read, isEnough := c.eventsAfter(ctx, run, after, yield)
			switch {
			case isEnough, read == after && !summary.Live:
				return
			case read == after && !wait(ctx, pollAfter):
				yield(record.Event{}, ctx.Err())
				return
			}
			after = read
		}
	}
}

// eventsAfter yields one page of events. It returns the number of the last one, and whether no more are wanted.
func (c *Client) eventsAfter(
	ctx context.Context, run record.RunID, after uint64, yield func(record.Event, error) bool,
) (last uint64, isEnough bool) {
	var page struct {
		Events []record.Event `json:"events"`
	}
	path := fmt.Sprintf("%s/events?after=%d&limit=10000", pathOf(run), after)
	if err := c.call(ctx, http.MethodGet, path, nil, &page); err != nil {
		yield(record.Event{}, err)
		return after, true
	}
	for _, e := range page.Events {
		if !yield(e, nil) {
			return e.Seq, true
		}
		after = e.Seq
	}
	return after, false
}

// wait reports whether d went by before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
