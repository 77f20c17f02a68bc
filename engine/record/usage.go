package record

import (
	"time"

	"github.com/dagscope/dagscope/engine/codec"
)

// Usage is what an attempt used, as far as it was measured; the rest is UnknownSize. Imported recordings have it, and
// attempts whose bodies report it, as those that start processes do. Lanes of engine/worker measure time only.
type Usage struct {
	CPU          time.Duration `json:"cpu_ns"`       // of all processors together
	MemoryBytes  int64         `json:"memory_bytes"` // the peak of resident memory
	ReadBytes    int64         `json:"read_bytes"`   // by the process, from any source
	WrittenBytes int64         `json:"written_bytes"`
	// InputBytes is the size of all files that the attempt read; OutsideBytes: of the inputs that no task of this run
	// produced. ResultBytes is the size of the files that it wrote and that no task reads.
	InputBytes   int64 `json:"-"` // Bytes.Input has it
	OutsideBytes int64 `json:"outside_bytes"`
	ResultBytes  int64 `json:"result_bytes"`
	// System is the part of CPU that the kernel took. Waits are how often a thread waited for something, Preemptions how
	// often another one was given its processor.
	System      time.Duration `json:"system_ns"`
	Waits       int64         `json:"waits"`
	Preemptions int64         `json:"preemptions"`
}

// UnknownUsage is one of which nothing was measured.
func UnknownUsage() *Usage { return usageOf(unknownParts()) }

func unknownParts() (parts [usageParts]int64) {
	for i := range parts {
		parts[i] = codec.UnknownSize
	}
	return parts
}

// parts are the numbers of a usage in the order in which they are packed.
func (u *Usage) parts() [usageParts]int64 {
	return [usageParts]int64{
		int64(u.CPU), u.MemoryBytes, u.ReadBytes, u.WrittenBytes, u.InputBytes, u.OutsideBytes, u.ResultBytes,
		int64(u.System), u.Waits, u.Preemptions,
	}
}

const (
	usageParts = 10
	fewerParts = 7 // those that blocks of version 2 have
)

// isDetailed reports whether a usage has more than fewerParts.
func (u *Usage) isDetailed() bool {
	return int64(u.System) != codec.UnknownSize || u.Waits != codec.UnknownSize || u.Preemptions != codec.UnknownSize
}

// usageOf is the inverse of parts.
func usageOf(p [usageParts]int64) *Usage {
	return &Usage{
		CPU: time.Duration(p[0]), MemoryBytes: p[1], ReadBytes: p[2], WrittenBytes: p[3],
		InputBytes: p[4], OutsideBytes: p[5], ResultBytes: p[6],
		System: time.Duration(p[7]), Waits: p[8], Preemptions: p[9],
	}
}
