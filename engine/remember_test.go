package engine_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
)

// full is a recorder that has no room for the end of a run.
type full struct{ scribe }

func (f full) End(record.RunID, record.RunEnd) error { return errors.New("no space left") }

// TestRemember: a completely recorded run is not remembered; any other can be found for some time. A caller that has a
// *Run can use it for ever.
func TestRemember(t *testing.T) {
	kept := scribe{newBook(), "here"}
	for _, c := range []struct {
		name string
		cfg  engine.Config
		opts engine.RunOptions
		want time.Duration // how long it is found
	}{
		{"recorded", engine.Config{Recorder: kept}, engine.RunOptions{}, 0},
		{"recorded, and asked to be remembered", engine.Config{Recorder: kept, Remember: time.Hour}, engine.RunOptions{}, time.Hour},
		{"recorded in part", engine.Config{Recorder: full{kept}}, engine.RunOptions{}, 10 * time.Minute},
		{"without a recorder", engine.Config{}, engine.RunOptions{}, 10 * time.Minute},
		{"without a log", engine.Config{Recorder: kept}, engine.RunOptions{Unlogged: true}, 10 * time.Minute},
		{"remembered for a moment", engine.Config{Remember: time.Nanosecond}, engine.RunOptions{}, time.Nanosecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHall()
				c.cfg.Executor = h
				e, err := engine.New(c.cfg)
				require.NoError(t, err)
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- e.Run(ctx) }()
				r, err := e.Submit(t.Context(), "w", job(t, "").Graph, c.opts)
				require.NoError(t, err)
				known, err := e.Get(r.ID())
				require.NoError(t, err)
				require.Same(t, r, known)

				h.shows[0].log(3).end()
				<-r.Recorded()
				if c.want > time.Second {
					time.Sleep(c.want - time.Second)
					_, err = e.Get(r.ID())
					require.NoError(t, err)
				}
				time.Sleep(min(c.want, 2*time.Second))
				synctest.Wait()
				_, err = e.Get(r.ID())
				require.ErrorIs(t, err, engine.ErrUnknownRun)
				require.NoError(t, r.Wait(t.Context()))
				steps, err := r.Steps(t.Context(), 0)
				require.NoError(t, err)
				require.Len(t, steps, 3)
				stop()
				require.NoError(t, <-ended)
			})
		})
	}
}
