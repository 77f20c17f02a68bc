package ledger_test

import (
	"fmt"
	"hash/maphash"
	"slices"
)

// found is the result of an exploration.
type found struct {
	states, ends int
	cut          bool     // not all states were seen
	trace        []string // the moves that lead to the violation
	violation    error
}

// explorer visits every state that can be reached. Breadth-first, it finds a shortest trace to a violation;
// depth-first, it needs little memory.
type explorer struct {
	seed    maphash.Seed
	seen    map[uint64]uint64 // the state that the first move of progress leads to, 0 if the run is over
	most    int
	breadth bool
	stack   []*visit
	found   found
	buffer  []byte
}

// visit is a state on the way, and how it was reached.
type visit struct {
	w    *world
	from *visit
	by   move
}

func (v *visit) trace() (moves []string) {
	for ; v.from != nil; v = v.from {
		moves = append(moves, v.by.String())
	}
	slices.Reverse(moves)
	return moves
}

// explore visits the states that can be reached from start, at most the given number.
func explore(start *world, most int, breadth bool) found {
	e := explorer{seed: maphash.MakeSeed(), seen: map[uint64]uint64{}, most: most, breadth: breadth}
	e.meet(&visit{w: start})
	for len(e.stack) > 0 && e.found.violation == nil {
		var v *visit
		if breadth {
			v, e.stack = e.stack[0], e.stack[1:]
		} else {
			v, e.stack = e.stack[len(e.stack)-1], e.stack[:len(e.stack)-1]
		}
		e.expand(v)
	}
	e.found.states = len(e.seen)
	if e.found.violation == nil && !e.found.cut {
		e.found.violation = e.ending()
	}
	return e.found
}

// hash identifies a state.
func (e *explorer) hash(w *world) uint64 {
	e.buffer = w.key(e.buffer[:0])
	return maphash.Bytes(e.seed, e.buffer) | 1
}

// meet checks the invariants in a state that is new.
func (e *explorer) meet(v *visit) uint64 {
	h := e.hash(v.w)
	if _, ok := e.seen[h]; ok {
		return h
	}
	if len(e.seen) >= e.most {
		e.found.cut = true
		return h
	}
	e.seen[h] = 0
	if err := v.w.check(); err != nil {
		e.fail(v, err)
		return h
	}
	if v.w.over {
		e.found.ends++
		if !v.w.mayRevise() {
			return h
		}
	}
	e.stack = append(e.stack, v)
	return h
}

func (e *explorer) fail(v *visit, err error) {
	if e.found.violation == nil {
		e.found.violation, e.found.trace = err, v.trace()
	}
}

// expand visits the states that one move leads to.
func (e *explorer) expand(v *visit) {
	here, onward := e.hash(v.w), uint64(0)
	for _, m := range v.w.moves() {
		after := &visit{v.w.clone(), v, m}
		if err := m.do(after.w); err != nil {
			e.fail(after, err)
			return
		}
		h := e.meet(after)
		if m.progress && h != here && onward == 0 {
			onward = h
		}
	}
	if onward == 0 && !v.w.over {
		e.fail(v, fmt.Errorf("the run is stuck"))
	}
	e.seen[here] = onward
	v.w = nil // only the moves are needed for traces
}

// ending checks that from every state the run can end by moves of progress alone.
func (e *explorer) ending() error {
	ends := make(map[uint64]bool, len(e.seen))
	for h := range e.seen {
		var path []uint64
		onPath := map[uint64]bool{}
		for at := h; at != 0 && !ends[at]; at = e.seen[at] {
			if onPath[at] {
				return fmt.Errorf("the run repeats a cycle of %d states", len(path))
			}
			onPath[at] = true
			path = append(path, at)
		}
		for _, at := range path {
			ends[at] = true
		}
	}
	return nil
}
