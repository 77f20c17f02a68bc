package layout

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// errPlain is returned if the output of Graphviz does not fit the graph.
var errPlain = errors.New("layout: unexpected output of Graphviz")

// point is a place in inches, down from the top.
type point struct{ x, y float64 }

// placed returns a layout with the elements and edges of l, at the positions that Graphviz chose: plain is its output
// in the format of that name (https://graphviz.org/docs/outputs/plain/).
func placed(l *Layout, plain []byte) (*Layout, error) {
	p := plainOutput{nodes: make([][]point, len(l.Scopes)), edges: make([]map[edge][]point, len(l.Scopes))}
	for i := range l.Scopes {
		p.nodes[i] = make([]point, len(l.Scopes[i].Y))
		p.edges[i] = map[edge][]point{}
		for n := range p.nodes[i] {
			p.nodes[i][n].x = math.NaN()
		}
	}
	lines := bufio.NewScanner(bytes.NewReader(plain))
	lines.Buffer(nil, len(plain)+1)
	for lines.Scan() {
		if err := p.line(strings.Fields(lines.Text())); err != nil {
			return nil, fmt.Errorf("%w: %w", errPlain, err)
		}
	}
	out := &Layout{Hash: l.Hash, Engine: EngineDot, Scopes: make([]Scope, len(l.Scopes))}
	for i := range l.Scopes {
		s, err := place(&l.Scopes[i], p.nodes[i], p.edges[i])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errPlain, err)
		}
		out.Scopes[i] = s
	}
	return out, nil
}

// plainOutput is the content of the output, by scope.
type plainOutput struct {
	nodes [][]point
	edges []map[edge][]point // control points of cubic curves that follow one another
}

// line reads "node name x y …" or "edge tail head n x1 y1 … xn yn …"; in which y points up.
func (p *plainOutput) line(fields []string) error {
	switch {
	case len(fields) >= 4 && fields[0] == "node":
		scope, n, err := p.name(fields[1])
		if err != nil {
			return err
		}
		points, err := pointsOf(fields[2:4])
		if err != nil {
			return err
		}
		p.nodes[scope][n] = points[0]
	case len(fields) >= 4 && fields[0] == "edge":
		scope, from, err := p.name(fields[1])
		if err != nil {
			return err
		}
		_, to, err := p.name(fields[2])
		if err != nil {
			return err
		}
		k, err := strconv.Atoi(fields[3])
		if err != nil || k < 4 || k > (len(fields)-4)/2 {
			return fmt.Errorf("an edge of %s points in %d fields", fields[3], len(fields))
		}
		points, err := pointsOf(fields[4 : 4+2*k])
		if err != nil {
			return err
		}
		p.edges[scope][edge{from, to}] = points
	}
	return nil
}

// name parses a name written by dotWriter.node.
func (p *plainOutput) name(s string) (scope int, n int32, err error) {
	if _, err := fmt.Sscanf(s, "n%d_%d", &scope, &n); err != nil {
		return 0, 0, fmt.Errorf("a node %q", s)
	}
	if scope < 0 || scope >= len(p.nodes) || n < 0 || int(n) >= len(p.nodes[scope]) {
		return 0, 0, fmt.Errorf("an unknown node %q", s)
	}
	return scope, n, nil
}

func pointsOf(fields []string) ([]point, error) {
	points := make([]point, len(fields)/2)
	for i := range points {
		x, errX := strconv.ParseFloat(fields[2*i], 64)
		y, errY := strconv.ParseFloat(fields[2*i+1], 64)
		if err := errors.Join(errX, errY); err != nil {
			return nil, err
		}
		points[i] = point{x, -y}
	}
	return points, nil
}

// place turns inches into columns and units: equal x is one column.
func place(s *Scope, nodes []point, edges map[edge][]point) (Scope, error) {
	if len(nodes) == 0 {
		return *s, nil
	}
	var across []float64
	for n, at := range nodes {
		if math.IsNaN(at.x) {
			return Scope{}, fmt.Errorf("element %d of %d has no place", n, len(nodes))
		}
		across = append(across, at.x)
	}
	slices.Sort(across)
	across = slices.CompactFunc(across, func(a, b float64) bool { return math.Abs(a-b) < 0.05 }) // columns are an inch apart
	out := Scope{Columns: len(across), Size: s.Size, Edges: make([]Edge, len(s.Edges))}
	out.Column, out.Y = make([]int32, len(nodes)), make([]float64, len(nodes))
	for n, at := range nodes {
		i, exact := slices.BinarySearch(across, at.x)
		if !exact {
			i-- // among several at one x, the first counts
		}
		out.Column[n], out.Y[n] = int32(i), at.y/pitch
	}
	for i, e := range s.Edges {
		from, to := out.Column[e.From], out.Column[e.To]
		curve := edges[edge{e.From, e.To}]
		if from >= to || curve == nil {
			return Scope{}, fmt.Errorf("no edge from element %d to %d, left to right", e.From, e.To)
		}
		via := make([]float64, 0, to-from-1)
		for _, x := range across[from+1 : to] {
			via = append(via, heightAt(curve, x)/pitch)
		}
		out.Edges[i] = Edge{From: e.From, To: e.To, Via: via}
	}
	out.settle()
	return out, nil
}

// settle shifts a scope so that its top is at zero, and sets its height.
func (s *Scope) settle() {
	top, bottom := math.Inf(1), math.Inf(-1)
	for n, y := range s.Y {
		top, bottom = min(top, y-s.Size[n]/2), max(bottom, y+s.Size[n]/2)
	}
	for _, e := range s.Edges {
		for _, y := range e.Via {
			top, bottom = min(top, y), max(bottom, y)
		}
	}
	for n := range s.Y {
		s.Y[n] = rounded(s.Y[n] - top)
	}
	for _, e := range s.Edges {
		for i := range e.Via {
			e.Via[i] = rounded(e.Via[i] - top)
		}
	}
	s.Height = max(1, rounded(bottom-top))
}

func rounded(v float64) float64 { return math.Round(v*grid) / grid }

// heightAt is the height at which a curve from left to right passes x.
func heightAt(curve []point, x float64) float64 {
	i := 0
	for i+6 < len(curve) && curve[i+3].x < x {
		i += 3
	}
	lo, hi := 0.0, 1.0
	for range 40 {
		if t := (lo + hi) / 2; bezier(curve[i:i+4], t).x < x {
			lo = t
		} else {
			hi = t
		}
	}
	return bezier(curve[i:i+4], lo).y
}

func bezier(c []point, t float64) point {
	u := 1 - t
	a, b, d, e := u*u*u, 3*u*u*t, 3*u*t*t, t*t*t
	return point{a*c[0].x + b*c[1].x + d*c[2].x + e*c[3].x, a*c[0].y + b*c[1].y + d*c[2].y + e*c[3].y}
}
