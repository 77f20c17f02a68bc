package metricsstore

import (
	"math/bits"

	"github.com/dagscope/dagscope/digest"
)

// SizeClass is the number of bits of a size in bytes: sizes of one class differ by less than a factor of two. It is -1 for
// one that is not known, which is negative.
func SizeClass(size int64) int {
	if size < 0 {
		return -1
	}
	return bits.Len64(uint64(size))
}

// SizedFunction is what tasks have in common whose times are compared: a function, and the SizeClass of their inputs.
type SizedFunction struct {
	FunctionName
	Size int
}

// NewSizedFunction is a function with inputs of so many bytes, negative if that is not known.
func NewSizedFunction(f FunctionName, bytes int64) SizedFunction {
	return SizedFunction{f, SizeClass(bytes)}
}

// SizedTimes are digests of times by function and size of inputs.
type SizedTimes map[SizedFunction]*digest.Sketch

// Add adds a time in nanoseconds.
func (t SizedTimes) Add(f SizedFunction, ns int64) {
	if t[f] == nil {
		t[f] = new(digest.Sketch)
	}
	t[f].Add(ns)
}
