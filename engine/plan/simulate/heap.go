package simulate

// Kinds of events, in the order in which those of one moment happen: what is ready can be claimed by a lane that
// becomes idle at the same moment.
const (
	nodeReady uint8 = iota
	laneAppears
	attemptEnds
)

// event is something that will happen to the node or lane with that index.
type event struct {
	at    int64
	kind  uint8
	index uint32
}

func (e event) before(o event) bool {
	switch {
	case e.at != o.at:
		return e.at < o.at
	case e.kind != o.kind:
		return e.kind < o.kind
	}
	return e.index < o.index
}

// ordered is something that comes before others of its type, in a strict order.
type ordered[T any] interface{ before(T) bool }

// heapOf is a heap of four children a node, which are next to each other in memory: half as deep as a binary one, see
// LaMarca and Ladner, The influence of caches on the performance of heaps (1996). container/heap would allocate for
// each element.
type heapOf[T ordered[T]] struct{ items []T }

type heap = heapOf[event]

func (h *heapOf[T]) len() int { return len(h.items) }
func (h *heapOf[T]) reset()   { h.items = h.items[:0] }

func (h *heapOf[T]) push(x T) {
	h.items = append(h.items, x)
	i := len(h.items) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !x.before(h.items[up]) {
			break
		}
		h.items[i] = h.items[up]
		i = up
	}
	h.items[i] = x
}

func (h *heapOf[T]) pop() T {
	top := h.items[0]
	last := len(h.items) - 1
	x := h.items[last]
	h.items = h.items[:last]
	if last == 0 {
		return top
	}
	i := 0
	for {
		child := 4*i + 1
		if child >= last {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, last); c++ {
			if h.items[c].before(h.items[least]) {
				least = c
			}
		}
		if !h.items[least].before(x) {
			break
		}
		h.items[i] = h.items[least]
		i = least
	}
	h.items[i] = x
	return top
}
