package metricsstore_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/memory"
)

// TestFollow: a reader next to the recorder gets every step once, waits, and sees the end.
func TestFollow(t *testing.T) {
	g, steps := simulated(t, 8, 300)
	for name, hide := range map[string]bool{"notified": false, "polling": true} {
		t.Run(name, func(t *testing.T) {
			var s metricsstore.Store = memory.New()
			if hide {
				s = struct{ metricsstore.Store }{s}
			}
			running(t, metricsstore.Config{Store: s}, func(t *testing.T, r *metricsstore.Recorder) {
				require.NoError(t, r.Begin(info("r"), g))
				var got []record.Step
				var group sync.WaitGroup
				group.Go(func() {
					u, err := metricsstore.NewUnpacker()
					assert.NoError(t, err)
					for log := metricsstore.NewLogReader(s, u, "r", 0); ; {
						some, err := log.Follow(t.Context())
						if errors.Is(err, io.EOF) {
							return
						}
						if !assert.NoError(t, err) {
							return
						}
						for _, step := range some {
							step.Readied = slices.Clone(step.Readied)
							got = append(got, step)
						}
					}
				})
				for part := range slices.Chunk(steps, 60) {
					r.Steps("r", part)
					time.Sleep(time.Second)
				}
				synctest.Wait()
				require.NoError(t, r.End("r", succeeded()))
				group.Wait()
				assert.Equal(t, steps, got)

				u, err := metricsstore.NewUnpacker()
				require.NoError(t, err)
				require.NoError(t, r.Begin(info("quiet"), g))
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, err = metricsstore.NewLogReader(s, u, "quiet", 0).Follow(ctx)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.NoError(t, r.End("quiet", succeeded()))
			})
		})
	}
}
