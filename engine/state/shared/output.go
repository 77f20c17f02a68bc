package shared

import (
	"github.com/dagscope/dagscope/engine"
)

// stage is where an output is, beside this process's memory.
type stage uint8

const (
	held   stage = iota // nowhere else
	moving              // being encoded and put under a key
	packed              // encoded, to travel in the next commit: inline, or as the key under which it was put
	kept                // the store has it
)

// output is a value in this process's memory: one that a task has returned here, or that was fetched.
type output struct {
	node  engine.NodeID
	value any
	bytes int64 // as the task's lane has measured it; UnknownSize where only encoding could tell
	stage stage
	must  bool // it has to be stored, whoever reads it
	// encoded is the value that travels inline, key the one under which it was put; size is that of the encoding.
	encoded []byte
	key     string
	size    int64
	putAt   int64 // when it was put, on the run's clock
	// left is how many children may still be run here; what is only held is dropped at 0.
	left int32
	// line is what would have to be repeated if it were lost.
	line line
	// until is when it is stored although it is still waited for, 0 where it is not delayed.
	until int64
	soon  bool // what it waits for is run here
	// inline: it was fetched from within the state, not from under a key.
	inline bool
	// older and newer are its neighbours among what can be dropped.
	older, newer *output
	listed       bool
}

// line is a row of tasks whose outputs only one process has.
type line struct {
	tasks int
	ns    int64
}

// Bounds of a line: with more to repeat, an output is stored though nobody else needs it.
const (
	maxLineTasks = 64
	maxLineTime  = int64(1e9)
)

func (l line) tooLong() bool { return l.tasks > maxLineTasks || l.ns > maxLineTime }

// join adds another line that would have to be repeated too.
func (l line) join(m line) line { return line{min(l.tasks+m.tasks, maxLineTasks+1), l.ns + m.ns} }

// unknownWeight is what a value of unknown size counts.
const unknownWeight = 512

// weight is what the value counts against the bound of memory.
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

// holdings are the outputs in memory of one run.
type holdings struct {
	used   int64 // weight of all
	only   int64 // weight of those that are nowhere else
	oldest *output
	newest *output
}

// add counts an output. What the store has too may be dropped, the least recently used first.
func (h *holdings) add(o *output) {
	h.used += o.weight()
	if o.stage == kept {
		h.list(o)
	} else {
		h.only += o.weight()
	}
}

// kept notes that the store has the output by now. Its size may be known only since.
func (h *holdings) keep(o *output, weight int64) {
	h.used += o.weight() - weight
	h.only -= weight
	h.list(o)
}

// drop takes an output out of the count.
func (h *holdings) drop(o *output) {
	h.used -= o.weight()
	if o.listed {
		h.unlist(o)
	} else {
		h.only -= o.weight()
	}
}

// touch makes an output the one that is dropped last.
func (h *holdings) touch(o *output) {
	if o.listed && h.newest != o {
		h.unlist(o)
		h.list(o)
	}
}

func (h *holdings) list(o *output) {
	o.listed, o.older, o.newer = true, h.newest, nil
	if h.newest != nil {
		h.newest.newer = o
	} else {
		h.oldest = o
	}
	h.newest = o
}

func (h *holdings) unlist(o *output) {
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
