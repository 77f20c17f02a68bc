package wfformat

import (
	"math"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// outside is the record.InputDetail.Source of files that no task of the run produces.
const outside = "outside"

// flows knows which files travel between which tasks.
type flows struct {
	in *Instance
	// makers contains, for each file, the tasks that write it, ascending; read says whether any other task reads it.
	makers [][]int32
	read   []bool
}

func newFlows(in *Instance) *flows {
	f := &flows{in: in, makers: make([][]int32, len(in.Files)), read: make([]bool, len(in.Files))}
	for i := range in.Tasks {
		for _, file := range in.Tasks[i].Outputs {
			f.makers[file] = append(f.makers[file], int32(i))
		}
	}
	for i := range in.Tasks {
		for _, file := range in.Tasks[i].Inputs {
			f.read[file] = f.read[file] || !slices.Contains(f.makers[file], int32(i))
		}
	}
	return f
}

// inputs sums up the files that a task read from each parent and, as the last entry, those from outside, if any. The
// files went through storage that the machines share. A file that several parents write counts for the last of them. A
// file that is written only by the task itself, or by tasks that are not its parents, is not counted.
func (f *flows) inputs(task int) []record.InputDetail {
	t := &f.in.Tasks[task]
	out := make([]record.InputDetail, len(t.Parents), len(t.Parents)+1)
	for k, p := range t.Parents {
		out[k] = record.InputDetail{From: dag.NodeID(p), Source: "store"}
	}
	from, reads := int64(0), false
	for _, file := range t.Inputs {
		size := f.in.Files[file].Bytes
		if len(f.makers[file]) == 0 {
			from, reads = addBytes(from, size), true
			continue
		}
		for _, maker := range slices.Backward(f.makers[file]) {
			if k, isParent := slices.BinarySearch(t.Parents, maker); isParent {
				out[k].Bytes = addBytes(out[k].Bytes, size)
				break
			}
		}
	}
	if reads {
		out = append(out, record.InputDetail{From: dag.NoNode, Source: outside, Bytes: from})
	}
	return out
}

// results is the size of the files that a task wrote and that no other task reads.
func (f *flows) results(task int) int64 {
	sum := int64(0)
	for _, file := range f.in.Tasks[task].Outputs {
		if !f.read[file] {
			sum = addBytes(sum, f.in.Files[file].Bytes)
		}
	}
	return sum
}

// usage is what the recording says about a task apart from its runtime.
func (f *flows) usage(task int, inputs []record.InputDetail) *record.Usage {
	t := &f.in.Tasks[task]
	u := &record.Usage{
		CPU: time.Duration(codec.UnknownSize), MemoryBytes: t.MemoryBytes, ReadBytes: t.ReadBytes, WrittenBytes: t.WrittenBytes,
		ResultBytes: f.results(task),
	}
	if t.CPU >= 0 && t.Timed {
		u.CPU = scaled(t.Runtime, t.CPU)
	}
	for i := range inputs {
		u.InputBytes = addBytes(u.InputBytes, inputs[i].Bytes)
		if inputs[i].Source == outside {
			u.OutsideBytes = inputs[i].Bytes
		}
	}
	return u
}

// scaled is a runtime times the use of processors, limited to the largest Duration.
func scaled(d time.Duration, by float64) time.Duration {
	return time.Duration(min(math.Round(float64(d)*by), math.MaxInt64/2))
}
