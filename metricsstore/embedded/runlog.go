package embedded

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/dagscope/dagscope/engine/filelock"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/wire"
)

// The folder of logs, and how names of files in it end.
const (
	logDir     = "inbox"
	logSuffix  = ".log"
	newSuffix  = ".new"     // a log that is not complete enough to be one
	keptSuffix = ".refused" // a log that cannot be adopted, kept for people to look at
)

// logMagic begins every log; its last byte is the version. An identity of 16 random bytes follows.
const logMagic = "dagscope-inbox\n\x01"

const (
	logHead    = len(logMagic) + 16
	recordHead = 8
	// maxRecord bounds a record: an archive with all its blocks.
	maxRecord = 1 << 30
)

// recordKind is the call that a record repeats. The numbers are stored; they only ever grow.
type recordKind byte

const (
	beginRecord   recordKind = 1
	appendRecord  recordKind = 2
	archiveRecord recordKind = 3
	acquireRecord recordKind = 4
	releaseRecord recordKind = 5
	endRecord     recordKind = 6 // nothing more comes
)

// appendFrame encodes a record: the length of what follows the head and its CRC-32C, big endian, then kind and
// payload.
func appendFrame(dst []byte, kind recordKind, payload []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(1+len(payload)))
	at := len(dst)
	dst = append(append(dst, 0, 0, 0, 0, byte(kind)), payload...)
	binary.BigEndian.PutUint32(dst[at:], crc32.Checksum(dst[at+4:], crc32.MakeTable(crc32.Castagnoli)))
	return dst
}

// readFrame reads the record at an offset of a log of some size. ok is false where it is cut off or its checksum
// differs.
func readFrame(r io.ReaderAt, offset, size int64) (kind recordKind, payload []byte, next int64, ok bool, err error) {
	var head [recordHead]byte
	if offset+recordHead > size {
		return 0, nil, offset, false, nil
	}
	if _, err := r.ReadAt(head[:], offset); err != nil {
		return 0, nil, offset, false, err
	}
	n := int64(binary.BigEndian.Uint32(head[:]))
	if next = offset + recordHead + n; n < 1 || n > maxRecord || next > size {
		return 0, nil, offset, false, nil
	}
	body := make([]byte, n)
	if _, err := r.ReadAt(body, offset+recordHead); err != nil {
		return 0, nil, offset, false, err
	}
	if crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) != binary.BigEndian.Uint32(head[4:]) {
		return 0, nil, offset, false, nil
	}
	return recordKind(body[0]), body[1:], next, true, nil
}

// readLogHead returns the identity of a log.
func readLogHead(r io.ReaderAt) (string, error) {
	head := make([]byte, logHead)
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if string(head[:len(logMagic)]) != logMagic {
		return "", fmt.Errorf("%w: not the log of a run of version %d", metricsstore.ErrCorrupt, logMagic[len(logMagic)-1])
	}
	return hex.EncodeToString(head[len(logMagic):]), nil
}

// asidePath is where a log is moved that cannot be adopted.
func asidePath(path, id string) string {
	return strings.TrimSuffix(path, logSuffix) + "-" + id + keptSuffix
}

// runLog is the log that this process writes of a run while another one owns the folder. Safe for concurrent use.
type runLog struct {
	run    record.RunID
	path   string
	id     string
	coding *wire.Coding
	noSync bool

	mu       sync.Mutex
	file     *os.File // locked as long as it is open; nil once closed
	size     int64
	adopted  int64                // the part that is known to be adopted
	blocks   []metricsstore.Block // the blocks in it, without data
	archived bool
	broken   error // why nothing more can be written

	syncing sync.Mutex // held while the disk is waited for
	synced  int64
}

// createLog makes the log of a run; the error is os.ErrExist where one exists. It gets its name only once it is
// locked and complete, so that no process takes it for the log of a dead one.
func createLog(dir string, c *wire.Coding, run record.RunID) (*runLog, error) {
	dir = filepath.Join(dir, logDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, string(run)+logSuffix)
	f, err := os.OpenFile(path+"-"+rand.Text()+newSuffix, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(f.Name()) }() // one name is enough
	head := append(append(make([]byte, 0, logHead), logMagic...), make([]byte, 16)...)
	_, _ = rand.Read(head[len(logMagic):]) // never fails
	err = filelock.Exclusive(f)
	if err == nil {
		_, err = f.Write(head)
	}
	if err = errors.Join(err, f.Sync()); err == nil {
		err = os.Link(f.Name(), path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	size := int64(logHead)
	return &runLog{run: run, path: path, id: hex.EncodeToString(head[len(logMagic):]), coding: c, file: f, size: size, adopted: size, synced: size}, nil
}

// add writes a record and returns where it ends, once it is on disk. Calls that come while the disk is busy share the
// next wait. A record is written as a whole or not at all.
func (l *runLog) add(kind recordKind, q *wire.Request) (int64, error) {
	payload, err := l.coding.Encode(q)
	if err != nil {
		return 0, fmt.Errorf("embedded: record of run %s: %w", l.run, err)
	}
	end, err := l.write(appendFrame(make([]byte, 0, recordHead+1+len(payload)), kind, payload))
	if err != nil {
		return 0, err
	}
	return end, l.sync(end)
}

func (l *runLog) write(frame []byte) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return 0, l.broken
	}
	if l.file == nil {
		return 0, metricsstore.ErrClosed
	}
	if len(frame) > maxRecord {
		return 0, fmt.Errorf("%w: a record of %d bytes, expected at most %d", metricsstore.ErrInvalid, len(frame), maxRecord)
	}
	if _, err := l.file.WriteAt(frame, l.size); err != nil {
		err = fmt.Errorf("embedded: %s cannot be written, what was kept before is unharmed: %w", l.path, err)
		if cut := l.file.Truncate(l.size); cut != nil {
			l.broken = errors.Join(err, cut)
		}
		return 0, err
	}
	l.size += int64(len(frame))
	return l.size, nil
}

func (l *runLog) sync(end int64) error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	if l.synced >= end || l.noSync {
		return nil
	}
	l.mu.Lock()
	f, size := l.file, l.size
	l.mu.Unlock()
	if f == nil {
		return metricsstore.ErrClosed
	}
	if err := f.Sync(); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		// What is on disk is not known any more, so later records could not be promised.
		l.broken = fmt.Errorf("embedded: %s could not be forced to disk: %w", l.path, err)
		return l.broken
	}
	l.synced = size
	return nil
}

// close closes the log and releases its lock. A log without an end record is that of a run that was interrupted.
func (l *runLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	if err != nil {
		return fmt.Errorf("embedded: %s: %w", l.path, err)
	}
	return nil
}

// unadopted returns where the log ends, and whether a part of it may not be adopted.
func (l *runLog) unadopted() (end int64, some bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size, l.size > l.adopted
}

func (l *runLog) setAdopted(end int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.adopted = max(l.adopted, end)
}

// ownLogs are the logs that this process writes. Safe for concurrent use.
type ownLogs struct {
	mu    sync.Mutex
	byRun map[record.RunID]*runLog // guarded by mu
}

func (o *ownLogs) all() []*runLog {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Values(o.byRun))
}

// of returns nil where this process writes no log of the run.
func (o *ownLogs) of(run record.RunID) *runLog {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.byRun[run]
}

func (o *ownLogs) add(l *runLog) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.byRun[l.run] = l
}

func (o *ownLogs) remove(l *runLog) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.byRun, l.run)
}
