package environment

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// State is where a preparation is.
type State string

// States, in their order; Failed and Ready are last.
const (
	Waiting   State = "waiting" // for another process that prepares the same
	Preparing State = "preparing"
	Ready     State = "ready"
	Failed    State = "failed"
)

// Progress is how far a preparation is.
type Progress struct {
	Key     Key           `json:"key"`
	Name    string        `json:"name"`
	State   State         `json:"state"`
	Elapsed time.Duration `json:"elapsed_ns"` // since Prepare was called
	Bytes   int64         `json:"bytes"`      // on disk so far; 0 while waiting
	Line    string        `json:"line"`       // the last one of the installer, or the cause of a failure
}

// progressEvery is how often progress is reported while nothing else changes.
const progressEvery = 500 * time.Millisecond

// job is one call of Prepare. Its goroutine owns it.
type job struct {
	plan

	store    *Store
	start    time.Time
	progress func(Progress)
	reported time.Time // the last call of progress
}

// build prepares the environment and marks it. The caller has its exclusive lock. The error is a *FailedError, or the
// cause of ctx.
func (j *job) build(ctx context.Context) error {
	s := j.store
	_ = s.removeAttempts(j.key) // what cannot be removed is in no other attempt's way, and is left for Prune
	dir := filepath.Join(s.dir, string(j.key)+attemptMark+rand.Text()[:8])
	a := &attempt{plan: &j.plan, tools: &s.tools, dir: dir, env: with(s.tools.env, "TMPDIR="+filepath.Join(dir, tmpDir))}
	begun := time.Now()
	err := os.Mkdir(dir, 0o700) // first, so that List has it
	if err == nil {
		err = j.watch(a, func() error { return a.make(ctx) })
	}
	if err == nil {
		err = s.mark(a, time.Since(begun))
	}
	if err == nil {
		_ = os.Remove(s.failurePath(j.key)) // it only says what is no longer so
		return nil
	}
	_ = os.RemoveAll(dir) // what cannot be removed is a left-over for Prune
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.fail(&j.plan, err)
}

// watch calls f and reports progress until it returns.
func (j *job) watch(a *attempt, f func() error) error {
	j.report(Preparing, 0, "")
	done := make(chan error, 1)
	go func() { done <- f() }()
	ticks := time.NewTicker(progressEvery)
	defer ticks.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticks.C:
			size, _ := folderSize(a.dir) // files come and go
			j.report(Preparing, size, a.lastLine())
		}
	}
}

// report calls progress.
func (j *job) report(state State, size int64, line string) {
	j.reported = time.Now()
	if j.progress != nil {
		j.progress(Progress{Key: j.key, Name: j.spec.Name, State: state, Elapsed: time.Since(j.start), Bytes: size, Line: line})
	}
}

// make writes the lock files into the folder and runs the installers of the kind.
func (a *attempt) make(ctx context.Context) error {
	if err := os.Mkdir(filepath.Join(a.dir, tmpDir), 0o700); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(a.spec.Files)) {
		if err := os.WriteFile(filepath.Join(a.dir, name), a.spec.Files[name], 0o600); err != nil {
			return err
		}
	}
	var err error
	switch a.spec.Kind {
	case PythonRequirements:
		err = a.installRequirements(ctx)
	case PythonProject:
		err = a.installProject(ctx)
	case NPM:
		err = a.installModules(ctx)
	}
	return errors.Join(err, os.RemoveAll(filepath.Join(a.dir, tmpDir)))
}

// mark makes the environment durable and then ready.
func (s *Store) mark(a *attempt, took time.Duration) error {
	size, err := folderSize(a.dir)
	if err == nil {
		err = syncDisk(a.dir)
	}
	if err != nil {
		return err
	}
	return writeNamed(s.markPath(a.key), mark{
		Version: markVersion, Key: a.key, Name: a.spec.Name, Kind: a.spec.Kind, Store: s.dir,
		Folder: filepath.Base(a.dir), Tool: a.tool(), Bytes: size, Created: time.Now(), Took: took,
	})
}

// tool names interpreter and version.
func (p *plan) tool() string {
	if p.spec.Kind == NPM {
		return "Node.js " + p.node.Version
	}
	return "Python " + p.python.Version
}

// folderSize is the space that the files below a folder take on disk. Files that go meanwhile do not count.
func folderSize(dir string) (int64, error) {
	var size int64
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			var info fs.FileInfo
			if info, err = e.Info(); err == nil {
				size += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return size, err
}
