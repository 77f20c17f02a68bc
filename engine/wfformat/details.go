package wfformat

import (
	"fmt"
	"strings"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// details returns, for each task in the order of their ends, the data that does not fit into steps.
func details(in *Instance, s *schedule, f *flows) []record.Detail {
	out := make([]record.Detail, 0, len(s.order))
	for _, i := range s.order {
		out = append(out, record.Detail{
			Node: dag.NodeID(i), Attempt: 1, Log: log(&in.Tasks[i]), Inputs: f.inputs(int(i)),
		})
	}
	return out
}

// log returns the names under which the recording knows a task.
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
	return []byte(cut(b.String(), record.MaxEvidence))
}
