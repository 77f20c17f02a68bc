package api

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// Bounds of the keys that are kept.
const (
	keyAge  = 24 * time.Hour
	maxKeys = 10_000
	// keptBytes is how many bytes of a hash are kept, enough that no two keys in a day collide.
	keptBytes = 16
)

// idempotency makes repeated submissions with the same key return the same run. Safe for concurrent use.
type idempotency struct {
	now func() time.Time

	mu    sync.Mutex // guards both below
	keys  map[string]*list.Element
	order *list.List // of *keyed, oldest first
}

// keyed is a submission under a key. Run is valid once done is closed, and empty if the submission failed.
type keyed struct {
	key  string
	sum  [sha256.Size]byte
	at   time.Time
	done chan struct{}
	run  record.RunID
}

func newIdempotency(now func() time.Time) *idempotency {
	return &idempotency{now: now, keys: map[string]*list.Element{}, order: list.New()}
}

// submit calls f unless the key already has a run; it waits for another active submission with the key. A key whose
// submission failed is free again.
func (i *idempotency) submit(ctx context.Context, key string, sum [sha256.Size]byte, f func() (record.RunID, error)) (run record.RunID, err error) {
	if key == "" {
		return f()
	}
	for {
		k, mine := i.take(key, sum)
		if mine {
			defer func() { i.settle(k, run) }() // also when f panics
			return f()
		}
		if k.sum != sum {
			return "", errKeyUsed()
		}
		select {
		case <-k.done:
		case <-ctx.Done():
			return "", ctx.Err()
		}
		if k.run != "" {
			return k.run, nil
		}
	}
}

func errKeyUsed() error {
	return NewProblem(http.StatusUnprocessableEntity, "the Idempotency-Key was used with another request; use a new one")
}

// keptKey is the form in which a key and the sum of its submission are stored with the run, see engine.RunOptions.Key. It
// holds hashes, since clients may use secrets as keys.
func keptKey(key string, sum [sha256.Size]byte) string {
	named := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(named[:keptBytes]) + "." + base64.RawURLEncoding.EncodeToString(sum[:keptBytes])
}

// keyName is the part of a kept key that stands for the key.
func keyName(kept string) string {
	name, _, _ := strings.Cut(kept, ".")
	return name
}

// take returns the entry of a key; mine is true if the call has created it and must settle it.
func (i *idempotency) take(key string, sum [sha256.Size]byte) (k *keyed, mine bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now()
	for e := i.order.Front(); e != nil; e = i.order.Front() {
		if oldest := e.Value.(*keyed); now.Sub(oldest.at) < keyAge && i.order.Len() <= maxKeys {
			break
		}
		i.drop(e)
	}
	if e := i.keys[key]; e != nil {
		return e.Value.(*keyed), false
	}
	k = &keyed{key: key, sum: sum, at: now, done: make(chan struct{})}
	i.keys[key] = i.order.PushBack(k)
	return k, true
}

func (i *idempotency) settle(k *keyed, run record.RunID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	k.run = run
	if e := i.keys[k.key]; run == "" && e != nil && e.Value.(*keyed) == k {
		i.drop(e)
	}
	close(k.done)
}

func (i *idempotency) drop(e *list.Element) {
	i.order.Remove(e)
	delete(i.keys, e.Value.(*keyed).key)
}
