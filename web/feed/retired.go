package feed

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// retiredFile has the keys of records that are over, a line each, as long as the journal has lines of them.
const retiredFile = "retired"

// addRetired notes records that are over.
func addRetired(dir string, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	return appendSynced(dir, filepath.Join(dir, retiredFile), os.O_APPEND, keys)
}

// writeRetired replaces all that was noted.
func writeRetired(dir string, keys []string) error {
	name := filepath.Join(dir, retiredFile)
	if err := appendSynced(dir, name+".new", os.O_TRUNC, keys); err != nil {
		return err
	}
	return errors.Join(os.Rename(name+".new", name), syncFolder(dir))
}

func appendSynced(dir, name string, how int, keys []string) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|how, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), syncFolder(dir)) }()
	var text strings.Builder
	for _, key := range keys {
		text.WriteString(key + "\n")
	}
	if _, err := f.WriteString(text.String()); err != nil {
		return err
	}
	return f.Sync()
}

// readRetired returns what was noted. The last line may be half of one: then its file was not removed.
func readRetired(dir string) (map[string]bool, error) {
	text, err := os.ReadFile(filepath.Join(dir, retiredFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	retired := map[string]bool{}
	for key := range strings.Lines(string(text)) {
		if whole, ended := strings.CutSuffix(key, "\n"); ended {
			retired[whole] = true
		}
	}
	return retired, nil
}

// retire removes the files of the journal whose records are over and old, the first ones first.
func (r *Receiver) retire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.retired) < min(r.cfg.Late, time.Second) {
		return
	}
	r.retired = now
	full := r.journal.full()
	if len(full) == 0 {
		return
	}
	late := r.cfg.Late
	if r.journal.bytes() > r.cfg.MaxJournal/2 || len(r.items) > r.cfg.MaxRecords/2 {
		late = min(late, 300*r.cfg.Settle)
	}
	kept := map[*segment]bool{}
	for _, t := range r.items {
		over := t.over && t.first.IsZero() // its run has all parts
		if t.parts < r.source.Least {
			over = now.Sub(t.last) >= r.cfg.Quiet
		}
		if over && t.busy == 0 && now.Sub(t.last) >= late {
			continue
		}
		for _, at := range t.refs {
			kept[at.in] = true
		}
	}
	for _, s := range full {
		if kept[s] {
			return
		}
		if err := r.remove(s); err != nil {
			r.cfg.Log.Error("a file of a journal cannot be removed", "of", r.source.Records, "error", err)
			return
		}
	}
}

// remove removes a file whose records are over. They are noted first, so that what other files have of them does not
// become a shorter run after a restart. The caller holds mu.
func (r *Receiver) remove(s *segment) error {
	var retired []string
	single := 0
	for key, t := range r.items {
		if slices.ContainsFunc(t.refs, func(at ref) bool { return at.in == s }) {
			retired = append(retired, key)
		}
	}
	if err := addRetired(r.cfg.Dir, retired); err != nil {
		return err
	}
	for _, key := range retired {
		t := r.items[key]
		delete(r.items, key)
		delete(r.waiting, key)
		if t.run != "" {
			r.old[key] = t.run
		} else {
			single++
		}
	}
	if single > 0 {
		r.cfg.Log.Info(r.source.Records+" that are too small, or that no run could be made of, are dropped", r.source.Records, single)
	}
	return r.journal.remove(s)
}
