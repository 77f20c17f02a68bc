package ninja

import (
	"context"
	"fmt"
	"strings"

	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/internal/lines"
)

// none is the number of no edge.
const none int32 = -1

// graph is what "ninja -t graph" prints. Files and build edges are numbered.
type graph struct {
	file  *records.File
	ids   map[string]int32 // of files and edges as printed: file n as n, edge n as -n-1
	files map[string]int32 // by path
	made  []int32          // by file: the edge that makes it, or none
	edges []edge
	arcs  int
}

// edge is a build edge.
type edge struct {
	rule string
	in   []int32
}

// readGraph reads a graph as ninja prints it, a node or an arc on each line.
func readGraph(ctx context.Context, f *records.File) (*graph, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	g := &graph{file: f, ids: map[string]int32{}, files: map[string]int32{}}
	in := lines.New(r, maxLine)
	for in.Next() {
		if in.Number()%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s := strings.TrimSpace(string(in.Bytes()))
		if s == "}" {
			return g, nil
		}
		if !strings.HasPrefix(s, `"`) {
			continue
		}
		if !g.add(s) {
			return nil, fault(f, in.Number(), "expected a node or an arc as ninja -t graph prints them")
		}
		if g.arcs > records.MaxEdges {
			return nil, fmt.Errorf("%s: line %d: %w: expected at most %d arcs", f.Path, in.Number(), records.ErrTooLarge, records.MaxEdges)
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	return nil, fault(f, in.Number(), "the graph ends here, expected a line with } at its end")
}

// add adds the node or arc of one line.
func (g *graph) add(s string) bool {
	id, rest, ok := strings.Cut(s[1:], `"`)
	if !ok {
		return false
	}
	rest = strings.TrimSpace(rest)
	if to, ok := strings.CutPrefix(rest, `-> "`); ok {
		to, attributes, ok := strings.Cut(to, `"`)
		if ok {
			g.arc(id, to, attributes)
		}
		return ok
	}
	label, ok := strings.CutPrefix(rest, `[label="`)
	if !ok {
		return false
	}
	if rule, ok := strings.CutSuffix(label, `", shape=ellipse]`); ok {
		g.edges = append(g.edges, edge{rule: rule})
		g.ids[id] = -int32(len(g.edges))
		return true
	}
	path, ok := strings.CutSuffix(label, `"]`)
	if ok {
		g.files[path] = g.node(id)
	}
	return ok
}

// node is the number of what has an ID, a file if it is new.
func (g *graph) node(id string) int32 {
	n, ok := g.ids[id]
	if !ok {
		n = int32(len(g.made))
		g.made = append(g.made, none)
		g.ids[id] = n
	}
	return n
}

// arc adds an arc: from a file to an edge, from an edge to a file, or, with the rule as its label, both in one.
func (g *graph) arc(from, to, attributes string) {
	g.arcs++
	a, b := g.node(from), g.node(to)
	switch {
	case a < 0 && b >= 0:
		g.made[b] = -a - 1
	case a >= 0 && b < 0:
		g.edges[-b-1].in = append(g.edges[-b-1].in, a)
	case a >= 0:
		_, rule, _ := strings.Cut(attributes, `label="`)
		rule, _, _ = strings.Cut(rule, `"`)
		g.made[b] = int32(len(g.edges))
		g.edges = append(g.edges, edge{rule: strings.TrimSpace(rule), in: []int32{a}})
	}
}

// producer is the number of the edge that makes a file, or none.
func (g *graph) producer(path string) int32 {
	n, ok := g.files[strings.ReplaceAll(path, `\`, "/")]
	if !ok || n < 0 {
		return none
	}
	return g.made[n]
}
