package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/dagscope/dagscope/engine/filelock"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// Names of files in the folder.
const (
	dataFile    = "dagscope.db"
	compactFile = "dagscope.db.compact" // a new data file that is not complete
)

// boltTimeout is how long opening waits for another program that has the data file open, such as the bbolt command.
// Programs of ours never do: they hold the lock of the folder first.
const boltTimeout = 2 * time.Second

// database is the store over the open file, for one process. Safe for concurrent use.
type database struct {
	path    string
	codec   *codec
	changes *metricsstore.Changes
	logger  *slog.Logger
	gather  time.Duration
	options bolt.Options

	ops   chan *op      // to the writer's goroutine
	alone chan func()   // to the writer's goroutine, executed between transactions
	done  chan struct{} // closed when the writer has returned

	calls backend.Calls

	swap   sync.RWMutex // held for reading by each read, for writing while bolt is replaced
	bolt   *bolt.DB
	broken error // owned by the writer's goroutine: why nothing can be written until the store is opened again
	stuck  bool  // owned by the writer's goroutine: bolt cannot be closed, because a transaction that met damage could not be

	rescued *rescue // owned by the writer's goroutine: what opening has mended and Repair has not reported yet

	suspect    atomic.Bool   // a read has met damaged pages and skipped them
	generation atomic.Uint64 // how often the file was replaced
	hopeless   atomic.Bool   // damaged pages exist that could not be mended

	merging sync.Mutex // held while roll-ups are merged
}

// openDatabase opens or creates the file. The caller holds the lock of the folder.
func openDatabase(cfg *Config, changes *metricsstore.Changes) (*database, error) {
	c, err := newCodec()
	if err != nil {
		return nil, err
	}
	d := &database{
		path: filepath.Join(cfg.Dir, dataFile), codec: c, changes: changes, logger: cfg.Log, gather: cfg.gather(), options: boltOptions(cfg.noSync),
		ops: make(chan *op, maxGathered), alone: make(chan func()), done: make(chan struct{}),
	}
	if err := removeAny(filepath.Join(cfg.Dir, compactFile)); err != nil {
		return nil, fmt.Errorf("embedded: left over from compacting: %w", err)
	}
	if err := d.rescueAtOpening(cfg.KeepDamage); err != nil {
		c.close()
		return nil, err
	}
	if d.bolt, err = openBolt(d.path, &d.options); err != nil {
		c.close()
		return nil, err
	}
	go d.write()
	return d, nil
}

// allocBytes is the increment by which the file grows: bbolt's own 16 MiB would be most of a small store.
const allocBytes = 1 << 20

// boltOptions are chosen as follows.
//
// FreelistType: the map finds free pages in constant time where the array searches, which matters once retention has
// deleted runs. NoFreelistSync stays off: writing the list costs about a page for each commit, and without it opening
// and each failed commit would read the whole file. InitialMmapSize: up to this size the file grows without waiting
// for the readers to finish, and costs nothing but addresses. Timeout: opening never hangs.
func boltOptions(noSync bool) bolt.Options {
	size := 1 << 30
	if runtime.GOOS == "windows" || ^uint(0)>>32 == 0 {
		size = 0 // there the file itself gets this size, or addresses are scarce
	}
	return bolt.Options{
		Timeout: boltTimeout, FreelistType: bolt.FreelistMapType, InitialMmapSize: size, NoStatistics: true, NoSync: noSync,
	}
}

