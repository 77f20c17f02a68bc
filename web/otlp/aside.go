package otlp

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// asideDir is the folder below that of the journal for traces of which no run can be made, a file each.
const asideDir = "aside"

// maxAside bounds the folder, in bytes: what is in it waits for a person.
const maxAside = 64 << 20

// setAside moves the lines of a trace that the program cannot deal with out of the way, so that they are not read again at
// each start, and can be examined. Spans of the trace that come later are rejected.
func (r *Receiver) setAside(trace string) {
	r.mu.Lock()
	t := r.traces[trace]
	r.old[trace] = t.run
	delete(r.traces, trace)
	delete(r.waiting, trace)
	r.mu.Unlock()
	where, err := r.copyAside(trace, t.refs)
	if err == nil {
		err = addRetired(r.cfg.Dir, []string{trace})
	}
	if err != nil {
		r.cfg.Log.Error("a trace cannot be set aside, and is tried again at the next start", "trace", trace, "error", err)
		return
	}
	r.cfg.Log.Warn("a trace is set aside: no run is made of it, and it accepts no more spans", "trace", trace, "lines", where)
}

// copyAside writes the lines of a trace into a file of their own, unless there are too many of such already, and says where
// they are.
func (r *Receiver) copyAside(trace string, refs []ref) (where string, err error) {
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
	name := filepath.Join(dir, trace+suffix)
	return name, errors.Join(os.WriteFile(name, text, 0o600), syncFolder(dir))
}
