// Package importer imports runs from files: archives, as the command export and GET /archive write them, and
// recordings in WfFormat, compressed by gzip or not. The format of a file is recognised from its content.
//
// Importing a file again changes nothing, also where several processes do so at the same time: one of them imports
// it, and the others wait for that one and find the run.
//
// Caveats: an archive is held in memory as a whole, a recording with everything that is made of it. One Importer
// imports one file at a time.
package importer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/wfformat"
	"github.com/dagscope/dagscope/metricsstore"
)

// Errors of Import that are about the file. Their texts say what was expected.
var (
	// ErrFile: the file is neither a recording nor an archive, or is damaged.
	ErrFile = errors.New("not a file that can be imported")
	// ErrTooLarge: the file exceeds a limit.
	ErrTooLarge = errors.New("the file is too large")
)

// Format is the format of a file.
type Format string

// Formats of files.
const (
	Archive   Format = "archive"
	Recording Format = "wfformat"
)

// Outcome is what an import did.
type Outcome string

// Outcomes of imports.
const (
	Imported  Outcome = "imported"
	Completed Outcome = "completed" // the run existed and lacked something
	Unchanged Outcome = "unchanged"
)

// Result is the outcome of importing a file.
type Result struct {
	Format  Format // empty where it is none
	Outcome Outcome
	Run     metricsstore.Run // as it is kept afterwards; of one that could not be kept as a whole, only its ID
}

// Config of an Importer.
type Config struct {
	Store metricsstore.Store
	// Archiver archives runs of archive files. Default: one over Store.
	Archiver *metricsstore.Archiver
	// MaxArchive bounds an archive, in bytes. 0 means 1 GiB. Recordings are bounded by wfformat.MaxBytes.
	MaxArchive int64
	// Wait is how long to wait for another process that imports the same run. 0 means a minute.
	Wait time.Duration
}

// Importer imports files. Safe for concurrent use.
type Importer struct {
	cfg Config
	mu  sync.Mutex // held while a file is imported: an Archiver can acquire its own lease twice
}

// New makes an importer. The error is that of metricsstore.NewArchiver.
func New(cfg Config) (*Importer, error) {
	if cfg.MaxArchive == 0 {
		cfg.MaxArchive = 1 << 30
	}
	if cfg.Wait == 0 {
		cfg.Wait = time.Minute
	}
	if cfg.Archiver == nil {
		var err error
		if cfg.Archiver, err = metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: cfg.Store}); err != nil {
			return nil, err
		}
	}
	return &Importer{cfg: cfg}, nil
}

// Import imports one file. The error is ErrFile or ErrTooLarge where the file is at fault, metricsstore.ErrExists
// where another run has the same ID, metricsstore.ErrLease where another process is still importing it after
// Config.Wait, else that of the reader or of the store.
func (i *Importer) Import(ctx context.Context, r io.Reader) (Result, error) {
	file, err := i.read(r)
	if err != nil {
		return Result{Format: file.format}, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	deadline := time.Now().Add(i.cfg.Wait)
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		result, err := i.keep(ctx, file)
		if err == nil || !isContended(err) || time.Now().After(deadline) {
			return result, err
		}
		select {
		case <-ctx.Done():
			return result, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// isContended reports whether an import can have failed because another process imports the same run.
func isContended(err error) bool {
	for _, kind := range []error{metricsstore.ErrLease, metricsstore.ErrExists, metricsstore.ErrStale, metricsstore.ErrConflict} {
		if errors.Is(err, kind) && !errors.Is(err, errOther) {
			return true
		}
	}
	return false
}

// errOther: an ended run with the same ID exists and is another one, so waiting is useless.
var errOther = errors.New("another run")

// file is what was read from a file: one of the two.
type file struct {
	format    Format
	archive   *metricsstore.Portable
	recording *wfformat.Recording
}

func (i *Importer) read(r io.Reader) (file, error) {
	in, err := wfformat.Unwrap(r)
	if err != nil {
		return file{}, ofFile(err)
	}
	first, err := firstByte(in)
	if err != nil {
		return file{}, ofFile(err)
	}
	if first == '{' {
		f := file{format: Recording}
		recorded, err := wfformat.Parse(in)
		if err == nil {
			f.recording, err = wfformat.Record(recorded)
		}
		return f, ofFile(err)
	}
	head, err := in.Peek(len(metricsstore.ArchiveMagic))
	if !bytes.HasPrefix(head, []byte(metricsstore.ArchiveMagic)) {
		if err != nil && !errors.Is(err, io.EOF) {
			return file{}, ofFile(err)
		}
		return file{}, fmt.Errorf("%w: it begins with %q, expected an archive or a recording in WfFormat, which is JSON",
			ErrFile, head[:min(len(head), 12)])
	}
	f := file{format: Archive}
	f.archive, err = metricsstore.ReadArchive(in, i.cfg.MaxArchive)
	return f, ofFile(err)
}

// firstByte finds the first byte that is not white space and leaves it to be read.
func firstByte(r *bufio.Reader) (byte, error) {
	for {
		b, err := r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return 0, fmt.Errorf("%w: it is empty, expected an archive or a recording in WfFormat", ErrFile)
		case err != nil:
			return 0, err
		case b != ' ' && b != '\t' && b != '\r' && b != '\n':
			return b, r.UnreadByte()
		}
	}
}

// ofFile wraps errors about the file as ErrFile or ErrTooLarge.
func ofFile(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrFile):
		return err
	case errors.Is(err, wfformat.ErrInvalid):
		return fmt.Errorf("%w: %w", ErrFile, err)
	case errors.Is(err, metricsstore.ErrInvalid):
		return fmt.Errorf("%w: %s", ErrTooLarge, strings.TrimPrefix(err.Error(), "metricsstore: invalid argument: "))
	case errors.Is(err, wfformat.ErrTooLarge):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	case errors.Is(err, metricsstore.ErrCorrupt):
		return damaged(err)
	}
	return err
}

// damaged describes what is wrong with an archive, without names that only programmers know.
func damaged(err error) error {
	return fmt.Errorf("%w: the archive is damaged: %s", ErrFile, strings.ReplaceAll(err.Error(), "metricsstore: corrupt data: ", ""))
}
