package layout

import (
	"cmp"
	"math"
	"slices"
)

// shortestPiece is the fewest nodes that are made straight if there is no room for a whole run: shorter pieces would
// turn a slope into stairs.
const shortestPiece = 3

// straighten moves runs of bends, and chains, to one height if there is room. It works from the top down and from the
// bottom up, so that of parallel long edges the outer ones make room for the inner ones, and then makes pieces of the
// remaining runs straight, the longest first.
func straighten(lv *levels, extent, y []int32) {
	runs := lv.runs()
	height := func(run []int32) int {
		sum := 0
		for _, n := range run {
			sum += int(y[n])
		}
		return sum / len(run)
	}
	for range 2 {
		slices.SortStableFunc(runs, func(a, b []int32) int { return cmp.Compare(height(a), height(b)) })
		for _, run := range runs {
			lv.level(run, len(run), extent, y)
		}
		for i := len(runs) - 1; i >= 0; i-- {
			lv.level(runs[i], len(runs[i]), extent, y)
		}
	}
	slices.SortStableFunc(runs, func(a, b []int32) int { return cmp.Compare(len(b), len(a)) })
	for _, run := range runs {
		for len(run) >= shortestPiece {
			run = run[lv.level(run, shortestPiece, extent, y):]
		}
	}
}

// runs lists the longest sequences, of two nodes or more, in which consecutive nodes have no other neighbours between
// them: only the first node may have other neighbours before it, and the last one after it.
func (lv *levels) runs() [][]int32 {
	var runs [][]int32
	list := make([]int32, 0, len(lv.column)) // space for all runs, since no node is in two
	for n := range int32(len(lv.column)) {
		if before := lv.left.of(n); len(before) == 1 && lv.isSole(before[0], n) {
			continue // not the first of its run
		}
		start := len(list)
		list = append(list, n)
		for at := n; len(lv.right.of(at)) == 1 && lv.isSole(at, lv.right.of(at)[0]); {
			at = lv.right.of(at)[0]
			list = append(list, at)
		}
		if len(list)-start < 2 {
			list = list[:start]
			continue
		}
		runs = append(runs, list[start:len(list):len(list)])
	}
	return runs
}

// level finds how many nodes from the start of a run could have one height, between what is above and below them. If
// there are enough, it moves them there, as close to their mean as possible.
func (lv *levels) level(run []int32, enough int, extent, y []int32) int {
	lo, hi, sum := int32(math.MinInt32), int32(math.MaxInt32), 0
	k := 0
	for _, n := range run {
		above, below := lv.room(n, extent, y)
		if max(lo, above) > min(hi, below) {
			break
		}
		lo, hi = max(lo, above), min(hi, below)
		sum += int(y[n])
		k++
	}
	if k < enough {
		return k
	}
	at := max(lo, min(hi, int32(math.Round(float64(sum)/float64(k)))))
	for _, n := range run[:k] {
		y[n] = at
	}
	return k
}

// room returns the range of heights that a node can have while the nodes above and below it stay.
func (lv *levels) room(n int32, extent, y []int32) (lo, hi int32) {
	lo, hi = math.MinInt32, math.MaxInt32
	nodes, i := lv.columns[lv.column[n]], lv.pos[n]
	if i > 0 {
		lo = y[nodes[i-1]] + (extent[nodes[i-1]]+extent[n])/2
	}
	if int(i)+1 < len(nodes) {
		hi = y[nodes[i+1]] - (extent[nodes[i+1]]+extent[n])/2
	}
	return lo, hi
}
