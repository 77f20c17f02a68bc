package records

import (
	"fmt"
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
	shift := make([]int64, len(c.run.Workers))
	for round := 0; ; round++ {
		changed := false
		for pair, lack := range lacks {
			if moved := shift[pair.from] + lack; moved > shift[pair.to] {
				shift[pair.to], changed = moved, true
			}
		}
		if !changed {
			break
		}
		if round > len(shift) {
			return // clocks that drift, or edges that are wrong
		}
	}
	moved, most := 0, int64(0)
	for _, d := range shift {
		if d > 0 {
			moved++
		}
		most = max(most, d)
	}
	if most == 0 || most > maxSkew {
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
