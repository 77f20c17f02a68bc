package argo

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Types of nodes that matter here. All others are executed: Pod, Container, Suspend, HTTP, Plugin, Skipped.
const (
	typeDAG       = "DAG"
	typeSteps     = "Steps"
	typeStepGroup = "StepGroup"
	typeTaskGroup = "TaskGroup"
	typeRetry     = "Retry"
	typePod       = "Pod"
	typeContainer = "Container"
)

// noNode is the number of no node.
const noNode = -1

// tree is the nodes of a workflow, sorted by start, with what contains what and what follows what.
type tree struct {
	nodes   []*node
	number  map[string]int
	within  []int   // the node that a node is a member of, or noNode
	listed  []bool  // as a child of that one, not only by its boundary
	members [][]int // attempts of a Retry in their order
	after   [][]int // nodes that follow a node
	waits   []bool  // the node follows another one
	// followed: a node that is a member of the same one follows it or something in it.
	followed []bool
	retried  []bool // the node is a task with attempts: a Retry whose members have no members themselves
	absent   int    // children that are not in the file
}

func newTree(all map[string]*node) *tree {
	t := &tree{number: make(map[string]int, len(all))}
	for key, n := range all {
		if n == nil {
			continue
		}
		n.ID = key
		t.nodes = append(t.nodes, n)
	}
	slices.SortFunc(t.nodes, func(a, b *node) int {
		return cmp.Or(strings.Compare(a.StartedAt, b.StartedAt), strings.Compare(a.ID, b.ID))
	})
	t.within, t.listed = make([]int, len(t.nodes)), make([]bool, len(t.nodes))
	t.members, t.after, t.waits = make([][]int, len(t.nodes)), make([][]int, len(t.nodes)), make([]bool, len(t.nodes))
	for i, n := range t.nodes {
		t.number[n.ID], t.within[i] = i, noNode
	}
	t.readChildren()
	for i, n := range t.nodes {
		if b, there := t.number[n.BoundaryID]; there && t.within[i] == noNode && b != i {
			t.within[i] = b
		}
	}
	t.breakCircles()
	for i, in := range t.within {
		if in != noNode {
			t.members[in] = append(t.members[in], i)
		}
	}
	t.retried = make([]bool, len(t.nodes))
	for i, n := range t.nodes {
		if n.Type == typeRetry && len(t.members[i]) > 0 {
			t.retried[i] = !slices.ContainsFunc(t.members[i], t.composite)
			slices.SortStableFunc(t.members[i], func(a, b int) int { return cmp.Compare(t.nodes[a].attempt(), t.nodes[b].attempt()) })
		}
	}
	t.findFollowed()
	return t
}

// findFollowed climbs from each node that another one follows to the level at which both are in one.
func (t *tree) findFollowed() {
	t.followed = make([]bool, len(t.nodes))
	for i := range t.nodes {
		for _, next := range t.after[i] {
			for a, depth := i, 0; t.within[a] != noNode && depth < maxDepth; a, depth = t.within[a], depth+1 {
				if t.isWithin(next, t.within[a]) {
					t.followed[a] = true
					break
				}
			}
		}
	}
}

// maxDepth is how deep a node is searched in others. Argo itself stops at 100.
const maxDepth = 128

// isWithin reports whether a node is a member of another one, or of a member of it, and so on.
func (t *tree) isWithin(i, in int) bool {
	for depth := 0; i != noNode && depth < maxDepth; depth++ {
		if i = t.within[i]; i == in {
			return true
		}
	}
	return false
}

// readChildren sorts children into members and successors.
func (t *tree) readChildren() {
	for i, n := range t.nodes {
		for _, id := range n.Children {
			child, there := t.number[id]
			switch {
			case !there:
				t.absent++
			case child == i:
			case n.contains(t.nodes[child]):
				if t.within[child] == noNode {
					t.within[child], t.listed[child] = i, true
				}
			default:
				t.after[i], t.waits[child] = append(t.after[i], child), true
			}
		}
	}
}

// contains reports whether a child is a member of the node. If not, it follows the node.
func (n *node) contains(child *node) bool {
	switch n.Type {
	case typeDAG, typeSteps:
		return child.BoundaryID == n.ID
	case typeStepGroup:
		// A group without steps is followed by the next one itself.
		return child.Type != typeStepGroup
	case typeRetry, typeTaskGroup:
		// What follows the node itself, such as a hook, is named otherwise.
		return strings.HasPrefix(child.Name, n.Name+"(")
	case typePod:
		return child.Type == typeContainer && child.BoundaryID == n.ID
	}
	return false
}

// attempt is the number at the end of the name of an attempt, as in "name(2)".
func (n *node) attempt() int {
	at := strings.LastIndexByte(n.Name, '(')
	if at < 0 {
		return -1
	}
	// In "name(2:item)", the number is of an item; so it is where the node is an attempt at all.
	number, _, _ := strings.Cut(strings.TrimSuffix(n.Name[at+1:], ")"), ":")
	i, err := strconv.Atoi(number)
	if err != nil {
		return -1
	}
	return i
}

// breakCircles makes roots of nodes that contain themselves.
func (t *tree) breakCircles() {
	const open, closed = 1, 2
	state := make([]uint8, len(t.nodes))
	for i := range t.nodes {
		var path []int
		for j := i; j != noNode && state[j] != closed; j = t.within[j] {
			if state[j] == open {
				t.within[j] = noNode
				break
			}
			state[j] = open
			path = append(path, j)
		}
		for _, j := range path {
			state[j] = closed
		}
	}
}

// composite reports whether the node consists of others, so that only these are tasks.
func (t *tree) composite(i int) bool {
	if len(t.members[i]) > 0 {
		return true
	}
	n := t.nodes[i]
	switch n.Type {
	case typeDAG, typeSteps, typeStepGroup, typeTaskGroup:
		return n.outcome() != failed // one that failed before it had members is a task that failed
	}
	return false
}

// roots returns the numbers of the main node and of the handler that runs after it.
func (t *tree) roots(name string) (root, exit int) {
	root, exit = noNode, noNode
	if i, there := t.number[name]; there {
		root = i
	} else {
		root = slices.IndexFunc(t.nodes, func(n *node) bool { return n.BoundaryID == "" && n.Name == name })
	}
	exit = slices.IndexFunc(t.nodes, func(n *node) bool { return n.BoundaryID == "" && n.Name == name+".onExit" })
	return root, exit
}
