package runtable

import (
	"cmp"
	"slices"
)

// change says that a row changed in a step.
type change struct {
	seq uint64
	row uint32
}

// changes finds the rows that changed after a step without reading all rows: a list of changes in the order of the log,
// of which only the last one of each row counts. Superseded changes are removed before the list has more than twice as
// many entries as the table has rows.
type changes struct {
	last []uint64 // for each row, the last step that changed it
	list []change
}

// changesLeft is how many changes are kept even if there are fewer rows.
const changesLeft = 1024

// note adds a change, in the order of steps.
func (c *changes) note(row int, seq uint64) {
	if row < len(c.last) && c.last[row] == seq {
		return
	}
	if row == len(c.last) {
		c.last = append(c.last, 0)
	}
	c.last[row] = seq
	c.list = append(c.list, change{seq, uint32(row)})
}

// compact removes superseded changes once they are the greater part.
func (c *changes) compact(rows int) {
	if len(c.list) > 2*rows+changesLeft {
		c.list = slices.DeleteFunc(c.list, func(ch change) bool { return c.last[ch.row] != ch.seq })
	}
}

// after appends, ascending, the rows from first on that changed after a step: at least limit of them, unless fewer
// changed. dst must be empty.
func (c *changes) after(dst []uint32, seq uint64, first, limit int) []uint32 {
	from, _ := slices.BinarySearchFunc(c.list, seq, func(ch change, seq uint64) int {
		if ch.seq <= seq {
			return -1
		}
		return cmp.Compare(ch.seq, seq)
	})
	if len(c.list)-from > len(c.last)-first { // reading the rows costs less
		for row := first; row < len(c.last) && len(dst) < limit; row++ {
			if c.last[row] > seq {
				dst = append(dst, uint32(row))
			}
		}
		return dst
	}
	start := len(dst)
	for _, ch := range c.list[from:] {
		if c.last[ch.row] == ch.seq && int(ch.row) >= first {
			dst = append(dst, ch.row)
		}
	}
	slices.Sort(dst[start:])
	return dst
}
