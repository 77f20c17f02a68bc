package live

import (
	"context"
	"log/slog"
	"sync"
)

// mostFaults bounds how many faults are remembered. Above that, all are forgotten, and logged once more if they
// persist.
const mostFaults = 1024

// faults logs an operation that fails repeatedly only once, until it succeeds or fails in another way. Safe for
// concurrent use.
type faults struct {
	log *slog.Logger

	mu     sync.Mutex
	logged map[fault]string // guarded by mu: the last logged error of each fault
}

// fault is an operation that fails, and the run that it concerns; run is empty if it concerns all runs.
type fault struct{ what, run string }

// warn logs a fault that has not been logged yet.
func (f *faults) warn(ctx context.Context, of fault, err error) {
	f.mu.Lock()
	known := f.logged[of] == err.Error()
	if f.logged == nil || len(f.logged) >= mostFaults {
		f.logged = map[fault]string{}
	}
	f.logged[of] = err.Error()
	f.mu.Unlock()
	if known {
		return
	}
	attrs := []slog.Attr{slog.Any("error", err)}
	if of.run != "" {
		attrs = append(attrs, slog.String("run", of.run))
	}
	f.log.LogAttrs(ctx, slog.LevelWarn, of.what, attrs...)
}

// right forgets a fault after the operation has succeeded.
func (f *faults) right(of fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.logged, of)
}
