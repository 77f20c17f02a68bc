package layout

import (
	"encoding/hex"

	"github.com/dagscope/dagscope/engine/dag"
)

// Engines that make a Layout.
const (
	EngineLayered = "layered" // Compute
	EngineDot     = "dot"     // Drawer.Dot
)

// Layout holds the positions of the elements of a graph. Units are abstract: horizontally 1 is one column, vertically 1
// is the smallest distance between tasks. static/src/model/layout.ts declares its JSON. It must not be modified.
type Layout struct {
	Hash   string  `json:"hash"` // hash of the graph, hexadecimal
	Engine string  `json:"engine"`
	Scopes []Scope `json:"scopes"` // in the order of the graph; 0 is the graph itself, others are bodies of fan-outs
}

// Scope is the layout of the graph itself or of the body of a fan-out. Its elements are its tasks, by number, then a
// box for each of its fan-outs, which stands for the expansion and for all of its joins.
type Scope struct {
	Columns int       `json:"columns"` // at least 1
	Height  float64   `json:"height"`  // in units, at least 1
	Column  []int32   `json:"column"`  // by element, from 0
	Y       []float64 `json:"y"`       // middle of each element, in units from the top
	Size    []float64 `json:"size"`    // vertical extent of each element, in units: 1 for tasks, Height of the body + 1 for boxes
	Edges   []Edge    `json:"edges"`   // ordered by From, then To; each pair once
}

// Edge connects two elements of a scope, from left to right.
type Edge struct {
	From int32 `json:"from"`
	To   int32 `json:"to"`
	// Via is the height, in units, at which the edge passes each column strictly between the two. It is also empty if
	// the edge is a straight line because there are too many long edges.
	Via []float64 `json:"via"`
}

// grid is the number of steps in a unit: heights are whole steps, so that they are exact, and short in JSON.
const grid = 100

// Compute lays a graph out. It is a pure function of the structure and safe for concurrent use; a Cache avoids
// computing it for each request.
func Compute(g *dag.Graph) *Layout {
	hash := g.Hash()
	l := &Layout{Hash: hex.EncodeToString(hash[:]), Engine: EngineLayered, Scopes: make([]Scope, g.Scopes())}
	for i := len(l.Scopes) - 1; i >= 0; i-- { // bodies before the scopes that enclose them, whose numbers are smaller
		s := g.Scope(int32(i))
		l.Scopes[i] = arrange(elementsOf(s), sizesOf(s, l.Scopes))
	}
	return l
}

// arrange places the elements of one scope.
func arrange(e *elements, sizes []int32) Scope {
	column := columnsOf(e)
	lv := newLevels(e, column, mostBends)
	order(lv)
	return lv.scope(e, sizes, heights(lv, sizes))
}

// scope returns the result in units, from heights in steps.
func (lv *levels) scope(e *elements, sizes, y []int32) Scope {
	s := Scope{
		Columns: max(1, len(lv.columns)),
		Column:  lv.column[:e.n:e.n],
		Y:       make([]float64, e.n),
		Size:    make([]float64, e.n),
		Edges:   make([]Edge, 0, len(e.edges)),
	}
	bottom := int32(grid)
	for i := range e.n {
		s.Y[i], s.Size[i] = units(y[i]), units(sizes[i])
		bottom = max(bottom, y[i]+sizes[i]/2)
	}
	for _, at := range y[e.n:] {
		bottom = max(bottom, at)
	}
	s.Height = units(bottom)
	via := make([]float64, 0, len(y)-e.n)
	for i, edge := range e.edges {
		start := len(via)
		if first := lv.firstBend[i]; first >= 0 {
			for b := range lv.column[edge.to] - lv.column[edge.from] - 1 {
				via = append(via, units(y[first+b]))
			}
		}
		s.Edges = append(s.Edges, Edge{From: edge.from, To: edge.to, Via: via[start:len(via):len(via)]})
	}
	return s
}

func units(steps int32) float64 { return float64(steps) / grid }

// sizesOf returns the extent of each element in steps: one unit for a task, the extent of its body plus one unit for a
// box.
func sizesOf(s *dag.Scope, bodies []Scope) []int32 {
	var sizes []int32
	for n := range s.Len() {
		switch s.Kind(n) {
		case dag.TaskNode:
			sizes = append(sizes, grid)
		case dag.ExpandNode:
			body := int32(bodies[s.Region(n)].Height*grid + 0.5)
			sizes = append(sizes, (body+grid+1)/2*2) // even, so that halves are whole steps
		case dag.JoinNode:
		}
	}
	return sizes
}
