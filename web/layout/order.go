package layout

import (
	"cmp"
	"slices"
)

// Bounds of the effort spent on orders: a round visits every link a few times, which takes about 0.2 µs a link.
const (
	orderBudget = 1_000_000 // links and nodes visited for each start, in all rounds
	mostRounds  = 40
	leastRounds = 3
	patience    = 8      // rounds without fewer crossings after which a start is abandoned
	smallOrder  = 5_000  // links and nodes up to which every start is tried; above it, only the first
	exchanges   = 4      // passes of exchanges in a round
	lastPasses  = 20     // passes after the last round
	mostShakes  = 64     // how often the best order is disturbed and improved again
	shakeBudget = 40_000 // links and nodes visited, in all shakes
)

// disturbances are how far nodes move in a shake, as shares of a column. They reduce the crossings of recorded
// workflows by a third; some need small shares and some large ones.
var disturbances = [4]float64{0.05, 0.1, 0.2, 0.4}

// order arranges the nodes of each column so that few links cross: it keeps the best order that sweeps from several
// starts find. The first start is by number, and only an order with strictly fewer crossings replaces it, so a graph
// that was built in a good order is drawn in that order.
func order(lv *levels) {
	s := newSweeper(lv)
	size := len(lv.column) + len(lv.right.list)
	rounds := min(mostRounds, max(leastRounds, orderBudget/max(1, size)))
	starts := []struct {
		fill      func()
		rightward bool
	}{{s.byNumber, true}, {s.byNumber, false}, {s.byDepth, true}, {s.byDepth, false}}
	if size > smallOrder {
		starts = starts[:1]
	}
	for _, start := range starts {
		if s.fewest == 0 {
			break
		}
		start.fill()
		s.improve(rounds, start.rightward)
	}
	for i := range min(mostShakes, shakeBudget/max(1, size)) {
		if s.fewest == 0 {
			break
		}
		s.shake(disturbances[i%len(disturbances)])
		s.improve(rounds, i&1 == 0)
	}
	s.restore()
	if s.fewest > 0 {
		s.exchange(lastPasses, false)
	}
}

// byNumber fills the columns part by part, by number.
func (s *sweeper) byNumber() {
	for c := range s.columns {
		s.columns[c] = s.columns[c][:0]
	}
	for n, c := range s.column {
		s.columns[c] = append(s.columns[c], int32(n))
	}
	for c, nodes := range s.columns {
		slices.SortStableFunc(nodes, func(a, b int32) int { return cmp.Compare(s.part[a], s.part[b]) })
		s.number(c)
	}
}

// byDepth fills the columns in the order of a depth-first search from the sources.
func (s *sweeper) byDepth() {
	var todo []int32
	for n := len(s.column) - 1; n >= 0; n-- {
		if len(s.left.of(int32(n))) == 0 {
			todo = append(todo, int32(n))
		}
	}
	slices.SortStableFunc(todo, func(a, b int32) int { return cmp.Compare(s.part[b], s.part[a]) })
	for c := range s.columns {
		s.columns[c] = s.columns[c][:0]
	}
	seen := make([]bool, len(s.column))
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		s.columns[s.column[n]] = append(s.columns[s.column[n]], n)
		next := s.right.of(n)
		for i := len(next) - 1; i >= 0; i-- {
			todo = append(todo, next[i])
		}
	}
	for c := range s.columns {
		s.number(c)
	}
}

// shake starts from the best order so far, disturbed: each node moves down by up to a share of its column.
func (s *sweeper) shake(share float64) {
	s.restore()
	for c, nodes := range s.columns {
		for i, n := range nodes {
			s.key[n] = float64(i) + float64(share*float64(len(nodes))*s.chance())
		}
		slices.SortFunc(nodes, func(a, b int32) int {
			return cmp.Or(cmp.Compare(s.part[a], s.part[b]), cmp.Compare(s.key[a], s.key[b]), cmp.Compare(s.pos[a], s.pos[b]))
		})
		s.number(c)
	}
}

// chance returns a number in [0, 1); the sequence is the same for each graph: Marsaglia's xorshift ("Xorshift RNGs",
// Journal of Statistical Software 8(14), 2003), written out so that layouts do not depend on the version of a library.
func (s *sweeper) chance() float64 {
	s.random ^= s.random << 13
	s.random ^= s.random >> 7
	s.random ^= s.random << 17
	return float64(s.random>>11) / (1 << 53)
}

// improve sweeps in both directions and keeps the best order. Ties are broken the other way round in every other pair of
// rounds, which avoids some local optima.
func (s *sweeper) improve(rounds int, rightward bool) {
	idle := 0
	for round := 0; round < rounds && idle < patience && s.fewest != 0; round++ {
		flip := round&2 != 0
		s.sweep(rightward, flip)
		s.exchange(exchanges, flip)
		rightward = !rightward
		if s.keep() {
			idle = 0
		} else {
			idle++
		}
	}
}

// keep saves the order if it has fewer crossings than the best so far.
func (s *sweeper) keep() bool {
	n := s.crossings()
	if s.fewest >= 0 && n >= s.fewest {
		return false
	}
	s.fewest = n
	for c, nodes := range s.columns {
		s.best[c] = append(s.best[c][:0], nodes...)
	}
	return true
}

func (s *sweeper) restore() {
	for c := range s.columns {
		copy(s.columns[c], s.best[c])
		s.number(c)
	}
}

// sweep sorts column after column by the means of the neighbours' positions in the column that was sorted before.
func (s *sweeper) sweep(rightward, flip bool) {
	for i := 1; i < len(s.columns); i++ {
		if rightward {
			s.sort(i, s.left, flip)
		} else {
			s.sort(len(s.columns)-1-i, s.right, flip)
		}
	}
}

// sort leaves nodes without neighbours where they are and sorts the others into the remaining places. Parts that no
// edge connects stay in their order.
func (s *sweeper) sort(c int, neighbours rows, flip bool) {
	nodes := s.columns[c]
	s.movable, s.slots = s.movable[:0], s.slots[:0]
	for i, n := range nodes {
		fixed := neighbours.of(n)
		if len(fixed) == 0 {
			continue
		}
		sum := 0
		for _, m := range fixed {
			sum += int(s.pos[m])
		}
		s.key[n] = float64(sum) / float64(len(fixed))
		s.movable, s.slots = append(s.movable, n), append(s.slots, i)
	}
	slices.SortFunc(s.movable, func(a, b int32) int {
		if s.part[a] != s.part[b] {
			return cmp.Compare(s.part[a], s.part[b])
		}
		if k := cmp.Compare(s.key[a], s.key[b]); k != 0 {
			return k
		}
		if flip {
			a, b = b, a
		}
		return cmp.Compare(s.pos[a], s.pos[b])
	})
	for i, slot := range s.slots {
		nodes[slot] = s.movable[i]
	}
	s.number(c)
}
