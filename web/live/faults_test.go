package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/memory"
	"github.com/dagscope/dagscope/web/live"
)

// broken fails to summarise runs and to list changes, as long as its error is set.
type broken struct {
	live.Runs
	mu  sync.Mutex
	err error
}

func (b *broken) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *broken) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *broken) Summary(ctx context.Context, run record.RunID) (json.RawMessage, error) {
	if err := b.failure(); err != nil {
		return nil, err
	}
	return b.Runs.Summary(ctx, run)
}

// lines is the output of a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// TestFaultsAreLoggedOnce: an operation that is repeated twice a second is logged once, and again if it has succeeded
// in between or fails in another way.
func TestFaultsAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		runs, log := &broken{}, &lines{}
		s := serve(t, store, func(c *live.Config) {
			runs.Runs, c.Runs = c.Runs, runs
			c.Log = slog.New(slog.NewTextHandler(log, nil))
		})
		recordRun(t, store, "a", 10) // it continues
		a := s.watch("a")
		a.await("subscribed")
		var reading sync.WaitGroup
		reading.Go(func() { // a client that does not read is dropped
			for {
				if _, err := a.read(); err != nil {
					return
				}
			}
		})
		const unsummed = "run cannot be summed up"
		for _, c := range []struct {
			err  error
			want int
		}{
			{errors.New("the roll-ups are damaged"), 1},
			{nil, 1},
			{errors.New("the roll-ups are damaged"), 2},
			{errors.New("the header is damaged"), 3},
		} {
			runs.fail(c.err)
			time.Sleep(10 * time.Second)
			assert.Equal(t, c.want, log.count(unsummed), "%v", c.err)
		}
		a.cut()
		reading.Wait()
		s.stop()
	})
}
