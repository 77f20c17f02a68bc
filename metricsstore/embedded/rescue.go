package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// rescue is what was done about a damaged file.
type rescue struct {
	faults []error  // what was wrong with its pages
	aside  string   // the path under which the damaged file is kept
	notes  []string // what each run has lost
	again  []record.RunID
	runs   int
}

// asideSuffix and the moment are appended to the name of a file that is set aside.
const asideSuffix = ".damaged-"

// errNothing: a file is damaged so badly that no run was found.
var errNothing = errors.New("no run can be found in it")

// rewrite writes what is found in a damaged file into a new one, which replaces it once it is installed; the damaged
// file is set aside under another name. Whatever goes wrong, it is still there.
func rewrite(path string, options bolt.Options, c *codec, verify bool) (*rescue, error) {
	f, file, err := openPages(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	found, err := findAll(f, c)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(path, found.walk.version); errors.Is(err, ErrVersion) {
		return nil, err
	}
	if len(found.runs)+len(found.listed) == 0 && len(found.walk.leads) > 0 {
		return nil, errNothing
	}
	fresh := filepath.Join(filepath.Dir(path), compactFile)
	out := &rescue{faults: found.walk.errors()}
	if err := found.write(fresh, options, c, verify, out); err != nil {
		return nil, errors.Join(fmt.Errorf("what can be read of it cannot be written to a new file: %w", err), removeAny(fresh))
	}
	return out, nil
}

// install replaces the old file, which no process has open, by the new one.
func (r *rescue) install(path string) (err error) {
	if r.aside, err = setAside(path); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	return errors.Join(os.Rename(filepath.Join(dir, compactFile), path), syncDir(dir))
}

// write puts everything into a new file.
func (s *saved) write(path string, options bolt.Options, c *codec, verify bool, out *rescue) error {
	options.InitialMmapSize = 0
	if err := removeAny(path); err != nil {
		return err
	}
	dst, err := bolt.Open(path, 0o600, &options)
	if err != nil {
		return err
	}
	dst.AllocSize = allocBytes
	r := rebuilder{saved: s, dst: dst, codec: c, verify: verify, rollups: map[record.RunID][][]byte{}}
	err = r.all()
	out.notes, out.again, out.runs = r.notes, r.again, len(r.runs)
	return errors.Join(err, dst.Sync(), dst.Close())
}

// setAside gives a file a second name, under which it remains when it is replaced. A name that it got earlier, before
// the process was killed, is used again.
func setAside(path string) (string, error) {
	if aside := otherName(path); aside != "" {
		return aside, nil
	}
	stamp := path + asideSuffix + time.Now().UTC().Format("20060102T150405Z")
	for n := 1; n < 1000; n++ {
		aside := stamp
		if n > 1 {
			aside = fmt.Sprintf("%s-%d", stamp, n)
		}
		err := os.Link(path, aside)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil { // a file system without hard links
			err = copyFile(path, aside)
		}
		return aside, err
	}
	return "", fmt.Errorf("%s exists, expected a free name", stamp)
}

// otherName is a name that setAside has given a file, empty for none.
func otherName(path string) string {
	dir := filepath.Dir(path)
	files, _ := os.ReadDir(dir) // where it cannot be read, setAside reports it
	info, err := os.Stat(path)
	for _, f := range files {
		other, unread := f.Info()
		isAside := strings.HasPrefix(f.Name(), filepath.Base(path)+asideSuffix)
		if isAside && err == nil && unread == nil && os.SameFile(info, other) {
			return filepath.Join(dir, f.Name())
		}
	}
	return ""
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return errors.Join(err, src.Close())
	}
	_, err = io.Copy(dst, src)
	if err = errors.Join(err, dst.Sync(), dst.Close(), src.Close()); err != nil {
		return errors.Join(err, removeAny(to))
	}
	return nil
}

// rescueAtOpening makes sure that bbolt opens no file with damaged pages.
func (d *database) rescueAtOpening(keep bool) error {
	info, err := os.Stat(d.path)
	if err != nil {
		return nil // it does not exist, or opening reports why it cannot be read
	}
	reading := allPages
	if info.Size() > inspectBytes {
		reading = sharedPages
	}
	faults, err := inspect(d.path, d.codec, reading)
	if err != nil || len(faults) == 0 {
		return nil // sound, or not a bbolt file, which opening reports
	}
	if keep {
		return fmt.Errorf("%w: %s is damaged:\n%w", metricsstore.ErrCorrupt, d.path, errors.Join(faults...))
	}
	done, err := rewrite(d.path, d.options, d.codec, false)
	if err == nil {
		err = done.install(d.path)
	}
	if err != nil {
		return fmt.Errorf("%w: %s is damaged: %w:\n%w", metricsstore.ErrCorrupt, d.path, err, errors.Join(faults...))
	}
	d.report(done)
	d.rescued = done
	return nil
}

// report logs what was done about damage.
func (d *database) report(r *rescue) {
	const most = 10
	faults := errors.Join(r.faults[:min(most, len(r.faults))]...)
	d.logger.Warn("the data file was damaged: what can be read of it was written anew", "file", d.path, "runs", r.runs,
		"damage", faults, "as_it_was", r.aside)
	for _, n := range r.notes[:min(most, len(r.notes))] {
		d.logger.Warn("a run is damaged", "lost", n)
	}
}

// heal is called when a call has met damaged pages in the file of a generation. It reports whether the file has been
// rewritten since, so that the call may be made again.
func (d *database) heal(ctx context.Context, generation uint64) bool {
	if d.hopeless.Load() {
		return false
	}
	err := d.exclusive(ctx, func() error {
		if d.generation.Load() != generation {
			return nil
		}
		faults, err := inspect(d.path, d.codec, allHeaders)
		if err == nil && len(faults) == 0 {
			err = errors.New("no page of it is found to be damaged")
		}
		if err != nil {
			return err
		}
		done, err := d.rewriteOpen(false)
		if err != nil {
			return errors.Join(append([]error{err}, faults...)...)
		}
		d.report(done)
		d.changes.NotifyAll()
		return nil
	})
	if err != nil && ctx.Err() == nil && !errors.Is(err, metricsstore.ErrClosed) && !d.hopeless.Swap(true) {
		d.logger.Error("the data file is damaged and cannot be written anew", "file", d.path, "error", err)
	}
	return err == nil
}

// rewriteOpen is rewrite for the open file. The writer calls it between two transactions.
func (d *database) rewriteOpen(verify bool) (*rescue, error) {
	if d.broken != nil {
		return nil, d.broken
	}
	done, err := rewrite(d.path, d.options, d.codec, verify)
	if err != nil {
		return nil, err
	}
	return done, d.reopen(func() error { return done.install(d.path) })
}

// reopen has f change the file while it is closed.
func (d *database) reopen(f func() error) error {
	d.swap.Lock()
	defer d.swap.Unlock()
	if err := d.bolt.Close(); err != nil {
		d.broken = d.failure(err)
		return d.broken
	}
	changed := f()
	db, err := openBolt(d.path, &d.options)
	if err != nil {
		d.broken = err
		return errors.Join(changed, err)
	}
	d.bolt = db
	d.generation.Add(1)
	d.hopeless.Store(false)
	return changed
}
