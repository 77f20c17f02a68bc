package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/filelock"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/wire"
)

// How long calls wait for the owner.
const (
	// patience is how long a call without a deadline tries to reach an owner or to get the lock.
	patience = 15 * time.Second
	minWait  = 5 * time.Millisecond
	maxWait  = 200 * time.Millisecond
	// adoptPatience is how long a call that is safe in a log waits for the owner's answer to it.
	adoptPatience = 2 * time.Second
)

// folder is how this process reaches the data: it owns them, or is a client of the process that does. Safe for
// concurrent use.
type folder struct {
	cfg     Config
	coding  *wire.Coding
	changes *metricsstore.Changes

	turn chan struct{} // of capacity 1: filled by the goroutine that changes role

	mu   sync.Mutex
	role wire.Owner // *owner, *wire.Client, or nil; guarded by mu
}

func (f *folder) current() wire.Owner {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.role
}

// do makes a call with the current role, and again with another one where the owner has gone.
func (f *folder) do(ctx context.Context, call func(wire.Owner) error) error {
	start, wait := time.Now(), minWait
	for {
		b, err := f.reach(ctx)
		if err == nil {
			err = call(b)
		}
		if !errors.Is(err, wire.ErrGone) {
			return err
		}
		f.drop(b)
		if time.Since(start) > patience {
			return f.unreachable(err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), f.unreachable(err))
		case <-time.After(wait):
		}
		wait = min(2*wait, maxWait)
	}
}

func (f *folder) unreachable(err error) error {
	h, _ := readOwner(f.cfg.Dir)
	if h == nil {
		return fmt.Errorf("embedded: another process holds data folder %s and does not say where it listens: %w", f.cfg.Dir, err)
	}
	return fmt.Errorf("embedded: process %d holds data folder %s and does not answer at %s: %w", h.PID, f.cfg.Dir, h.Address, err)
}

// reach returns the current role; where there is none, this process becomes owner or client.
func (f *folder) reach(ctx context.Context) (wire.Owner, error) {
	if b := f.current(); b != nil {
		return b, nil
	}
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-f.turn }()
	if b := f.current(); b != nil {
		return b, nil
	}
	b, err := f.find(ctx)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.role = b
	f.mu.Unlock()
	f.changes.NotifyAll() // numbers of changes begin anew
	return b, nil
}

func (f *folder) find(ctx context.Context) (wire.Owner, error) {
	h, err := takeFolder(ctx, f.cfg, f.coding, f.changes)
	if err == nil {
		return h, nil
	}
	if !errors.Is(err, filelock.ErrLocked) {
		return nil, err
	}
	name, err := readOwner(f.cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", wire.ErrGone, err)
	}
	g, err := wire.Dial(ctx, name.Address, name.Key, f.coding, f.changes)
	if err != nil {
		return nil, err
	}
	return g, nil
}

// drop gives up a role that has failed.
func (f *folder) drop(b wire.Owner) {
	if b == nil {
		return
	}
	f.mu.Lock()
	mine := f.role == b
	if mine {
		f.role = nil
	}
	f.mu.Unlock()
	if mine {
		_ = b.Close() // a client, which has nothing to lose
	}
}
