package watch

import (
	"context"
	"log/slog"
	"time"
)

// Every calls do at once, and again after each interval, until ctx ends. An error is logged as a failure of what, unless the
// call before has failed too.
func Every(ctx context.Context, interval time.Duration, log *slog.Logger, what string, do func(context.Context) error) {
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for failing := false; ; {
		err := do(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			log.Warn(what+" and are tried again", "error", err)
		}
		failing = err != nil
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
	}
}
