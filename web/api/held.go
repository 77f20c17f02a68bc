package api

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"github.com/dagscope/dagscope/metricsstore/importer"
)

// Bounds of the files of dry runs that are held: on disk, so that previews of large files cost no memory.
const (
	heldFor      = 15 * time.Minute
	maxHeld      = 16
	maxHeldBytes = 4 << 30 // as much as one import may have
)

// heldDrops holds the files of dry runs, so that they need not be sent again to be imported. The oldest ones make room
// for new ones. Safe for concurrent use.
type heldDrops struct {
	maxBytes int64 // of all together

	mu     sync.Mutex  // guards both below
	drops  []*heldDrop // oldest first
	closed bool
}

// heldDrop is a drop that is held, used by requests, or both. It is closed once it is neither.
type heldDrop struct {
	drop   *importer.Drop
	files  heldFiles
	isHeld bool
	users  int
	timer  *time.Timer
}

// heldFiles refers to the files of a dry run.
type heldFiles struct {
	ID    string    `json:"id" doc:"The parameter held of the import."`
	Until time.Time `json:"until" doc:"When they are released, at the latest. Other dry runs may have them released before."`
}

// own makes a drop of a request's own, which is its user until it calls release.
func (h *heldDrops) own(drop *importer.Drop) *heldDrop { return &heldDrop{drop: drop, users: 1} }

// borrow returns a drop that is held and makes the caller a user of it until it calls release; nil if it is not held.
func (h *heldDrops) borrow(id string) *heldDrop {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.find(id)
	if d != nil {
		d.users++
	}
	return d
}

func (h *heldDrops) release(d *heldDrop) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d.users--
	d.settle()
}

// hold keeps a drop for some minutes, unless it is held already. It returns nil for one that is too large.
func (h *heldDrops) hold(d *heldDrop) *heldFiles {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d.isHeld {
		return new(d.files)
	}
	bytes := d.drop.Spooled()
	if h.closed || bytes > h.maxBytes {
		return nil
	}
	for _, other := range h.drops {
		bytes += other.drop.Spooled()
	}
	for len(h.drops) >= maxHeld || bytes > h.maxBytes {
		bytes -= h.drops[0].drop.Spooled()
		h.remove(h.drops[0])
	}
	id := rand.Text()
	d.isHeld, d.files = true, heldFiles{ID: id, Until: time.Now().Add(heldFor).UTC()}
	d.timer = time.AfterFunc(heldFor, func() { h.discard(id) })
	h.drops = append(h.drops, d)
	return new(d.files)
}

// discard releases a drop. It reports whether it was held.
func (h *heldDrops) discard(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.find(id)
	if d != nil {
		h.remove(d)
	}
	return d != nil
}

// close releases all, and holds no more.
func (h *heldDrops) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for len(h.drops) > 0 {
		h.remove(h.drops[0])
	}
}

// find returns a drop that is held, or nil. The caller holds mu, as for all below.
func (h *heldDrops) find(id string) *heldDrop {
	for _, d := range h.drops {
		if d.files.ID == id {
			return d
		}
	}
	return nil
}

func (h *heldDrops) remove(d *heldDrop) {
	h.drops = slices.DeleteFunc(h.drops, func(other *heldDrop) bool { return other == d })
	d.timer.Stop()
	d.isHeld = false
	d.settle()
}

func (d *heldDrop) settle() {
	if !d.isHeld && d.users == 0 {
		_ = d.drop.Close() // temporary files
	}
}
