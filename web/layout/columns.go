package layout

import (
	"cmp"
	"slices"
)

// columnsOf assigns each element its column: the length of the longest path to it, then pulled right.
func columnsOf(e *elements) []int32 {
	column := make([]int32, e.n)
	for _, n := range e.topological() {
		for _, to := range e.out.of(n) {
			column[to] = max(column[to], column[n]+1)
		}
	}
	pullRight(e, column)
	return column
}

// group holds the elements of one kind in one column of longest paths. They move together, so that the tasks of a
// function that were in one column stay together, and no column loses its meaning only to make an edge shorter.
type group struct {
	kind, column int32
	members      []int32
	gain         int   // edges that get shorter minus those that get longer when it moves right
	follows      int32 // the group that contains all readers; none, or several
}

const (
	none    = -1
	several = -2
)

// pullRight moves groups as far right as their readers allow, if that makes edges shorter on balance. A group that only
// one other group reads moves with it. Elements of a longest path have no room, so no column becomes empty.
func pullRight(e *elements, column []int32) {
	groups, groupOf := groupsOf(e, column)
	for i := range groups { // from left to right, so that the gain of a group is complete when its own turn comes
		g := &groups[i]
		for _, n := range g.members {
			g.gain += len(e.out.of(n)) - len(e.in.of(n))
			for _, to := range e.out.of(n) {
				switch other := groupOf[to]; g.follows {
				case none:
					g.follows = other
				case other, several:
				default:
					g.follows = several
				}
			}
		}
		if g.follows >= 0 && g.gain > 0 {
			groups[g.follows].gain += g.gain
		}
	}
	for i := len(groups) - 1; i >= 0; i-- {
		g := &groups[i]
		if g.gain <= 0 {
			continue
		}
		to := int32(1 << 30)
		for _, n := range g.members {
			readers := e.out.of(n)
			if len(readers) == 0 {
				to = g.column
			}
			for _, r := range readers {
				to = min(to, column[r]-1)
			}
		}
		for _, n := range g.members {
			column[n] = max(g.column, to)
		}
	}
}

// groupsOf lists the groups by column, then kind, and returns the index of the group of each element.
func groupsOf(e *elements, column []int32) ([]group, []int32) {
	sorted := make([]int32, e.n)
	for i := range sorted {
		sorted[i] = int32(i)
	}
	slices.SortFunc(sorted, func(a, b int32) int {
		return cmp.Or(cmp.Compare(column[a], column[b]), cmp.Compare(e.kind[a], e.kind[b]), cmp.Compare(a, b))
	})
	var groups []group
	groupOf := make([]int32, e.n)
	for i, n := range sorted {
		if k := len(groups) - 1; k < 0 || groups[k].kind != e.kind[n] || groups[k].column != column[n] {
			groups = append(groups, group{kind: e.kind[n], column: column[n], members: sorted[i:i], follows: none})
		}
		k := len(groups) - 1
		groups[k].members = groups[k].members[:len(groups[k].members)+1]
		groupOf[n] = int32(k)
	}
	return groups, groupOf
}
