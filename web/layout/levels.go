package layout

import "slices"

// mostBends bounds the bends of a scope, and thereby time, memory and the size of the response.
const mostBends = 200_000

// levels is a graph whose edges connect neighbouring columns only: elements first, then the bends of longer edges.
type levels struct {
	elements    int
	column      []int32   // by node
	part        []int32   // by node: the connected part of the graph that it belongs to
	firstBend   []int32   // by edge; -1 if it has no bend
	left, right rows      // neighbours in the column before and after
	columns     [][]int32 // nodes from top to bottom
	pos         []int32   // by node: position in its column
}

// newLevels adds bends to edges. If more than most bends would be needed, the longest edges get none and are left out.
func newLevels(e *elements, column []int32, most int) *levels {
	longest := longestBent(e, column, most)
	lv := &levels{elements: e.n, column: slices.Clone(column), part: e.parts(), firstBend: make([]int32, len(e.edges))}
	links := make([]edge, 0, len(e.edges))
	for i, x := range e.edges {
		lv.firstBend[i] = -1
		span := column[x.to] - column[x.from]
		if span > longest {
			continue
		}
		at := x.from
		for c := column[x.from] + 1; c < column[x.to]; c++ {
			bend := int32(len(lv.column))
			if at == x.from {
				lv.firstBend[i] = bend
			}
			lv.column, lv.part = append(lv.column, c), append(lv.part, lv.part[x.from])
			links = append(links, edge{at, bend})
			at = bend
		}
		links = append(links, edge{at, x.to})
	}
	n := len(lv.column)
	lv.right = rowsOf(n, len(links), func(i int) (int32, int32) { return links[i].from, links[i].to })
	lv.left = rowsOf(n, len(links), func(i int) (int32, int32) { return links[i].to, links[i].from })
	lv.pos = make([]int32, n)
	for _, c := range lv.column {
		for int(c) >= len(lv.columns) {
			lv.columns = append(lv.columns, nil)
		}
	}
	return lv
}

// longestBent is the span of the longest edges that get bends, so that there are at most most bends in total.
func longestBent(e *elements, column []int32, most int) int32 {
	longest := int32(1)
	for _, x := range e.edges {
		longest = max(longest, column[x.to]-column[x.from])
	}
	count := make([]int, longest+1) // number of edges by span
	for _, x := range e.edges {
		count[column[x.to]-column[x.from]]++
	}
	bends := 0
	for span := int32(2); span <= longest; span++ {
		if bends += count[span] * int(span-1); bends > most {
			return span - 1
		}
	}
	return longest
}

// isBend reports whether a node is a bend of an edge and not an element.
func (lv *levels) isBend(n int32) bool { return int(n) >= lv.elements }

// number updates the positions of the nodes of a column from their order.
func (lv *levels) number(c int) {
	for i, n := range lv.columns[c] {
		lv.pos[n] = int32(i)
	}
}

// isSole reports whether two adjacent nodes have no other neighbours on the sides that face each other: a piece of a
// chain.
func (lv *levels) isSole(from, to int32) bool {
	return len(lv.right.of(from)) == 1 && len(lv.left.of(to)) == 1
}
