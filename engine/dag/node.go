package dag

import (
	"strconv"
	"strings"
)

// NodeID is the number of a node of a run: first come the nodes of the graph itself, then, block by block, those that
// fan-outs appended. See Numbering.
type NodeID uint32

// NoNode means that there is no node.
const NoNode NodeID = 1<<32 - 1

// Identity names a task the same way in every run of a graph.
type Identity struct {
	Function string `json:"function"`
	Version  int    `json:"version"`
	// Path holds the instance of each enclosing fan-out, outermost first, and then, if the function is called more than
	// once in the same scope, the number of the call (from 0, in the order of building).
	Path []uint32 `json:"path,omitempty"`
	// Name is what the tool that has executed a recorded run calls the task, at most MaxName bytes; empty if that is not
	// known or says no more than Function, and in all runs of the engine's own. It is no part of what identifies a task.
	Name string `json:"name,omitempty"`
}

// Label is what people know the task by: its Name, or without one what String gives.
func (id Identity) Label() string {
	if id.Name != "" {
		return id.Name
	}
	return id.String()
}

// String gives blur, blur[3] or grey[3/7].
func (id Identity) String() string {
	if len(id.Path) == 0 {
		return id.Function
	}
	var b strings.Builder
	b.WriteString(id.Function)
	sep := byte('[')
	for _, p := range id.Path {
		b.WriteByte(sep)
		b.WriteString(strconv.FormatUint(uint64(p), 10))
		sep = '/'
	}
	b.WriteByte(']')
	return b.String()
}
