package environment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dagscope/dagscope/engine/process"
)

// Store is a folder of prepared environments. Safe for concurrent use, also by several processes of one machine.
type Store struct {
	dir   string // absolute
	tools tools
}

// Open opens a store, and creates its folder where it does not exist. Interpreters and installers are searched in the
// PATH of this process, and get those of its variables that concern them.
func Open(dir string) (*Store, error) {
	if dir == "" {
		return nil, errors.New("environment: the folder of the store has no name, expected a path")
	}
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir) // so that all who use it agree on its name, see readMark
	}
	if err != nil {
		return nil, fmt.Errorf("environment: the store cannot be created: %w", err)
	}
	return &Store{dir: dir, tools: tools{dir: dir, env: process.Environment(passed, settings)}}, nil
}

// Key returns the key of a spec: a hash of its kind and files, of the interpreter with version, ABI and platform, and of
// the files in the folder FindLinks. For a folder it is a hash of its path. The error wraps ErrInvalid where the spec is,
// and says what is missing where this machine lacks the interpreter. It takes as long as an interpreter takes to start.
func (s *Store) Key(ctx context.Context, spec Spec) (Key, error) {
	p, err := s.tools.plan(ctx, spec)
	return p.key, err
}

// lock locks the lock file of a key, and closing the file ends the lock. A file that was removed by Prune after it was
// opened is not the one that others lock, so it is opened again.
func (s *Store) lock(key Key, how func(*os.File) error) (*os.File, error) {
	path := filepath.Join(s.dir, string(key)+lockSuffix)
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("environment: the store cannot be written: %w", err)
		}
		if err := how(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		mine, err := f.Stat()
		if err == nil {
			var named os.FileInfo
			if named, err = os.Stat(path); err == nil && os.SameFile(mine, named) {
				return f, nil
			}
		}
		_ = f.Close() // removed in between
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("environment: %w", err)
		}
	}
}

// removeAttempts removes what preparations of a key left that were killed, and an environment without a valid mark. The
// caller has the exclusive lock of the key.
func (s *Store) removeAttempts(key Key) error {
	names, err := s.attempts(key)
	for _, name := range names {
		err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, name)))
	}
	return err
}

// attempts are the names of the folders of a key in the store.
func (s *Store) attempts(key Key) ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), string(key)+attemptMark) {
			names = append(names, e.Name())
		}
	}
	return names, err
}