func openBolt(path string, options *bolt.Options) (*bolt.DB, error) {
	db, err := openChecked(path, options)
	switch {
	case errors.Is(err, metricsstore.ErrCorrupt):
		return nil, err
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("embedded: %s is held open by another program, expected no program to have it open", path)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrVersionMismatch), errors.Is(err, berrors.ErrChecksum):
		return nil, fmt.Errorf("%w: %s is not a data file: %w", metricsstore.ErrCorrupt, path, err)
	case err != nil:
		return nil, fmt.Errorf("embedded: data file %s cannot be opened for writing: %w", path, err)
	}
	db.AllocSize = allocBytes
	if err := prepare(db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// openChecked opens a file that may be damaged: bbolt panics on some damage, and reading beyond the end of a mapped
// file is a fault.
func openChecked(path string, options *bolt.Options) (db *bolt.DB, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var file *os.File // bbolt does not close it when it panics
	opening := *options
	opening.OpenFile = func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
		file, err = os.OpenFile(name, flag, mode)
		return file, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %s is damaged or cut off: %v", metricsstore.ErrCorrupt, path, p)
			filelock.Unlock(file) // the mapping remains, and would keep the lock
			db, err = nil, errors.Join(err, file.Close())
		}
	}()
	if db, err = bolt.Open(path, 0o600, &opening); err != nil {
		return nil, err
	}
	err = db.View(func(tx *bolt.Tx) error {
		info, err := os.Stat(path)
		if err == nil && info.Size() < tx.Size() {
			err = fmt.Errorf("%w: %s is cut off at %d of %d bytes", metricsstore.ErrCorrupt, path, info.Size(), tx.Size())
		}
		return err
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// prepare checks the version of a file and adds the buckets that it lacks.
func prepare(db *bolt.DB) error {
	fresh, current := false, false
	err := db.View(func(tx *bolt.Tx) error {
		meta := tx.Bucket([]byte(metaBucket))
		if meta == nil {
			name, _ := tx.Cursor().First()
			fresh = name == nil
			if !fresh {
				return fmt.Errorf("%w: %s is a bbolt file of another program, expected one of dagscope", metricsstore.ErrCorrupt, db.Path())
			}
			return nil
		}
		version, err := readVersion(meta.Get([]byte(versionKey)))
		if err != nil {
			return fmt.Errorf("%s: %w", db.Path(), err)
		}
		current = version == formatVersion && hasHistory(tx)
		return checkVersion(db.Path(), version)
	})
	if err != nil || current {
		return err
	}
	if fresh {
		err = db.Update(makeBuckets)
	} else {
		err = guarded(db.Path(), func() error { return db.Update(renewFormat) })
		if errors.Is(err, metricsstore.ErrCorrupt) {
			return nil // a damaged file is read without a history
		}
	}
	if err != nil {
		return fmt.Errorf("embedded: %s cannot be written: %w", db.Path(), err)
	}
	return nil
}

func makeBuckets(tx *bolt.Tx) error {
	for _, name := range allBuckets() {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	return renewFormat(tx)
}

// renewFormat upgrades a file of an earlier version.
func renewFormat(tx *bolt.Tx) error {
	if !hasHistory(tx) {
		if err := buildHistory(tx); err != nil {
			return err
		}
	}
	return tx.Bucket([]byte(metaBucket)).Put([]byte(versionKey), encodedVersion(formatVersion))
}

func versionLocation() location { return locationOf("", []byte(versionKey)) }

func encodedVersion(v uint64) []byte { return sealNumbers(versionLocation(), v) }

// lastUnsealed is the last format whose number has no seal.
const lastUnsealed = 2

// readVersion reads the number of a format. The error is ErrCorrupt.
func readVersion(value []byte) (uint64, error) {
	if len(value) == 0 {
		return 0, fmt.Errorf("%w: there is no format version", metricsstore.ErrCorrupt)
	}
	var v [1]uint64
	if err := openNumbers(versionLocation(), value, v[:]); err != nil {
		return 0, fmt.Errorf("the format version cannot be read: %w", err)
	}
	if v[0] == 0 || v[0] > lastUnsealed && len(value) == len(binary.AppendUvarint(nil, v[0])) {
		return 0, fmt.Errorf("%w: the format version cannot be read: % x", metricsstore.ErrCorrupt, value)
	}
	return v[0], nil
}

func checkVersion(path string, v uint64) error {
	if v > formatVersion {
		return fmt.Errorf("%w: %s has format %d and this program reads formats up to %d: use the newer program that wrote it, or another data folder",
			ErrVersion, path, v, formatVersion)
	}
	return nil
}

// view reads in one transaction. It calls f again where f has met damaged pages that could be mended.
func (d *database) view(ctx context.Context, f func(*bolt.Tx) error) error {
	seen := d.generation.Load()
	err := d.viewOnce(ctx, f)
	if (isPages(err) || d.suspect.Swap(false)) && d.heal(ctx, seen) {
		err = d.viewOnce(ctx, f)
	}
	return err
}

func (d *database) viewOnce(ctx context.Context, f func(*bolt.Tx) error) error {
	if err := d.calls.Begin(ctx); err != nil {
		return err
	}
	defer d.calls.End()
	d.swap.RLock()
	defer d.swap.RUnlock()
	return guarded(d.path, func() error { return d.bolt.View(f) })
}

// Changed implements metricsstore.Store.
func (d *database) Changed(run record.RunID) <-chan struct{} { return d.changes.Wait(run) }

// ChangedSince implements metricsstore.Store.
func (d *database) ChangedSince(ctx context.Context, number uint64) (metricsstore.ChangeList, error) {
	if err := d.calls.Begin(ctx); err != nil {
		return metricsstore.ChangeList{}, err
	}
	defer d.calls.End()
	return d.changes.Since(number), nil
}

// Close waits for the calls under way and for the writer.
func (d *database) Close() error {
	return d.calls.Close(func() error {
		close(d.ops)
		<-d.done
		d.codec.close()
		if d.stuck {
			return d.broken
		}
		if err := d.bolt.Close(); err != nil {
			return fmt.Errorf("embedded: closing %s: %w", d.path, err)
		}
		return nil
	})
}
