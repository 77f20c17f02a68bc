package feed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// asideDir is the folder below that of the journal for records of which no run can be made, a file each.
const asideDir = "aside"

// maxAside bounds the folder, in bytes: what is in it waits for a person.
const maxAside = 64 << 20

// setAside moves the lines of a record that the program cannot deal with out of the way, so that they are not read again at
// each start, and can be examined. Parts of the record that come later are rejected.
func (r *Receiver) setAside(key string) {
	r.mu.Lock()
	t := r.items[key]
	r.old[key] = t.run
	delete(r.items, key)
	delete(r.waiting, key)
	r.mu.Unlock()
	where, err := r.copyAside(key, t.refs)
	if err == nil {
		err = addRetired(r.cfg.Dir, []string{key})
	}
	if err != nil {
		r.cfg.Log.Error("a "+r.source.Record+" cannot be set aside, and is tried again at the next start", r.source.Record, key, "error", err)
		return
	}
	r.cfg.Log.Warn("a "+r.source.Record+" is set aside: no run is made of it, and it accepts nothing more", r.source.Record, key, "lines", where)
}

// copyAside writes the lines of a record into a file of their own, unless there are too many of such already, and says where
// they are.
func (r *Receiver) copyAside(key string, refs []ref) (where string, err error) {
	dir := filepath.Join(r.cfg.Dir, asideDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	size := int64(0)
	for _, at := range refs {
		size += int64(at.size)
	}
	for _, f := range files {
		if info, err := f.Info(); err == nil {
			size += info.Size()
		}
	}
	if size > maxAside {
		return fmt.Sprintf("dropped, as %s has %d MiB already", dir, maxAside>>20), nil
	}
	text, err := r.journal.read(refs)
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, fileName(key)+suffix)
	return name, errors.Join(os.WriteFile(name, text, 0o600), syncFolder(dir))
}
