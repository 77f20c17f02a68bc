package metricsstore

import (
	"github.com/dagscope/dagscope/engine/dag"
)

// levels are lengths of paths: how many tasks precede a node on the longest path to it. All instances of a fan-out
// are alike.
type levels struct {
	graph *dag.Graph
	known [][]int32 // for each node of each scope: level + 1, 0 for not computed yet
}

func newLevels(g *dag.Graph) *levels {
	l := &levels{graph: g, known: make([][]int32, g.Scopes())}
	for i := range l.known {
		l.known[i] = make([]int32, g.Scope(int32(i)).Len())
	}
	return l
}

// of is the level of a node of a scope, from 0.
func (l *levels) of(scope int32, node uint32) int32 {
	if v := l.known[scope][node]; v > 0 {
		return v - 1
	}
	s := l.graph.Scope(scope)
	level := int32(0)
	if up := s.Up(); up >= 0 {
		level = l.after(up, s.Expansion())
	}
	for _, p := range s.Parents(node) {
		level = max(level, l.after(scope, p))
	}
	if s.Kind(node) == dag.JoinNode {
		region := s.Region(s.JoinExpansion(node))
		for _, w := range s.JoinWaits(node) {
			level = max(level, l.after(region, w))
		}
	}
	l.known[scope][node] = level + 1
	return level
}

// after is the level of what waits for a node. Expansions and joins are no tasks and add no level.
func (l *levels) after(scope int32, node uint32) int32 {
	level := l.of(scope, node)
	if l.graph.Scope(scope).Kind(node) == dag.TaskNode {
		level++
	}
	return level
}
