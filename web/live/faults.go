package live

import (
	"context"
	"log/slog"
	"sync"
)

// mostFaults bounds how many faults are remembered; beyond, all are forgotten, and logged once more where they last.
const mostFaults = 1024

// faults logs what is tried again and again, and goes wrong each time, once: until it goes right, or wrong in another way.
// Safe for concurrent use.
type faults struct {
	log *slog.Logger

	mu     sync.Mutex
	logged map[fault]string // the error
}

// fault is what goes wrong, and with which run; empty for all of them.
type fault struct{ what, run string }

// warn logs a fault that has not been logged.
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

// right forgets a fault: what went wrong has gone right.
func (f *faults) right(of fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.logged, of)
}
