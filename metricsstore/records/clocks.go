package records

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// maxSkew is the largest difference of clocks that is corrected. Workers of Dask were seen to differ by 0.4 s; beyond a
// few seconds a child that starts before its parent ends says more about the edge than about the clocks.
const maxSkew = int64(3 * time.Second)

// between is a pair of workers: parents ran on the first, children on the second.
type between struct{ from, to int32 }

// align corrects the clocks of workers: where tasks start before parents on other workers have ended, the moments of
// the later worker are moved, all by the same time, by the least that lets every edge lead forward. Durations stay.
// Nothing is moved if no such times exist or if one would exceed maxSkew.
func (c *compiler) align() {
	lacks, violated := c.lacks()
	if !violated {
		return
	}
	shift := shifts(lacks, len(c.run.Workers))
	moved, most := 0, int64(0)
	for _, d := range shift { // none if the clocks contradict each other
		if d > 0 {
			moved++
		}
		most = max(most, d)
	}
	if most == 0 {
		return
	}
	for i := range c.stretches {
		if s := &c.stretches[i]; s.placed && s.worker != None {
			s.shift(shift[s.worker])
		}
	}
	c.notes.Add(record.NoteRepaired, int64(moved), fmt.Sprintf(
		"workers have clocks that are late, so all that ran on them was moved, by up to %s", time.Duration(most)))
}

// maxRelaxed bounds the work of shifts: pairs of workers times rounds. Chains of workers that need more have clocks
// that drift.
const maxRelaxed = 1 << 24

// shifts returns by how much the clock of each worker is late, the least that makes up for all lacks; nil if there are
// no such times, if one is above maxSkew, or if it would take too long to find them.
func shifts(lacks map[between]int64, workers int) []int64 {
	pairs := slices.SortedFunc(maps.Keys(lacks), func(a, b between) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
	shift := make([]int64, workers)
	for round := 0; round <= workers && round*len(pairs) <= maxRelaxed; round++ {
		changed := false
		for _, pair := range pairs {
			if moved := shift[pair.from] + lacks[pair]; moved > shift[pair.to] {
				if moved > maxSkew {
					return nil
				}
				shift[pair.to], changed = moved, true
			}
		}
		if !changed {
			return shift
		}
	}
	return nil
}

// lacks returns, for each pair of workers, by how much the second one's clock must at least be ahead of the first one's
// so that no edge between them leads back. Edges that lead back by more than maxSkew do not count.
func (c *compiler) lacks() (lacks map[between]int64, violated bool) {
	lacks = map[between]int64{}
	for _, t := range c.sorted {
		child := c.stretchesOf(t)
		if len(child) == 0 || !child[0].placed || child[0].worker == None {
			continue
		}
		for _, p := range c.parents[t] {
			parent := c.stretchesOf(p)
			if len(parent) == 0 {
				continue
			}
			last := &parent[len(parent)-1]
			if !last.placed || last.open || last.worker == None || last.worker == child[0].worker {
				continue
			}
			lack := last.ended - child[0].claimed
			if lack > maxSkew {
				continue
			}
			violated = violated || lack > 0
			pair := between{last.worker, child[0].worker}
			if old, known := lacks[pair]; !known || lack > old {
				lacks[pair] = lack
			}
		}
	}
	return lacks, violated
}
