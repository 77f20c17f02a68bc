package wfformat

import (
	"math"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/codec"
)

// Instance is a recorded execution as Parse gives it. It must not be modified.
type Instance struct {
	Name          string
	Description   string
	SchemaVersion string
	// RuntimeSystem is the name and the version of what ran the workflow, "" where not recorded.
	RuntimeSystem string
	// CreatedAt and ExecutedAt are zero where they are not recorded or not readable; see timeLayouts.
	CreatedAt  time.Time
	ExecutedAt time.Time
	// Makespan as recorded, which includes waiting that no task records; 0 where not recorded.
	Makespan time.Duration
	// Tasks have parents before children and are otherwise in the order of the file.
	Tasks    []Task
	Files    []File
	Machines []Machine
	// Hash is the SHA-256 of the file, uncompressed and without a byte order mark.
	Hash [32]byte
}

// Task is one recorded task.
type Task struct {
	ID       string
	Name     string
	Category string // names the function; see the package comment
	// Command is the recorded program with its arguments, cut at 16 KiB.
	Command  string
	Parents  []int32 // numbers in Instance.Tasks, each once, ascending
	Children []int32
	Inputs   []int32 // numbers in Instance.Files, each once, in the order of the file
	Outputs  []int32
	// Runtime is 0 where it is not Timed, that is, not recorded.
	Runtime time.Duration
	Timed   bool
	// ExecutedAt is when it started; zero where that is not recorded or not readable.
	ExecutedAt time.Time
	Cores      int // recorded, rounded up; at least 1
	// CPU is the average use of processors, 1 for one core all the time. It and the bytes below are -1 where they are
	// not recorded.
	CPU          float64
	MemoryBytes  int64 // resident
	ReadBytes    int64
	WrittenBytes int64
	Machine      int32 // number in Instance.Machines, NoMachine where not recorded
}

// NoMachine as Task.Machine: the recording does not say where the task ran.
const NoMachine int32 = -1

// File is one recorded file.
type File struct {
	ID    string
	Bytes int64 // codec.UnknownSize where not recorded
}

// Machine is one recorded machine.
type Machine struct {
	Name  string
	Cores int // 0 where not recorded
}

// Edges is the number of distinct edges.
func (in *Instance) Edges() int {
	n := 0
	for i := range in.Tasks {
		n += len(in.Tasks[i].Parents)
	}
	return n
}

// OutputBytes is the size of all files that a task wrote, codec.UnknownSize where one of them has none.
func (in *Instance) OutputBytes(task int) int64 {
	sum := int64(0)
	for _, f := range in.Tasks[task].Outputs {
		sum = addBytes(sum, in.Files[f].Bytes)
	}
	return sum
}

// addBytes adds sizes; unknown ones make the sum unknown, and too large ones stop at the largest number.
func addBytes(a, b int64) int64 {
	switch {
	case a < 0 || b < 0:
		return codec.UnknownSize
	case a > math.MaxInt64-b:
		return math.MaxInt64
	default:
		return a + b
	}
}

// timed reports whether any task has a runtime.
func (in *Instance) timed() bool {
	return slices.ContainsFunc(in.Tasks, func(t Task) bool { return t.Timed })
}

// starts counts the tasks that have a runtime, and those of them that have a start time.
func (in *Instance) starts() (timed, stamped int) {
	for i := range in.Tasks {
		if t := &in.Tasks[i]; t.Timed {
			timed++
			if !t.ExecutedAt.IsZero() {
				stamped++
			}
		}
	}
	return timed, stamped
}

// stamped reports whether every task that has a runtime has a start time as well.
func (in *Instance) stamped() bool {
	timed, stamped := in.starts()
	return timed == stamped
}

// startOf is when the run started: as recorded, else when the file was made, else 1970.
func startOf(in *Instance) time.Time {
	for _, t := range []time.Time{in.ExecutedAt, in.CreatedAt} {
		if !t.IsZero() {
			return t
		}
	}
	return time.Unix(0, 0).UTC()
}
