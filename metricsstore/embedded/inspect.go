package embedded

import (
	"errors"
	"fmt"
	"os"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// inspectBytes is the size up to which opening visits all pages of a file: within half a second where it is cached.
// Of larger files it visits those that runs share.
const inspectBytes = 256 << 20

// census is what an inspection has counted.
type census struct {
	walk   *walk
	deep   bool
	kept   map[record.RunID]bool
	listed map[record.RunID]int64 // when it started
	twice  bool                   // a run is listed twice
	began  map[record.RunID]int64 // when it started according to its header, where the inspection reads headers
}

func (c *census) add(at site, e *element) {
	switch {
	case at.run != "" && e == nil:
		c.kept[at.run] = true
	case at.run != "" && c.deep && e.key[0] == headerRow:
		if h, err := c.walk.header(e); err == nil {
			c.began[at.run] = h.Info.StartedAt.UnixNano()
		}
	case at.bucket == runsBucket && e != nil:
		p, err := metricsstore.ParsePosition(e.key)
		if err != nil {
			c.walk.fault(at, err, false)
			return
		}
		_, twice := c.listed[p.Run]
		c.twice = c.twice || twice
		c.listed[p.Run] = p.Started
	}
}

// compare reports whether the list of runs is the list of the buckets of runs.
func (c *census) compare() {
	for run := range c.kept {
		if _, ok := c.listed[run]; !ok {
			c.walk.fault(site{}, fmt.Errorf("run %s is kept and not listed", run), false)
		}
	}
	for run, started := range c.listed {
		if !c.kept[run] {
			c.walk.fault(site{}, fmt.Errorf("run %s is listed and missing", run), false)
		}
		if began, ok := c.began[run]; ok && began != started {
			c.walk.fault(site{}, fmt.Errorf("run %s is listed at another moment than it started", run), false)
		}
	}
	if c.twice {
		c.walk.fault(site{}, errors.New("a run is listed twice"), false)
	}
}

// depth says how much an inspection reads.
type depth uint8

const (
	sharedPages depth = iota // pages that do not belong to one run alone
	allPages
	allHeaders // and the header of each run
)

// inspect examines the pages of a file without changing it, and returns what is wrong with them: bbolt would panic on
// it, hide runs, or destroy others. A file that does not exist is not damaged.
func inspect(path string, c *codec, d depth) ([]error, error) {
	f, file, err := openPages(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // the file was only read
	if f.size == 0 {
		return nil, nil
	}
	n := census{kept: map[record.RunID]bool{}, listed: map[record.RunID]int64{}, began: map[record.RunID]int64{}, deep: d == allHeaders}
	if n.walk, err = newWalk(f, c, n.add); err != nil {
		return nil, err
	}
	n.walk.shared = d == sharedPages
	n.walk.run(false)
	n.compare()
	return n.walk.errors(), nil
}

// errors are the faults as errors that name their places.
func (w *walk) errors() []error {
	out := make([]error, len(w.faults))
	for i, f := range w.faults {
		out[i] = fmt.Errorf("%s: %w", f.site, f.err)
	}
	return out
}
