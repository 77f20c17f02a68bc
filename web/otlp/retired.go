package otlp

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dagscope/dagscope/metricsstore/records/otlp"
)

// retiredFile has the IDs of traces that are over, a line each, as long as the journal has lines of them.
const retiredFile = "retired"

// addRetired notes traces that are over.
func addRetired(dir string, traces []string) error {
	if len(traces) == 0 {
		return nil
	}
	return appendSynced(dir, filepath.Join(dir, retiredFile), os.O_APPEND, traces)
}

// writeRetired replaces all that was noted.
func writeRetired(dir string, traces []string) error {
	name := filepath.Join(dir, retiredFile)
	if err := appendSynced(dir, name+".new", os.O_TRUNC, traces); err != nil {
		return err
	}
	return errors.Join(os.Rename(name+".new", name), syncFolder(dir))
}

func appendSynced(dir, name string, how int, traces []string) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|how, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), syncFolder(dir)) }()
	var text strings.Builder
	for _, t := range traces {
		text.WriteString(t + "\n")
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
	for trace := range strings.Lines(string(text)) {
		if whole, ended := strings.CutSuffix(trace, "\n"); ended {
			if key := otlp.TraceKey(whole); key != "" {
				retired[key] = true
			}
		}
	}
	return retired, nil
}

// retire removes the files of the journal whose traces are over and old, the first ones first.
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
	if r.journal.bytes() > r.cfg.MaxJournal/2 || len(r.traces) > r.cfg.MaxTraces/2 {
		late = min(late, 300*r.cfg.Settle)
	}
	kept := map[*segment]bool{}
	for _, t := range r.traces {
		over := t.over && t.first.IsZero() // its run has all spans
		if t.spans < minSpans {
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
			r.cfg.Log.Error("a file of the journal of traces cannot be removed", "error", err)
			return
		}
	}
}

// remove removes a file whose traces are over. They are noted first, so that what other files have of them does not
// become a shorter run after a restart. The caller holds mu.
func (r *Receiver) remove(s *segment) error {
	var retired []string
	single := 0
	for trace, t := range r.traces {
		if slices.ContainsFunc(t.refs, func(at ref) bool { return at.in == s }) {
			retired = append(retired, trace)
		}
	}
	if err := addRetired(r.cfg.Dir, retired); err != nil {
		return err
	}
	for _, trace := range retired {
		t := r.traces[trace]
		delete(r.traces, trace)
		delete(r.waiting, trace)
		if t.run != "" {
			r.old[trace] = t.run
		} else {
			single++
		}
	}
	if single > 0 {
		r.cfg.Log.Info("traces of a single span, or that no run could be made of, are dropped", "traces", single)
	}
	return r.journal.remove(s)
}
