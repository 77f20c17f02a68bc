package api

import (
	"encoding/hex"
	"strconv"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
)

// graph is the planned graph of a run: scope 0 is the graph itself, and every other scope is the body of a fan-out.
type graph struct {
	Hash      string         `json:"hash"`
	Functions []FunctionName `json:"functions"`
	Scopes    []graphScope   `json:"scopes"`
	Names     []string       `json:"names,omitempty" doc:"Recorded names of tasks, by node, those of fan-outs' instances too; empty for one without a name of its own. It ends with the last that has one, and is absent where none has."`
}

// FunctionName names an implementation of a function.
type FunctionName struct {
	Function string `json:"function"`
	Version  int    `json:"version"`
}

// key is the function as text, with @version above version 0.
func (f FunctionName) key() string {
	if f.Version == 0 {
		return f.Function
	}
	return f.Function + "@" + strconv.Itoa(f.Version)
}

// graphScope is one scope of a graph. Its nodes are numbered from 0 within one instance: tasks, then fan-outs, then joins.
type graphScope struct {
	Up        int32      `json:"up" doc:"Enclosing scope, -1 for the graph itself."`
	Expansion uint32     `json:"expansion" doc:"Node of the enclosing scope that instantiates this one."`
	Tasks     uint32     `json:"tasks"`
	Fanouts   uint32     `json:"fanouts"`
	Joins     uint32     `json:"joins"`
	Function  []uint16   `json:"function" doc:"Index into functions, of each task."`
	Edges     []uint32   `json:"edges" doc:"Pairs from, to: nodes of the same instance that wait for one another."`
	EdgeBytes []int64    `json:"edgeBytes,omitempty" doc:"Bytes that were read along each edge, -1 if unknown; absent if every edge carries the whole output of its task."`
	Region    []int32    `json:"region" doc:"Scope that each fan-out instantiates."`
	JoinOf    []uint32   `json:"joinOf" doc:"For each join, the fan-out whose results it collects."`
	JoinWaits [][]uint32 `json:"joinWaits" doc:"For each join, the nodes of the region's scope that it waits for in each instance."`
}

func newGraph(g *dag.Graph) graph {
	hash := g.Hash()
	out := graph{Hash: hex.EncodeToString(hash[:]), Functions: functionNames(g.Functions()), Scopes: make([]graphScope, g.Scopes())}
	for i := range out.Scopes {
		out.Scopes[i] = newGraphScope(g.Scope(int32(i)))
	}
	for i := range g.Named() {
		out.Names = append(out.Names, g.Name(dag.NodeID(i)))
	}
	return out
}

func newGraphScope(s *dag.Scope) graphScope {
	out := graphScope{
		Up: s.Up(), Expansion: s.Expansion(), Tasks: s.Tasks(),
		Function: make([]uint16, s.Tasks()), Edges: []uint32{}, Region: []int32{}, JoinOf: []uint32{}, JoinWaits: [][]uint32{},
	}
	for n := range s.Len() {
		for _, p := range s.Parents(n) {
			out.Edges = append(out.Edges, p, n)
		}
		switch s.Kind(n) {
		case dag.TaskNode:
			out.Function[n] = s.Function(n)
		case dag.ExpandNode:
			out.Fanouts++
			out.Region = append(out.Region, s.Region(n))
		case dag.JoinNode:
			out.Joins++
			out.JoinOf = append(out.JoinOf, s.JoinExpansion(n))
			out.JoinWaits = append(out.JoinWaits, append([]uint32{}, s.JoinWaits(n)...))
		}
	}
	return out
}

func functionNames(functions []*engine.Function) []FunctionName {
	out := make([]FunctionName, len(functions))
	for i, f := range functions {
		out[i] = FunctionName{f.Name(), f.Options().Version}
	}
	return out
}
