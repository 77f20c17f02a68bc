package member

import (
	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
)

// stage is where an output is, apart from this process's memory.
type stage uint8

const (
	held   stage = iota // nowhere else
	moving              // being encoded and put under a key
	packed              // encoded, for the next commit: inline, or as the key under which it was put
	stored              // the store has it
)

// Value is an output in this process's memory, which a task has returned here or which was fetched. Node, Data, Bytes and
// Inline never change.
type Value struct {
	Node  dag.NodeID
	Data  any
	Bytes int64 // as the task's lane has measured it; UnknownSize where that takes encoding it
	// Inline: it was fetched without a key.
	Inline bool
	// Encoded is the value to be stored, until it is; Key the one under which it was put, Size the number of encoded bytes.
	Encoded []byte
	Key     string
	Size    int64

	stage stage
	must  bool  // it has to be stored, whichever session reads it
	putAt int64 // when it was put, on the run's clock
	// left is how many children may still read it here; a held output is dropped at 0.
	left int32
	// line is the tasks to repeat if it were lost.
	line line
	// until is when a delayed output is handed over after all, 0 if it is not delayed.
	until int64
	soon  bool // the other inputs of its readers are computed here
	// older and newer link the outputs that can be evicted.
	older, newer *Value
	listed       bool
}

// Fetched makes the value of a stored output.
func Fetched(id dag.NodeID, data any, size int, inline bool) *Value {
	return &Value{Node: id, Data: data, Bytes: codec.UnknownSize, Size: int64(size), Inline: inline, stage: stored, must: true}
}

// isDelayed reports whether readers that have not executed yet wait for the output to be handed over.
func (o *Value) isDelayed() bool { return o.until != 0 && o.left > 0 }

// line is a chain of tasks whose outputs only this process has.
type line struct {
	tasks int
	ns    int64
}

// Bounds of a line: with more to repeat, an output is stored although no other process needs it.
const (
	maxLineTasks = 64
	maxLineTime  = int64(1e9)
)

func (l line) tooLong() bool { return l.tasks > maxLineTasks || l.ns > maxLineTime }

// join adds another line that would also have to be repeated.
func (l line) join(m line) line { return line{min(l.tasks+m.tasks, maxLineTasks+1), l.ns + m.ns} }

// unknownWeight is the assumed weight of a value of unknown size.
const unknownWeight = 512

// weight is what the value counts as against Config.HoldBytes.
func (o *Value) weight() int64 {
	switch {
	case o.Bytes >= 0:
		return o.Bytes + 64
	case o.Size > 0:
		return o.Size + 64
	default:
		return unknownWeight
	}
}

// cache counts the outputs of one run in memory, and links those that can be evicted by recency.
type cache struct {
	used   int64 // weight of all
	only   int64 // weight of those that only this process has
	oldest *Value
	newest *Value
}

// add counts an output.
func (c *cache) add(o *Value) {
	c.used += o.weight()
	if o.stage == stored {
		c.list(o)
	} else {
		c.only += o.weight()
	}
}

// markStored makes an output evictable that was counted with weight before the store had it.
func (c *cache) markStored(o *Value, weight int64) {
	c.used += o.weight() - weight
	c.only -= weight
	c.list(o)
}

// remove uncounts an output.
func (c *cache) remove(o *Value) {
	c.used -= o.weight()
	if o.listed {
		c.unlist(o)
	} else {
		c.only -= o.weight()
	}
}

// touch makes an output the most recently used.
func (c *cache) touch(o *Value) {
	if o.listed && c.newest != o {
		c.unlist(o)
		c.list(o)
	}
}

func (c *cache) list(o *Value) {
	o.listed, o.older, o.newer = true, c.newest, nil
	if c.newest != nil {
		c.newest.newer = o
	} else {
		c.oldest = o
	}
	c.newest = o
}

func (c *cache) unlist(o *Value) {
	if o.older != nil {
		o.older.newer = o.newer
	} else {
		c.oldest = o.newer
	}
	if o.newer != nil {
		o.newer.older = o.older
	} else {
		c.newest = o.older
	}
	o.listed, o.older, o.newer = false, nil, nil
}
