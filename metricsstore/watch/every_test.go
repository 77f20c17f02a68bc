package watch_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dagscope/dagscope/metricsstore/watch"
)

// TestEvery: it is called at once and after each interval; of failures in a row the first is logged, and that it was cut off by
// the end is none.
func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var log bytes.Buffer
		fails := []bool{false, true, true, false, true, true}
		calls := 0
		began := time.Now()
		watch.Every(ctx, time.Second, slog.New(slog.NewTextHandler(&log, nil)), "runs cannot be read", func(context.Context) error {
			if calls++; calls == len(fails) {
				cancel()
			}
			if fails[calls-1] {
				return errors.New("away")
			}
			return nil
		})
		assert.Equal(t, len(fails), calls)
		assert.Equal(t, 5*time.Second, time.Since(began))
		assert.Equal(t, 2, strings.Count(log.String(), `"runs cannot be read and are tried again" error=away`))
	})
}
