package dag

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dagscope/dagscope/engine/internal/wire"
)

// cycle describes a cycle among the nodes of a scope, empty if it has none. It removes nodes without remaining parents
// until none is left; each node that remains is part of a cycle or depends on one.
func (g *Graph) cycle(scope int32) string {
	s := &g.scopes[scope]
	waits := make([]uint32, s.Len())
	var ready []uint32
	for n := range waits {
		if waits[n] = s.parentOff[n+1] - s.parentOff[n]; waits[n] == 0 {
			ready = append(ready, uint32(n))
		}
	}
	left := len(waits)
	for ; len(ready) > 0; left-- {
		n := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		for _, c := range s.Children(n) {
			if waits[c]--; waits[c] == 0 {
				ready = append(ready, c)
			}
		}
	}
	if left == 0 {
		return ""
	}
	return fmt.Sprintf("scope %d has a cycle: %s", scope, g.nameCycle(s, waits))
}

// nameCycle describes one cycle: each node that still waits has a parent that still waits, so walking up ends in a
// cycle.
func (g *Graph) nameCycle(s *Scope, waits []uint32) string {
	n := uint32(0)
	for waits[n] == 0 {
		n++
	}
	at := map[uint32]int{}
	var path []uint32
	for {
		if start, isSeen := at[n]; isSeen {
			path = append(path[start:], n)
			break
		}
		at[n] = len(path)
		path = append(path, n)
		for _, p := range s.Parents(n) {
			if waits[p] > 0 {
				n = p
				break
			}
		}
	}
	const most = 12
	names := make([]string, 0, most+1)
	for i := len(path) - 1; i >= 0; i-- {
		if len(names) == most && i > 0 {
			names = append(names, "…")
			i = 0
		}
		names = append(names, g.nodeName(s, path[i]))
	}
	return strings.Join(names, " → ")
}

func (g *Graph) nodeName(s *Scope, n uint32) string {
	number := strconv.Itoa(int(n))
	switch s.Kind(n) {
	case TaskNode:
		return wire.Printable(g.functions[s.functions[n]].name) + " (node " + number + ")"
	case ExpandNode:
		return "fan-out (node " + number + ")"
	default:
		return "join (node " + number + ")"
	}
}
