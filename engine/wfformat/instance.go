package wfformat

import (
	"math"
	"time"

	"github.com/dagscope/dagscope/engine/codec"
)

// Instance is a recorded execution as returned by Parse. It must not be modified.
type Instance struct {
	Name          string
	Description   string
	SchemaVersion string
	// RuntimeSystem is the name and version of the system that ran the workflow, "" if not recorded.
	RuntimeSystem string
	// CreatedAt and ExecutedAt are zero if they are not recorded or cannot be parsed; see timeLayouts.
	CreatedAt  time.Time
	ExecutedAt time.Time
	// Makespan is the recorded makespan, which includes waiting that no task accounts for; 0 if not recorded.
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
	// Runtime is 0 if the task is not Timed, that is, if its runtime is not recorded.
	Runtime time.Duration
	Timed   bool
	// ExecutedAt is when it started; zero if that is not recorded or cannot be parsed.
	ExecutedAt time.Time
	Cores      int // recorded, rounded up; at least 1
	// CPU is the average use of processors; 1 means one core all the time. CPU and the bytes below are -1 if they are
	// not recorded.
	CPU          float64
	MemoryBytes  int64 // resident
	ReadBytes    int64
	WrittenBytes int64
	Machine      int32 // number in Instance.Machines, NoMachine if not recorded
}

// NoMachine as Task.Machine: the recording does not say where the task ran.
const NoMachine int32 = -1

// File is one recorded file.
type File struct {
	ID    string
	Bytes int64 // codec.UnknownSize if not recorded
}

// Machine is one recorded machine.
type Machine struct {
	Name  string
	Cores int // 0 if not recorded
}

// Edges is the number of distinct edges.
func (in *Instance) Edges() int {
	n := 0
	for i := range in.Tasks {
		n += len(in.Tasks[i].Parents)
	}
	return n
}

// OutputBytes is the size of all files that a task wrote; codec.UnknownSize if the size of one of them is unknown.
func (in *Instance) OutputBytes(task int) int64 {
	sum := int64(0)
	for _, f := range in.Tasks[task].Outputs {
		sum = addBytes(sum, in.Files[f].Bytes)
	}
	return sum
}

// addBytes adds sizes. The sum is unknown if one of them is, and stops at the largest number.
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
