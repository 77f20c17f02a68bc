package api

import (
	"container/list"
	"sync"
)

// recent is a cache of the most recently used entries. Safe for concurrent use.
type recent[K comparable, V any] struct {
	limit int

	mu      sync.Mutex // guards both below
	entries map[K]*list.Element
	order   *list.List // of entry, most recently used first
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](limit int) *recent[K, V] {
	return &recent[K, V]{limit: limit, entries: map[K]*list.Element{}, order: list.New()}
}

func (r *recent[K, V]) get(key K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.entries[key]
	if !ok {
		var zero V
		return zero, false
	}
	r.order.MoveToFront(e)
	return e.Value.(entry[K, V]).value, true
}

func (r *recent[K, V]) put(key K, value V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.entries[key]; ok {
		e.Value = entry[K, V]{key, value}
		r.order.MoveToFront(e)
		return
	}
	r.entries[key] = r.order.PushFront(entry[K, V]{key, value})
	if r.order.Len() > r.limit {
		oldest := r.order.Back()
		delete(r.entries, oldest.Value.(entry[K, V]).key)
		r.order.Remove(oldest)
	}
}

func (r *recent[K, V]) remove(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.entries[key]; ok {
		r.order.Remove(e)
		delete(r.entries, key)
	}
}
