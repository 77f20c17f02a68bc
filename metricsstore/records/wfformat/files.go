package wfformat

import (
	"math"
	"slices"

	"github.com/dagscope/dagscope/engine/wfformat"
	"github.com/dagscope/dagscope/metricsstore/records"
)

// flows knows which files travel between which tasks.
type flows struct {
	in *wfformat.Instance
	// makers contains, for each file, the tasks that write it, ascending; read says whether any other task reads it.
	makers [][]int32
	read   []bool
}

func newFlows(in *wfformat.Instance) *flows {
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

// inputs lists the files that a task read, each as read from the last parent that writes it or from outside.
func (f *flows) inputs(task int) []records.Input {
	t := &f.in.Tasks[task]
	out := make([]records.Input, 0, len(t.Inputs))
	for _, file := range t.Inputs {
		size := f.in.Files[file].Bytes
		if len(f.makers[file]) == 0 {
			out = append(out, records.Input{From: records.None, Bytes: size})
			continue
		}
		for _, maker := range slices.Backward(f.makers[file]) {
			if _, isParent := slices.BinarySearch(t.Parents, maker); isParent {
				out = append(out, records.Input{From: maker, Bytes: size})
				break
			}
		}
	}
	return out
}

// results is the size of the files that a task wrote and that no other task reads.
func (f *flows) results(task int) int64 {
	sum := int64(0)
	for _, file := range f.in.Tasks[task].Outputs {
		if f.read[file] {
			continue
		}
		size := f.in.Files[file].Bytes
		if size < 0 {
			return -1
		}
		sum += min(size, math.MaxInt64-sum)
	}
	return sum
}
