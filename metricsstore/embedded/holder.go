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

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// Names of files in the folder.
const (
	// lockFile is locked by the holder. It is a file of its own because the data file is replaced by compacting, and
	// it is never removed, so that nobody locks a file that others cannot see.
	lockFile = "lock"
	nameFile = "holder.json"
)

// errLocked: another process has the lock.
var errLocked = errors.New("embedded: locked by another process")

// backend is the store as this process reaches it: the file itself, or the process that holds it.
type backend interface {
	metricsstore.Store
	metricsstore.Repairer
	// adopt takes in the log of a run in the inbox at least up to an offset and returns how the record was answered
	// that ends there.
	adopt(ctx context.Context, run engine.RunID, offset int64) error
}

// holderFile is what the holder writes beside its lock.
type holderFile struct {
	Address string `json:"address"` // of the loopback, host:port
	Key     string `json:"key"`     // 256 random bits, hexadecimal
	PID     int    `json:"pid"`
	Version string `json:"version"` // of the program, for people
}

func readHolder(dir string) (*holderFile, error) {
	data, err := os.ReadFile(filepath.Join(dir, nameFile))
	if err != nil {
		return nil, err
	}
	var h holderFile
	if err := json.Unmarshal(data, &h); err != nil {
		return nil, fmt.Errorf("%s: %w", nameFile, err)
	}
	return &h, nil
}

// write puts the file in its place as a whole.
func (h *holderFile) write(dir string) error {
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, nameFile)
	if err := removeAny(name + newSuffix); err != nil { // it would keep its mode
		return err
	}
	if err := os.WriteFile(name+newSuffix, data, 0o600); err != nil {
		return err
	}
	return os.Rename(name+newSuffix, name)
}

// holder is the folder in this process.
type holder struct {
	*database
	cfg     Config
	lock    *os.File
	adopter *adopter
	server  *server
	archive *metricsstore.Archiver
	stop    context.CancelFunc
	done    chan struct{} // closed when watch has returned
	failing string        // what scan has told last
}

// hold takes the folder. The error is errLocked where another process has it; any other one says that it cannot be
// used at all.
func hold(ctx context.Context, cfg Config, c *coding, told *metricsstore.Changes) (*holder, error) {
	lock, err := os.OpenFile(filepath.Join(cfg.Dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("embedded: data folder %s cannot be written: %w", cfg.Dir, err)
	}
	if err := tryLock(lock); err != nil {
		_ = lock.Close() // nothing was written
		if errors.Is(err, errLocked) {
			return nil, err
		}
		return nil, fmt.Errorf("embedded: data folder %s cannot be locked: %w", cfg.Dir, err)
	}
	h := &holder{cfg: cfg, lock: lock, done: make(chan struct{})}
	if err := h.open(context.WithoutCancel(ctx), c, told); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func (h *holder) open(ctx context.Context, c *coding, told *metricsstore.Changes) error {
	var err error
	if h.database, err = openDatabase(&h.cfg, told); err != nil {
		return err
	}
	if h.archive, err = metricsstore.NewArchiver(metricsstore.ArchiverConfig{Store: h.database}); err != nil {
		return err
	}
	h.adopter = &adopter{
		dir: h.cfg.Dir, db: h.database, coding: c, log: h.cfg.Log, ended: h.settle, logs: map[engine.RunID]*adoption{},
	}
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	name := &holderFile{Key: hex.EncodeToString(key[:]), PID: os.Getpid(), Version: programVersion()}
	if h.server, err = serve(h, c, name.Key, h.cfg.Log); err != nil {
		return err
	}
	name.Address = h.server.listener.Addr().String()
	if err := name.write(h.cfg.Dir); err != nil {
		return fmt.Errorf("embedded: data folder %s cannot be written: %w", h.cfg.Dir, err)
	}
	h.scan(ctx)
	if err := h.sweep(ctx); err != nil {
		return err
	}
	told.TellAll()
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

// scan adopts the inbox. What goes wrong with one log must not keep others from being used.
func (h *holder) scan(ctx context.Context) {
	err := h.adopter.scan(ctx)
	if err == nil || ctx.Err() != nil {
		h.failing = ""
		return
	}
	if text := err.Error(); text != h.failing { // it is tried again five times a second
		h.failing = text
		h.cfg.Log.Error("logs of other processes cannot be adopted by now", "folder", h.cfg.Dir, "error", err)
	}
}

// watch adopts what other processes append.
func (h *holder) watch(ctx context.Context) {
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

func (h *holder) adopt(ctx context.Context, run engine.RunID, offset int64) error {
	return h.adopter.adoptRun(ctx, run, offset)
}

// sweep forgets leases and archives runs whose process has gone, when the folder was just taken.
func (h *holder) sweep(ctx context.Context) error {
	var runs []engine.RunID
	list := func(tx *bolt.Tx, bucket string) error {
		return tx.Bucket([]byte(bucket)).ForEach(func(k, _ []byte) error {
			if run := engine.RunID(k); !h.adopter.live(run) {
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
func (h *holder) forget(ctx context.Context, runs []engine.RunID) error {
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

// settle archives a run that nobody records any more, if that is not done. What is damaged is told and stays.
func (h *holder) settle(ctx context.Context, run engine.RunID) {
	if h.cfg.KeepLive {
		return
	}
	r, err := h.Run(ctx, run)
	if errors.Is(err, metricsstore.ErrNotFound) || err == nil && r.Status.Final() && (r.LastSeq <= r.ArchivedSeq || r.Damaged() != "") {
		return
	}
	if err == nil {
		err = h.forget(ctx, []engine.RunID{run})
	}
	if err == nil {
		_, err = h.archive.Rebuild(ctx, run)
	}
	if err != nil {
		h.cfg.Log.Error("a run that was interrupted is not archived in full", "run", run, "error", err)
	}
}

// Close gives the folder to others. It may be called on what open has not completed.
func (h *holder) Close() error {
	if h.stop != nil {
		h.stop()
		<-h.done
		h.scan(context.Background()) // the logs of this process have just ended
	}
	var errs []error
	if h.server != nil {
		h.server.close()
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
