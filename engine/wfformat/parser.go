package wfformat

import (
	"math"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
)

// parser collects the content of a file before it is assembled.
type parser struct {
	decoder
	limits   dag.Limits
	inst     *Instance
	written  []rawTask // the tasks of the specification; in 1.4, all data of the tasks
	executed []rawTask
	listed   bool // the file has a list of files
	files    map[string]int32
	machines map[string]int32
	makespan float64
	links    int // how many more parents and children may be named
	fileRefs int
}

// unset marks a number that is not in the file.
const unset = -1

// rawTask is a task as written in the file, in the specification or in the execution.
type rawTask struct {
	id, name, category, program, command string
	parents, children, inputs, outputs   []string
	runtime, older, cores, cpu           float64
	memory, read, wrote                  float64
	machine, at                          string
}

// called prefixes an error with the id of the task, if that is already known.
func called(id string, err error) error {
	if id == "" {
		return err
	}
	return in("("+short(id)+")", err)
}

// duration turns seconds into a Duration; unset becomes 0.
func duration(seconds float64) time.Duration {
	if seconds < 0 {
		return 0
	}
	return time.Duration(math.Round(seconds * 1e9))
}
