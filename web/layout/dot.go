package layout

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/dagscope/dagscope/engine/dag"
)

// Lengths in DOT, in inches; pitch is one unit.
const (
	pitch   = 0.5
	gap     = 0.1
	preface = "digraph {\n" +
		"rankdir=LR; ranksep=0.5; nodesep=0.1; bgcolor=white; fontname=\"Helvetica,Arial,sans-serif\"; fontsize=11;\n" +
		"node [shape=box, style=\"rounded,filled\", fillcolor=white, color=\"#5a5f66\", height=0.3, margin=\"0.12,0.04\", " +
		"fontname=\"Helvetica,Arial,sans-serif\", fontsize=11];\n" +
		"edge [color=\"#8a9099\", arrowsize=0.5];\n"
)

// Element is a node of a graph: of the graph itself, which is scope 0, or of the body of a fan-out.
type Element struct {
	Scope int32
	Node  uint32
}

// Labels contains, for each task or for all instances of a task in a body, a line that says how it ended.
type Labels map[Element]string

// dotText writes the whole graph in DOT, left to right, with the names and labels of tasks. A fan-out is a cluster around
// its body, between a point for the expansion and one for each join.
func dotText(g *dag.Graph, labels Labels) []byte {
	w := &dotWriter{g: g, labels: labels, numbering: dag.NewNumbering(g)}
	w.text(preface)
	w.scope(0)
	w.text("}\n")
	return w.b
}

type dotWriter struct {
	g         *dag.Graph
	labels    Labels
	numbering *dag.Numbering
	b         []byte
}

func (w *dotWriter) text(parts ...string) {
	for _, p := range parts {
		w.b = append(w.b, p...)
	}
}

// node writes the name of a node, made of its scope and its number.
func (w *dotWriter) node(scope int32, n uint32) {
	w.b = append(w.b, 'n')
	w.b = strconv.AppendInt(w.b, int64(scope), 10)
	w.b = append(w.b, '_')
	w.b = strconv.AppendUint(w.b, uint64(n), 10)
}

func (w *dotWriter) edge(fromScope int32, from uint32, toScope int32, to uint32) {
	w.node(fromScope, from)
	w.text(" -> ")
	w.node(toScope, to)
	w.text(";\n")
}

// scope writes the nodes and edges of one scope, with those of the fan-outs in it.
func (w *dotWriter) scope(number int32) {
	s := w.g.Scope(number)
	for n := range s.Len() {
		switch s.Kind(n) {
		case dag.TaskNode:
			w.node(number, n)
			w.text(" [label=", w.label(number, n), "];\n")
		case dag.ExpandNode:
			w.fanOut(number, n)
		case dag.JoinNode:
		}
		for _, p := range s.Parents(n) {
			if s.Kind(n) != dag.JoinNode || len(s.JoinWaits(n)) == 0 {
				w.edge(number, p, number, n)
			}
		}
	}
}

// label is what people know a task by (in a body, the name of its function), followed by its line of labels.
func (w *dotWriter) label(scope int32, n uint32) string {
	name := w.g.Functions()[w.g.Scope(scope).Function(n)].Name()
	if scope == 0 {
		name = w.numbering.Identity(w.numbering.Locate(dag.NodeID(n))).Label()
	}
	label := quote(name)
	if line := w.labels[Element{scope, n}]; line != "" {
		label = strings.TrimSuffix(label, `"`) + `\n` + strings.TrimPrefix(quote(line), `"`)
	}
	return label
}

// fanOut writes an expansion, its body and its joins.
func (w *dotWriter) fanOut(number int32, n uint32) {
	s := w.g.Scope(number)
	region := s.Region(n)
	w.text("subgraph cluster_", strconv.Itoa(int(region)), " {\n",
		"label=\"for each element\"; labeljust=l; style=\"rounded,dashed\"; color=\"#8a9099\";\n")
	const point = " [shape=point, width=0.08, height=0.08, fillcolor=\"#5a5f66\"];\n"
	w.node(number, n)
	w.text(point)
	w.scope(region)
	for _, root := range w.g.Scope(region).Roots() {
		w.edge(number, n, region, root)
	}
	for _, join := range s.RegionJoins(n) {
		w.node(number, join)
		w.text(point)
		for _, wait := range s.JoinWaits(join) {
			w.edge(region, wait, number, join)
		}
	}
	w.text("}\n")
}

// quote makes a label that shows s: in DOT, backslash and ampersand have special meanings.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '&':
			b.WriteString("&amp;")
		case unicode.IsControl(r):
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// dotElements writes the elements of all scopes with the sizes that Compute uses, one scope next to the other. Only the
// positions that Graphviz finds are used.
func dotElements(scopes []Scope) []byte {
	w := &dotWriter{}
	w.text("digraph {\nrankdir=LR; ranksep=0.5; nodesep=0.1;\nnode [shape=box, label=\"\", fixedsize=true, width=0.5];\n",
		"edge [arrowhead=none];\n")
	for i, s := range scopes {
		for n, size := range s.Size {
			w.node(int32(i), uint32(n))
			w.text(" [height=", strconv.FormatFloat(size*pitch-gap, 'f', 4, 64), "];\n")
		}
		for _, e := range s.Edges {
			w.edge(int32(i), uint32(e.From), int32(i), uint32(e.To))
		}
	}
	w.text("}\n")
	return w.b
}
