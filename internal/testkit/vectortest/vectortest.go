// Package vectortest makes vectors of runs that the page and the service compute the same from: a run as the page gets it,
// and what is found in it. Go writes a file of them next to the package that finds it, and holds itself to it; a test of
// static/test reads the same file. It has runs, too, that are changed so that something is to be found.
//
// Caveats: a file is compared as a whole, so that all changes of it are seen in review.
package vectortest

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// Run is a run that both sides compute from.
type Run struct {
	Name     string
	Graph    *dag.Graph
	Steps    []record.Step
	Workers  []record.WorkerRecord
	Recorded bool // made from the record of another tool
	Live     bool // the log is not complete
}

// Table folds the log of a run.
func (r *Run) Table(t testing.TB) *runtable.Table {
	t.Helper()
	table := runtable.New(r.Graph)
	require.NoError(t, table.Steps(r.Steps), r.Name)
	if !r.Live {
		table.Complete()
	}
	return table
}

// Workers are workers of so many processors and slots each.
func Workers(workers, width, slots int) []record.WorkerRecord {
	var out []record.WorkerRecord
	for w := range workers {
		out = append(out, record.WorkerRecord{Worker: w, Width: width, Slots: slots})
	}
	return out
}

// Vector is a run as the page gets it, and what is found in it.
type Vector[Want any] struct {
	Name     string   `json:"name"`
	Recorded bool     `json:"recorded"`
	Graph    graph    `json:"graph"`
	Frames   []string `json:"frames"`
	Workers  []worker `json:"workers"`
	Want     Want     `json:"want"`
}

type worker struct {
	Worker int `json:"worker"`
	Width  int `json:"width"`
	Slots  int `json:"slots"`
}

// New makes a vector of a run, whose table is given.
func New[Want any](r *Run, table *runtable.Table, want Want) Vector[Want] {
	v := Vector[Want]{Name: r.Name, Recorded: r.Recorded, Graph: newGraph(r.Graph), Want: want}
	for _, w := range r.Workers {
		v.Workers = append(v.Workers, worker{w.Worker, w.Width, w.Slots})
	}
	for cursor := (runtable.Cursor{}); ; {
		body, next := table.AppendBody(nil, cursor, runtable.DefaultFrameRows)
		header := runtable.AppendHeader(nil, runtable.FrameHeader{Now: table.End(), Complete: !r.Live}, cursor, next)
		v.Frames = append(v.Frames, base64.StdEncoding.EncodeToString(append(header, body...)))
		if cursor = next; !cursor.More() {
			return v
		}
	}
}

// Hold compares vectors with those in a file, or writes them there. The file has a line for each vector, so that a
// difference shows which has changed.
func Hold[Want any](t testing.TB, file string, update bool, vectors []Vector[Want]) {
	t.Helper()
	got := []string{"["}
	for i := range vectors {
		line, err := json.Marshal(vectors[i])
		require.NoError(t, err)
		if i+1 < len(vectors) {
			line = append(line, ',')
		}
		got = append(got, string(line))
	}
	got = append(got, "]", "")
	if update {
		require.NoError(t, os.WriteFile(file, []byte(strings.Join(got, "\n")), 0o600))
	}
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	want := strings.Split(string(data), "\n")
	require.Len(t, want, len(got), "%s has other vectors: run the test with -update", file)
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("vector %q differs from %s: run the test with -update and read the difference", vectors[max(0, min(i-1, len(vectors)-1))].Name, file)
		}
	}
}

// graph is a graph as the page gets it, see static/src/model/graph.ts.
type graph struct {
	Hash      string     `json:"hash"`
	Functions []function `json:"functions"`
	Scopes    []scope    `json:"scopes"`
	Names     []string   `json:"names,omitempty"`
}

type function struct {
	Function string `json:"function"`
	Version  int    `json:"version"`
}

type scope struct {
	Up        int32      `json:"up"`
	Expansion uint32     `json:"expansion"`
	Tasks     uint32     `json:"tasks"`
	Fanouts   uint32     `json:"fanouts"`
	Joins     uint32     `json:"joins"`
	Function  []uint16   `json:"function"`
	Edges     []uint32   `json:"edges"`
	Region    []int32    `json:"region"`
	JoinOf    []uint32   `json:"joinOf"`
	JoinWaits [][]uint32 `json:"joinWaits"`
}

func newGraph(g *dag.Graph) graph {
	out := graph{Functions: []function{}}
	for _, f := range g.Functions() {
		out.Functions = append(out.Functions, function{f.Name(), f.Options().Version})
	}
	for node := range g.Named() {
		out.Names = append(out.Names, g.Name(dag.NodeID(node)))
	}
	for i := range g.Scopes() {
		s := g.Scope(int32(i))
		p := scope{
			Up: s.Up(), Expansion: s.Expansion(), Tasks: s.Tasks(),
			Function: []uint16{}, Edges: []uint32{}, Region: []int32{}, JoinOf: []uint32{}, JoinWaits: [][]uint32{},
		}
		for n := range s.Len() {
			for _, parent := range s.Parents(n) {
				p.Edges = append(p.Edges, parent, n)
			}
			switch s.Kind(n) {
			case dag.TaskNode:
				p.Function = append(p.Function, s.Function(n))
			case dag.ExpandNode:
				p.Fanouts++
				p.Region = append(p.Region, s.Region(n))
			case dag.JoinNode:
				p.Joins++
				p.JoinOf = append(p.JoinOf, s.JoinExpansion(n))
				p.JoinWaits = append(p.JoinWaits, append([]uint32{}, s.JoinWaits(n)...))
			}
		}
		out.Scopes = append(out.Scopes, p)
	}
	return out
}
