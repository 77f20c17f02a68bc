package environment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dagscope/dagscope/engine/filelock"
)

// How often a process that waits for others tries again.
const (
	minWait = 5 * time.Millisecond
	maxWait = 100 * time.Millisecond
)

// Prepare returns the environment of a spec, which the caller releases. If it is not ready yet, it is prepared here, or
// waited for where another process prepares it. The error is a *FailedError if the installer failed, here or in the
// process that was waited for, the cause of ctx if that ended, wraps ErrInvalid if the spec is, and otherwise names the
// path or the tool that is missing.
//
// Progress, if not nil, is called on the goroutine of the caller: at each change of the state, and while it lasts at
// least twice a second. The last call has Ready, which is the only one if nothing had to be prepared, or Failed.
func (s *Store) Prepare(ctx context.Context, spec Spec, progress func(Progress)) (*Environment, error) {
	j := &job{store: s, start: time.Now(), progress: progress}
	j.spec = spec
	e, err := j.prepare(ctx)
	if err != nil {
		j.report(Failed, 0, firstLine(err))
		return nil, err
	}
	j.report(Ready, e.Bytes, "")
	return e, nil
}

// prepare finds out what the spec means on this machine, and returns its environment.
func (j *job) prepare(ctx context.Context) (e *Environment, err error) {
	if j.plan, err = j.store.tools.plan(ctx, j.spec); err != nil {
		return nil, err
	}
	if j.spec.Kind == Folder {
		return j.folder()
	}
	return j.takeOrBuild(ctx)
}

// folder is the environment of a folder that exists.
func (j *job) folder() (*Environment, error) {
	info, err := os.Stat(j.spec.Folder)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is a file, expected a folder", j.spec.Folder)
	}
	if err != nil {
		return nil, fmt.Errorf("environment: %s: %w", j.spec.title(), err)
	}
	return &Environment{Key: j.key, Name: j.spec.Name, Kind: Folder, Dir: filepath.Clean(j.spec.Folder)}, nil
}

// takeOrBuild takes the environment if it is ready, otherwise makes it, or waits for the process that does.
func (j *job) takeOrBuild(ctx context.Context) (*Environment, error) {
	before := j.store.readFailure(j.key)
	for wait := minWait; ; wait = min(2*wait, maxWait) {
		e, err := j.store.take(j.key)
		if e != nil {
			return e, nil
		}
		if err == nil {
			err = j.lockAndBuild(ctx, before)
		}
		switch {
		case err == nil:
			continue // it is ready, unless it has just been pruned
		case !errors.Is(err, filelock.ErrLocked):
			return nil, err
		case time.Since(j.reported) >= progressEvery:
			j.report(Waiting, 0, "")
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// lockAndBuild makes the environment unless another process has made it, or has failed to since before was read. The
// error is filelock.ErrLocked where another process is at it.
func (j *job) lockAndBuild(ctx context.Context, before *failure) error {
	lock, err := j.store.lock(j.key, filelock.Exclusive)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // ends the lock; nothing is written to it
	if _, ok := j.store.readMark(j.key); ok {
		return nil
	}
	if f := j.store.readFailure(j.key); f != nil && (before == nil || f.ID != before.ID) {
		return f.err()
	}
	return j.build(ctx)
}

// take returns the environment of a key with a shared lock that keeps it from being pruned, nil if it is not ready.
func (s *Store) take(key Key) (*Environment, error) {
	if _, ok := s.readMark(key); !ok {
		return nil, nil
	}
	lock, err := s.lock(key, filelock.Shared)
	if err != nil {
		return nil, err
	}
	m, ok := s.readMark(key) // it may have been pruned in between
	if !ok {
		return nil, lock.Close()
	}
	now := time.Now()
	if err := os.Chtimes(s.markPath(key), now, now); err != nil {
		return nil, errors.Join(fmt.Errorf("environment: the use of %s cannot be noted: %w", key, err), lock.Close())
	}
	return &Environment{Key: key, Name: m.Name, Kind: m.Kind, Dir: filepath.Join(s.dir, m.Folder), Bytes: m.Bytes, lock: lock}, nil
}
