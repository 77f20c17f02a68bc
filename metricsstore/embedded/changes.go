package embedded

import (
	"sync"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// changes tells who waits for a run that more of it can be read, and counts, so that guests can ask what has changed since
// they asked last. Safe for concurrent use.
type changes struct {
	metricsstore.Changes

	mu    sync.Mutex
	count uint64                  // of changes
	last  map[engine.RunID]uint64 // the last change of each run
}

func newChanges() *changes { return &changes{last: map[engine.RunID]uint64{}} }

// Tell counts a change before it tells of it.
func (c *changes) Tell(run engine.RunID) {
	c.mu.Lock()
	c.count++
	c.last[run] = c.count
	c.mu.Unlock()
	c.Changes.Tell(run)
}

// since lists the runs that have changed after what was seen.
func (c *changes) since(seen map[engine.RunID]uint64) []engine.RunID {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []engine.RunID
	for run, n := range seen {
		if c.last[run] > n {
			out = append(out, run)
		}
	}
	return out
}

// counted is how many changes there were.
func (c *changes) counted() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}
