package layout

import (
	"cmp"
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
)

// elements are the boxes of one scope and the edges between them.
type elements struct {
	n       int
	kind    []int32 // function of each task; -1, -2, … for boxes, each with its own number
	edges   []edge  // ordered by from, then to; each once
	in, out rows
}

type edge struct{ from, to int32 }

// rows are lists of numbers, one for each node, in one slice.
type rows struct {
	off  []int32
	list []int32
}

func (r rows) of(n int32) []int32 { return r.list[r.off[n]:r.off[n+1]] }

// elementsOf merges each expansion with its joins. That creates no cycle: all edges into such a box from outside end at
// the expansion, since a join waits for nothing else in its scope.
func elementsOf(s *dag.Scope) *elements {
	boxes := 0
	element := func(n uint32) int32 {
		if s.Kind(n) == dag.JoinNode {
			n = s.JoinExpansion(n)
		}
		return int32(n)
	}
	var edges []edge
	for n := range s.Len() {
		if s.Kind(n) == dag.ExpandNode {
			boxes++
		}
		to := element(n)
		for _, p := range s.Parents(n) {
			if from := element(p); from != to {
				edges = append(edges, edge{from, to})
			}
		}
	}
	kind := make([]int32, int(s.Tasks())+boxes)
	for i := range kind {
		if i < int(s.Tasks()) {
			kind[i] = int32(s.Function(uint32(i)))
		} else {
			kind[i] = int32(int(s.Tasks()) - i - 1)
		}
	}
	return newElements(kind, edges)
}

func newElements(kind []int32, edges []edge) *elements {
	slices.SortFunc(edges, func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
	e := &elements{n: len(kind), kind: kind, edges: slices.Compact(edges)}
	e.out = rowsOf(e.n, len(e.edges), func(i int) (int32, int32) { return e.edges[i].from, e.edges[i].to })
	e.in = rowsOf(e.n, len(e.edges), func(i int) (int32, int32) { return e.edges[i].to, e.edges[i].from })
	return e
}

// rowsOf groups k pairs by their first number, keeping their order.
func rowsOf(n, k int, pair func(i int) (at, value int32)) rows {
	r := rows{off: make([]int32, n+1), list: make([]int32, k)}
	for i := range k {
		at, _ := pair(i)
		r.off[at+1]++
	}
	for i := range n {
		r.off[i+1] += r.off[i]
	}
	next := slices.Clone(r.off)
	for i := range k {
		at, value := pair(i)
		r.list[next[at]] = value
		next[at]++
	}
	return r
}

// topological lists the elements so that each comes after those that it waits for.
func (e *elements) topological() []int32 {
	waits := make([]int32, e.n)
	order := make([]int32, 0, e.n)
	for i := range e.n {
		if waits[i] = e.in.off[i+1] - e.in.off[i]; waits[i] == 0 {
			order = append(order, int32(i))
		}
	}
	for i := 0; i < len(order); i++ {
		for _, to := range e.out.of(order[i]) {
			if waits[to]--; waits[to] == 0 {
				order = append(order, to)
			}
		}
	}
	return order
}

// parts numbers the connected parts of the graph, in the order of their first elements.
func (e *elements) parts() []int32 {
	part := make([]int32, e.n)
	for i := range part {
		part[i] = -1
	}
	var todo []int32
	parts := int32(0)
	for i := range e.n {
		if part[i] >= 0 {
			continue
		}
		part[i] = parts
		todo = append(todo[:0], int32(i))
		for len(todo) > 0 {
			n := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for _, next := range [2][]int32{e.in.of(n), e.out.of(n)} {
				for _, m := range next {
					if part[m] < 0 {
						part[m] = parts
						todo = append(todo, m)
					}
				}
			}
		}
		parts++
	}
	return part
}
