package runtable

import (
	"errors"
	"fmt"

	"github.com/dagscope/dagscope/engine/dag"
)

// ErrGap says that a frame does not continue what a copy has: the client has to request a new snapshot.
var ErrGap = errors.New("runtable: frame does not follow")

// Copy is a client's copy of a table, made from frames. The zero value is empty. Not safe for concurrent use.
type Copy struct {
	View
	now      int64
	expanded map[dag.NodeID]struct{}
}

// Now is the run's clock when the last frame was sent.
func (c *Copy) Now() int64 { return c.now }

// Apply applies a frame. The error is ErrGap, and nothing has changed, if the frame does not follow the last one or
// has rows beyond those that the copy has and the frame adds.
func (c *Copy) Apply(f Frame) error {
	if f.Snapshot {
		*c = Copy{}
	}
	if f.From != c.seq {
		return fmt.Errorf("%w: it continues from step %d, the copy is at %d", ErrGap, f.From, c.seq)
	}
	known := len(c.rows)
	for _, i := range f.Numbers {
		if int(i) > known {
			return fmt.Errorf("%w: row %d of %d", ErrGap, i, known)
		}
		known = max(known, int(i)+1)
	}
	c.seq, c.tasks, c.now, c.ended = f.To, f.Tasks, f.Now, f.Complete
	for _, m := range f.Marks {
		c.addMark(m)
	}
	for _, e := range f.Expansions {
		c.expand(e)
	}
	for k, i := range f.Numbers {
		if int(i) == len(c.rows) {
			c.add(f.Rows[k])
		} else {
			c.rows[i] = f.Rows[k] // the node of a row never changes
		}
		c.end = max(c.end, f.Rows[k].latest())
	}
	if c.ended {
		c.end = f.Now
	}
	return nil
}

func (c *Copy) expand(e Expansion) {
	if _, again := c.expanded[e.Node]; again {
		return
	}
	if c.expanded == nil {
		c.expanded = map[dag.NodeID]struct{}{}
	}
	c.expanded[e.Node] = struct{}{}
	c.expansions = append(c.expansions, e)
}
