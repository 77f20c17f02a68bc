package live

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"sync"

	"github.com/dagscope/dagscope/engine/record"
)

// maxBoard bounds how many runs a board remembers.
const maxBoard = 4096

// board contains the latest summaries of the runs that change, for clients that watch the list of runs. Safe for
// concurrent use.
type board struct {
	mu       sync.Mutex
	version  uint64 // guarded by mu, like all fields below; incremented with each changed summary
	latest   map[record.RunID]posted
	watchers map[chan<- struct{}]int // by wake channel of a client: how many subscriptions it has
}

// posted is a summary, and the version in which it last changed.
type posted struct {
	version uint64
	summary json.RawMessage
}

func newBoard() *board {
	return &board{latest: map[record.RunID]posted{}, watchers: map[chan<- struct{}]int{}}
}

// watch adds a client, which is woken by a send to wake.
func (b *board) watch(wake chan<- struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watchers[wake]++
}

// leave removes a client. When the last one has left, the board is emptied.
func (b *board) leave(wake chan<- struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.watchers[wake]--; b.watchers[wake] == 0 {
		delete(b.watchers, wake)
	}
	if len(b.watchers) == 0 {
		clear(b.latest)
	}
}

func (b *board) watched() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.watchers) > 0
}

// post stores summaries, and wakes all clients if one differs from the stored one.
func (b *board) post(summaries []json.RawMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.version
	for _, s := range summaries {
		var head struct {
			Run record.RunID `json:"run"`
		}
		if json.Unmarshal(s, &head) != nil || bytes.Equal(b.latest[head.Run].summary, s) {
			continue
		}
		b.version++
		b.latest[head.Run] = posted{b.version, s}
	}
	if b.version == before {
		return
	}
	for run, p := range b.latest {
		if p.version+maxBoard <= b.version {
			delete(b.latest, run)
		}
	}
	for wake := range b.watchers {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// since returns what changed after a version, oldest first, and the current version.
func (b *board) since(version uint64) ([]json.RawMessage, uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if version == b.version {
		return nil, version
	}
	var changed []posted
	for _, p := range b.latest {
		if p.version > version {
			changed = append(changed, p)
		}
	}
	slices.SortFunc(changed, func(a, c posted) int { return cmp.Compare(a.version, c.version) })
	out := make([]json.RawMessage, len(changed))
	for i, p := range changed {
		out[i] = p.summary
	}
	return out, b.version
}
