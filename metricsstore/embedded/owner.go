package embedded

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/filelock"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/wire"
)

// Names of files in the folder.
const (
	// lockFile is locked by the owner. It is a file of its own because compacting replaces the data file, and it is
	// never removed, so that no process locks a file that others cannot see.
	lockFile = "lock"
	nameFile = "holder.json"
)

// ownerFile is the file in which the owner says how it is reached.
type ownerFile struct {
	Address string `json:"address"` // of the loopback, host:port
	Key     string `json:"key"`     // 256 random bits, hexadecimal
	PID     int    `json:"pid"`
	Version string `json:"version"` // of the program, for people
}

func readOwner(dir string) (*ownerFile, error) {
	data, err := os.ReadFile(filepath.Join(dir, nameFile))
	if err != nil {
		return nil, err
	}
	var h ownerFile
	if err := json.Unmarshal(data, &h); err != nil {
		return nil, fmt.Errorf("%s: %w", nameFile, err)
	}
	return &h, nil
}

// write replaces the file as a whole.
func (h *ownerFile) write(dir string) error {
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, nameFile)
	if err := removeAny(name + newSuffix); err != nil { // an old one would keep its mode
		return err
	}
	if err := os.WriteFile(name+newSuffix, data, 0o600); err != nil {
		return err
	}
	return os.Rename(name+newSuffix, name)
}

// owner is the folder in the process that owns it.
type owner struct {
	*database
	cfg     Config
	lock    *os.File
	adopter *adopter
	server  *wire.Server
	archive *metricsstore.Archiver
	stop    context.CancelFunc
	done    chan struct{} // closed when watch has returned
	failing string        // the last error of scan that was logged; owned by open, then watch, then Close
}

// takeFolder makes this process the owner of the folder. The error is filelock.ErrLocked where another process owns it; any
// other one means that the folder cannot be used at all.
func takeFolder(ctx context.Context, cfg Config, c *wire.Coding, changes *metricsstore.Changes) (*owner, error) {
	lock, err := os.OpenFile(filepath.Join(cfg.Dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("embedded: data folder %s cannot be written: %w", cfg.Dir, err)
	}
	if err := filelock.Exclusive(lock); err != nil {
		_ = lock.Close() // nothing was written
		if errors.Is(err, filelock.ErrLocked) {
			return nil, err
		}
		return nil, fmt.Errorf("embedded: data folder %s cannot be locked: %w", cfg.Dir, err)
	}
	h := &owner{cfg: cfg, lock: lock, done: make(chan struct{})}
	if err := h.open(context.WithoutCancel(ctx), c, changes); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func (h *owner) open(ctx context.Context, c *wire.Coding, changes *metricsstore.Changes) error {
	var err error
	if h.database, err = openDatabase(&h.cfg, changes); err != nil {
		return err
	}
	if h.archive, err = metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: h.database}); err != nil {
		return err
	}
	h.adopter = &adopter{
		dir: h.cfg.Dir, db: h.database, coding: c, log: h.cfg.Log, ended: h.settle, logs: map[record.RunID]*adoption{},
	}
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	name := &ownerFile{Key: hex.EncodeToString(key[:]), PID: os.Getpid(), Version: programVersion()}
	if h.server, err = wire.Serve(h, c, name.Key, h.cfg.Log); err != nil {
		return err
	}
	name.Address = h.server.Address()
	if err := name.write(h.cfg.Dir); err != nil {
		return fmt.Errorf("embedded: data folder %s cannot be written: %w", h.cfg.Dir, err)
	}
	h.scan(ctx)
	if err := h.sweep(ctx); err != nil {
		return err
	}
	changes.NotifyAll()
	watching, stop := context.WithCancel(ctx)
	h.stop = stop
	go h.watch(watching)
	return nil
}

func programVersion() string {
	if b, ok := debug.ReadBuildInfo(); ok {
		return b.Main.Version
	}
	return ""
}

// scan adopts the logs of other processes. An error of one log must not keep the others from being used.
func (h *owner) scan(ctx context.Context) {
	err := h.adopter.scan(ctx)
	if err == nil || ctx.Err() != nil {
		h.failing = ""
		return
	}
	if text := err.Error(); text != h.failing { // scan is called five times a second
		h.failing = text
		h.cfg.Log.Error("logs of other processes cannot be adopted at the moment", "folder", h.cfg.Dir, "error", err)
	}
}

// watch adopts what other processes append, until ctx ends.
func (h *owner) watch(ctx context.Context) {
	defer close(h.done)
	tick := time.NewTicker(adoptEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.scan(ctx)
		}
	}
}

func (h *owner) Adopt(ctx context.Context, run record.RunID, offset int64) error {
	return h.adopter.adoptRun(ctx, run, offset)
}

// Delete implements metricsstore.Store. It hides that of database, which knows nothing of logs.
func (h *owner) Delete(ctx context.Context, run record.RunID) error {
	return h.adopter.deleteRun(ctx, run)
}

// sweep drops leases and archives runs whose process has gone, when the folder was just opened.
func (h *owner) sweep(ctx context.Context) error {
	var runs []record.RunID
	list := func(tx *bolt.Tx, bucket string) error {
		return tx.Bucket([]byte(bucket)).ForEach(func(k, _ []byte) error {
			if run := record.RunID(k); !h.adopter.live(run) {
				runs = append(runs, run)
			}
			return nil
		})
	}
	if err := h.view(ctx, func(tx *bolt.Tx) error { return list(tx, leasesBucket) }); err != nil {
		return err
	}
	if err := h.forget(ctx, runs); err != nil {
		return err
	}
	runs = nil
	if err := h.view(ctx, func(tx *bolt.Tx) error { return list(tx, liveBucket) }); err != nil {
		return err
	}
	for _, run := range runs {
		h.settle(ctx, run)
	}
	return nil
}

// forget drops the leases of runs.
func (h *owner) forget(ctx context.Context, runs []record.RunID) error {
	if len(runs) == 0 {
		return nil
	}
	return h.update(ctx, &op{apply: func(w *write) error {
		for _, run := range runs {
			b := w.tx.Bucket([]byte(leasesBucket))
			if b.Get([]byte(run)) == nil {
				continue
			}
			w.dirty = true
			if err := b.Delete([]byte(run)); err != nil {
				return err
			}
		}
		return nil
	}})
}

// settle archives a run that no process records any more, unless that is done. Damage is logged and stays.
func (h *owner) settle(ctx context.Context, run record.RunID) {
	if h.cfg.KeepLive {
		return
	}
	r, err := h.Run(ctx, run)
	if errors.Is(err, metricsstore.ErrNotFound) || err == nil && r.Status.Final() && (r.LastSeq <= r.ArchivedSeq || r.Damaged() != "") {
		return
	}
	if err == nil {
		err = h.forget(ctx, []record.RunID{run})
	}
	if err == nil {
		_, err = h.archive.Rebuild(ctx, run)
	}
	if err != nil {
		h.cfg.Log.Error("a run that was interrupted is not archived in full", "run", run, "error", err)
	}
}

// Close lets another process own the folder. It may be called after a failure of open.
func (h *owner) Close() error {
	if h.stop != nil {
		h.stop()
		<-h.done
		h.scan(context.Background()) // the logs that this process wrote have just ended
	}
	var errs []error
	if h.server != nil {
		h.server.Close()
		errs = append(errs, removeAny(filepath.Join(h.cfg.Dir, nameFile)))
	}
	if h.adopter != nil {
		h.adopter.close()
	}
	if h.database != nil {
		errs = append(errs, h.database.Close())
	}
	return errors.Join(append(errs, h.lock.Close())...)
}
