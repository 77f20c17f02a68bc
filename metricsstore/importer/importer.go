// Package importer imports runs from files: archives, as the command export and GET /archive write them, and what other
// tools record about their runs, in the formats of Formats. What a file is follows from its content; files of one drop
// may belong together, such as results and the manifest with the edges between them. A Preview reads them and keeps
// nothing.
//
// Importing a file again changes nothing, also where several processes do so at the same time: one of them imports it,
// and the others wait for that one and find the run. A longer record of a run replaces a shorter one.
//
// Costs: each file is read twice, once by its reader and once for its digest; what reading takes is said by the package
// of the format.
//
// Caveats: an archive is held in memory as a whole, a record with everything that is made of it. One Importer imports
// one run at a time.
package importer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// Errors of files. Their texts say what was expected.
var (
	// ErrFile: the file is neither an archive nor a record, or is damaged.
	ErrFile = errors.New("not a file that can be imported")
	// ErrTooLarge: the file exceeds a limit.
	ErrTooLarge = errors.New("the file is too large")
)

// Archive is the format of files that the command export writes; others have the names of their records.Format.
const Archive = "archive"

// Outcome is what an import did.
type Outcome string

// Outcomes of imports.
const (
	Imported  Outcome = "imported"
	Completed Outcome = "completed" // the run existed and lacked something
	Replaced  Outcome = "replaced"  // the run existed, from a shorter record
	Unchanged Outcome = "unchanged"
)

// Result is one run that was imported, or a file that was not.
type Result struct {
	Path    string // the file that the run was read from
	Format  string // empty where it is none
	Outcome Outcome
	Run     metricsstore.Run // as it is kept afterwards; of one that could not be kept as a whole, only its ID
	Err     error            // why the file was not imported, ErrFile or ErrTooLarge where it is at fault; else nil
}

// Config of an Importer.
type Config struct {
	Store metricsstore.Store
	// Archiver archives runs of archive files. Default: one over Store.
	Archiver *metricsstore.Archiver
	// MaxArchive bounds an archive, in bytes. 0 means 1 GiB.
	MaxArchive int64
	// Wait is how long to wait for another process that imports the same run. 0 means a minute.
	Wait time.Duration
}

// Importer imports files. Safe for concurrent use.
type Importer struct {
	cfg Config
	mu  sync.Mutex // held while a run is imported: an Archiver can acquire its own lease twice
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

// Import imports all runs of a drop, and says what became of each of them and of each file that is none. Files that
// only tell more about runs of others are not listed. The error is that of ctx; the errors of files are in their
// results: ErrFile or ErrTooLarge where the file is at fault, metricsstore.ErrExists where another run has the same
// ID, metricsstore.ErrLease where another process is still importing it after Config.Wait, else that of the store.
func (i *Importer) Import(ctx context.Context, d *Drop) ([]Result, error) {
	return i.each(ctx, d, i.importRun)
}

// ImportOnly is Import for the runs with some IDs; of what else is in the drop, there are no results.
func (i *Importer) ImportOnly(ctx context.Context, d *Drop, runs []record.RunID) ([]Result, error) {
	all, err := i.each(ctx, d, func(ctx context.Context, f *found) (Result, error) {
		if f.recording != nil {
			if err := rename(ctx, f.recording, i.runOrNil); err != nil {
				return Result{}, err
			}
		}
		if !slices.Contains(runs, f.id()) {
			return Result{}, nil
		}
		return i.importRun(ctx, f)
	})
	return slices.DeleteFunc(all, func(r Result) bool { return !slices.Contains(runs, r.Run.Info.ID) }), err
}

// each reads a drop and does something with each of its runs.
func (i *Importer) each(ctx context.Context, d *Drop, do func(context.Context, *found) (Result, error)) ([]Result, error) {
	var out []Result
	err := i.read(ctx, d, func(f *found) error {
		result := Result{Path: f.path, Format: f.format, Err: f.err}
		if f.err == nil {
			result, result.Err = do(ctx, f)
			result.Path = f.path
		}
		out = append(out, result)
		return ctx.Err()
	})
	return out, err
}

// importRun keeps one run, and waits for another process that is importing it.
func (i *Importer) importRun(ctx context.Context, f *found) (Result, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	deadline := time.Now().Add(i.cfg.Wait)
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		result, err := i.keep(ctx, f)
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

// ofFile wraps errors about a file as ErrFile or ErrTooLarge. Results name the file, so the text does not.
func ofFile(path string, err error) error {
	text := func(kind error) string {
		return strings.TrimPrefix(strings.TrimPrefix(err.Error(), kind.Error()+": "), path+": ")
	}
	switch {
	case err == nil, errors.Is(err, ErrFile):
		return err
	case errors.Is(err, records.ErrFormat):
		return fmt.Errorf("%w: %s", ErrFile, text(records.ErrFormat))
	case errors.Is(err, metricsstore.ErrInvalid):
		return fmt.Errorf("%w: %s", ErrTooLarge, strings.TrimPrefix(err.Error(), "metricsstore: invalid argument: "))
	case errors.Is(err, records.ErrTooLarge):
		return fmt.Errorf("%w: %s", ErrTooLarge, text(records.ErrTooLarge))
	case errors.Is(err, metricsstore.ErrCorrupt):
		return damaged(err)
	}
	return err
}

// damaged describes what is wrong with an archive, without names that only programmers know.
func damaged(err error) error {
	return fmt.Errorf("%w: the archive is damaged: %s", ErrFile, strings.ReplaceAll(err.Error(), "metricsstore: corrupt data: ", ""))
}
