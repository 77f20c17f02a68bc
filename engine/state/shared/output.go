package shared

import (
	"github.com/dagscope/dagscope/engine"
)

// stage is where an output is, apart from this process's memory.
type stage uint8

const (
	held   stage = iota // nowhere else
	moving              // being encoded and put under a key
	packed              // encoded, for the next commit: inline, or as the key under which it was put
	stored              // the store has it
)

// output is a value in this process's memory, which a task has returned here or which was fetched.
type output struct {
	node  engine.NodeID
	value any
	bytes int64 // as the task's lane has measured it; UnknownSize where that takes encoding it
	stage stage
	must  bool // it has to be stored, whichever session reads it
	// encoded is the inline value, key that under which it was put; size is the number of encoded bytes.
	encoded []byte
	key     string
	size    int64
	putAt   int64 // when it was put, on the run's clock
	// left is how many children may still read it here; a held output is dropped at 0.
	left int32
	// line is the tasks to repeat if it were lost.
	line line
	// until is when a delayed output is stored after all, 0 if it is not delayed.
	until int64
	soon  bool // the other inputs of its readers are computed here
	// inline: it was fetched without a key.
	inline bool
	// older and newer link the outputs that can be evicted.
	older, newer *output
	listed       bool
}

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
func (o *output) weight() int64 {
	switch {
	case o.bytes >= 0:
		return o.bytes + 64
	case o.size > 0:
		return o.size + 64
	default:
		return unknownWeight
	}
}

// outputCache counts the outputs of one run in memory, and links those that can be evicted by recency.
type outputCache struct {
	used   int64 // weight of all
	only   int64 // weight of those that only this process has
	oldest *output
	newest *output
}

// add counts an output.
func (h *outputCache) add(o *output) {
	h.used += o.weight()
	if o.stage == stored {
		h.list(o)
	} else {
		h.only += o.weight()
	}
}

// markStored makes an output evictable that was counted with weight before the store had it.
func (h *outputCache) markStored(o *output, weight int64) {
	h.used += o.weight() - weight
	h.only -= weight
	h.list(o)
}

// remove uncounts an output.
func (h *outputCache) remove(o *output) {
	h.used -= o.weight()
	if o.listed {
		h.unlist(o)
	} else {
		h.only -= o.weight()
	}
}

// touch makes an output the most recently used.
func (h *outputCache) touch(o *output) {
	if o.listed && h.newest != o {
		h.unlist(o)
		h.list(o)
	}
}

func (h *outputCache) list(o *output) {
	o.listed, o.older, o.newer = true, h.newest, nil
	if h.newest != nil {
		h.newest.newer = o
	} else {
		h.oldest = o
	}
	h.newest = o
}

func (h *outputCache) unlist(o *output) {
	if o.older != nil {
		o.older.newer = o.newer
	} else {
		h.oldest = o.newer
	}
	if o.newer != nil {
		o.newer.older = o.older
	} else {
		h.newest = o.older
	}
	o.listed, o.older, o.newer = false, nil, nil
}
