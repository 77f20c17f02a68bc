package feed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// journal keeps lines on disk, in files of bounded size that are removed as a whole. Safe for concurrent use.
type journal struct {
	dir     string
	rotate  int64 // size of a file from which on the next one begins
	syncing sync.Mutex
	mu      sync.Mutex
	files   []*segment // by number; the last one is written to
	next    int
	size    int64
	broken  error // the last file is in a state that is not known
}

// segment is one file.
type segment struct {
	name    string
	file    *os.File
	size    int64
	synced  int64
	pinned  int // requests whose lines are not known to their records yet
	removed bool
}

// ref is where a line is, with its line break.
type ref struct {
	in   *segment
	at   int64
	size int32
}

const suffix = ".jsonl"

// openJournal opens the files of a folder, which it creates, and calls each with every whole line. A line that a process
// did not finish writing was never acknowledged, and is cut off.
func openJournal(dir string, rotate int64, each func(ref, []byte)) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	j := &journal{dir: dir, rotate: rotate}
	for _, name := range names {
		s, err := openSegment(name, each)
		if err != nil {
			return nil, errors.Join(err, j.close())
		}
		j.files = append(j.files, s)
		j.size += s.size
		if _, err := fmt.Sscanf(strings.TrimSuffix(filepath.Base(name), suffix), "%d", &j.next); err != nil {
			return nil, errors.Join(fmt.Errorf("feed: %s is not a file of the journal", name), j.close())
		}
	}
	return j, nil
}

func openSegment(name string, each func(ref, []byte)) (*segment, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	s := &segment{name: name, file: f}
	for lines := bufio.NewReaderSize(f, 1<<20); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		each(ref{s, s.size, int32(len(line))}, line)
		s.size += int64(len(line))
	}
	s.synced = s.size
	if err := f.Truncate(s.size); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// append writes lines, each with its line break, and returns where they are once they are on disk. Their file is not
// full until unpin is called with the refs.
func (j *journal) append(lines [][]byte) ([]ref, error) {
	refs, s, end, err := j.write(lines)
	if err != nil {
		return nil, err
	}
	if err := j.sync(s, end); err != nil {
		j.unpin(refs)
		return nil, err
	}
	return refs, nil
}

func (j *journal) unpin(refs []ref) {
	j.mu.Lock()
	defer j.mu.Unlock()
	refs[0].in.pinned--
}

// write writes lines to the last file.
func (j *journal) write(lines [][]byte) (refs []ref, s *segment, end int64, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return nil, nil, 0, j.broken
	}
	if s, err = j.last(); err != nil {
		return nil, nil, 0, err
	}
	at := s.size
	for _, line := range lines {
		refs = append(refs, ref{s, at, int32(len(line))})
		at += int64(len(line))
	}
	if _, err := s.file.WriteAt(bytes.Join(lines, nil), s.size); err != nil {
		if cut := s.file.Truncate(s.size); cut != nil {
			j.broken = fmt.Errorf("feed: %s has half a line: %w", s.name, cut)
		}
		return nil, nil, 0, err
	}
	j.size += at - s.size
	s.size = at
	s.pinned++
	return refs, s, at, nil
}

// last is the file to write to. A new one is in its folder for good before anything is written to it.
func (j *journal) last() (*segment, error) {
	if n := len(j.files); n > 0 && j.files[n-1].size < j.rotate {
		return j.files[n-1], nil
	}
	name := filepath.Join(j.dir, fmt.Sprintf("%010d%s", j.next+1, suffix))
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syncFolder(j.dir); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(name))
	}
	j.next++
	s := &segment{name: name, file: f}
	j.files = append(j.files, s)
	return s, nil
}

// sync returns when a file is on disk up to end. Requests that wait meanwhile share the next call.
func (j *journal) sync(s *segment, end int64) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	done, size, broken := s.synced >= end || s.removed, s.size, j.broken
	j.mu.Unlock()
	if done || broken != nil {
		return broken
	}
	err := s.file.Sync()
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		// What a failed fsync has not written may be lost although a later one succeeds.
		j.broken = fmt.Errorf("feed: %s cannot be written: %w", s.name, err)
		return j.broken
	}
	s.synced = size
	return nil
}

// read returns the lines of refs.
func (j *journal) read(refs []ref) ([]byte, error) {
	total := 0
	for _, r := range refs {
		total += int(r.size)
	}
	text := make([]byte, total)
	at := 0
	for _, r := range refs {
		if _, err := r.in.file.ReadAt(text[at:at+int(r.size)], r.at); err != nil {
			return nil, fmt.Errorf("feed: %s: %w", r.in.name, err)
		}
		at += int(r.size)
	}
	return text, nil
}

// bytes is the size of all files.
func (j *journal) bytes() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size
}

// full returns the files that are not written to any more, from the first one to the first that is pinned.
func (j *journal) full() []*segment {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := len(j.files)
	if n > 0 && j.files[n-1].size < j.rotate {
		n--
	}
	if k := slices.IndexFunc(j.files[:n], func(s *segment) bool { return s.pinned > 0 }); k >= 0 {
		n = k
	}
	return slices.Clone(j.files[:n])
}

// remove removes a file to which nothing refers.
func (j *journal) remove(s *segment) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	s.removed = true
	j.files = slices.DeleteFunc(j.files, func(other *segment) bool { return other == s })
	j.size -= s.size
	return errors.Join(s.file.Close(), os.Remove(s.name))
}

func (j *journal) close() error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.broken = errClosed
	var errs []error
	for _, s := range j.files {
		errs = append(errs, s.file.Close())
	}
	j.files = nil
	return errors.Join(errs...)
}

var errClosed = errors.New("feed: the journal is closed")

// syncFolder makes the names in a folder durable. Where folders cannot be synced, as on Windows, they need not be.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, os.ErrInvalid) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, os.ErrPermission) {
		err = nil
	}
	return errors.Join(err, f.Close())
}
