package wfformat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dagscope/dagscope/engine"
)

// details tells of each task, in the order of their ends, what steps have no room for.
func details(in *Instance, s *schedule) []engine.Detail {
	producer := make([]int32, len(in.Files))
	for i := range producer {
		producer[i] = none
	}
	for i, t := range slices.Backward(in.Tasks) { // where several tasks write a file the first counts
		for _, f := range t.Outputs {
			producer[f] = int32(i)
		}
	}
	out := make([]engine.Detail, 0, len(s.order))
	for _, i := range s.order {
		out = append(out, engine.Detail{
			Node: engine.NodeID(i), Attempt: 1, Log: log(&in.Tasks[i]), Inputs: inputs(in, &in.Tasks[i], producer),
		})
	}
	return out
}

// log gives the names under which the recording knows a task.
func log(t *Task) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "id %s\n", t.ID)
	if t.Name != t.ID && t.Name != "" {
		fmt.Fprintf(&b, "name %s\n", t.Name)
	}
	if t.Command != "" {
		fmt.Fprintf(&b, "command %s\n", t.Command)
	}
	if !t.Timed {
		b.WriteString("no runtime is recorded\n")
	}
	return []byte(cut(b.String(), engine.MaxEvidence))
}

// inputs sums up the files that a task read from each parent. They went through storage that the machines share.
func inputs(in *Instance, t *Task, producer []int32) []engine.InputDetail {
	if len(t.Parents) == 0 {
		return nil
	}
	out := make([]engine.InputDetail, len(t.Parents))
	for k, p := range t.Parents {
		out[k] = engine.InputDetail{From: engine.NodeID(p), Source: "store"}
	}
	for _, f := range t.Inputs {
		if k, isParent := slices.BinarySearch(t.Parents, producer[f]); isParent {
			out[k].Bytes = addBytes(out[k].Bytes, in.Files[f].Bytes)
		}
	}
	return out
}
