package wfformat

import (
	"math"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
)

// parser collects what a file says before it is put together.
type parser struct {
	decoder
	limits   dag.Limits
	inst     *Instance
	written  []rawTask // the tasks of the specification; of 1.4: all there is
	executed []rawTask
	listed   bool // there is a list of files
	files    map[string]int32
	machines map[string]int32
	makespan float64
	links    int // how many more parents and children may be named
	fileRefs int
}

// unset marks a number that the file does not give.
const unset = -1

// rawTask is a task as it is written, in either of its places.
type rawTask struct {
	id, name, category, program, command string
	parents, children, inputs, outputs   []string
	runtime, older, cores, cpu           float64
	memory, read, wrote                  float64
	machine, at                          string
}

// called puts the id of the task, where it is known already, in front of what is wrong with it.
func called(id string, err error) error {
	if id == "" {
		return err
	}
	return in("("+short(id)+")", err)
}

// duration turns seconds into a Duration, unset ones into 0.
func duration(seconds float64) time.Duration {
	if seconds < 0 {
		return 0
	}
	return time.Duration(math.Round(seconds * 1e9))
}
