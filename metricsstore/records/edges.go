package records

import (
	"iter"
	"slices"

	"github.com/dagscope/dagscope/engine/record"
)

// connect takes the edges of tasks: each once, and none to the task itself, to none or to one of a group.
func (c *compiler) connect() {
	n, edges := len(c.run.Tasks), 0
	for i := range c.run.Tasks {
		edges += len(c.run.Tasks[i].Parents)
	}
	c.parents = make([][]int32, n)
	all := make([]int32, 0, edges) // one allocation for all of them
	wrong := 0
	for i := range c.run.Tasks {
		t := &c.run.Tasks[i]
		if t.Group != None {
			wrong += len(t.Parents)
			continue
		}
		from := len(all)
		all = append(all, t.Parents...)
		own := all[from:len(all):len(all)]
		slices.Sort(own)
		own = slices.Compact(own)
		kept := slices.DeleteFunc(own, func(p int32) bool {
			return p < 0 || int(p) >= n || int(p) == i || c.run.Tasks[p].Group != None
		})
		wrong += len(own) - len(kept)
		c.parents[i] = kept
	}
	c.notes.LeftOut(wrong, "edges lead to no other task")
}

// connectGroups takes the edges of groups, and finds the tasks of each.
func (c *compiler) connectGroups() {
	c.after = make([]groupLinks, len(c.run.Groups))
	for i := range c.run.Groups {
		own := slices.Clone(c.run.Groups[i].After)
		slices.Sort(own)
		c.after[i].after = slices.DeleteFunc(slices.Compact(own), func(p int32) bool {
			return p < 0 || int(p) >= len(c.run.Groups) || int(p) == i
		})
	}
	for i := range c.run.Tasks {
		if g := c.run.Tasks[i].Group; g != None {
			c.after[g].tasks = append(c.after[g].tasks, int32(i))
		}
	}
	groups := topological(len(c.after), func(g int32) []int32 { return c.after[g].after })
	for place, g := range groups.sorted {
		c.after[g].place = int32(place)
	}
	for i := range c.after {
		g := &c.after[i]
		g.after = slices.DeleteFunc(g.after, func(p int32) bool { return c.after[p].place > g.place })
	}
	c.notes.LeftOut(groups.broken, "edges between groups would form a cycle")
}

// order sorts the tasks, parents first and otherwise as they were read. Edges that close a cycle are left out: what a
// reader infers may contradict itself.
func (c *compiler) order() {
	all := topological(len(c.run.Tasks), func(t int32) []int32 { return c.parents[t] })
	c.number = make([]int32, len(c.run.Tasks))
	for place, t := range all.sorted {
		c.number[t] = int32(place)
		if c.run.Tasks[t].Group == None {
			c.sorted = append(c.sorted, t)
		}
	}
	for _, t := range c.sorted {
		c.parents[t] = slices.DeleteFunc(c.parents[t], func(p int32) bool { return c.number[p] > c.number[t] })
		c.edges += len(c.parents[t])
	}
	c.notes.Add(record.NoteLeftOut, int64(all.broken), "edges would form a cycle")
}

// sorting is a topological order.
type sorting struct {
	sorted []int32
	broken int // edges that lead against it
}

// topological sorts n nodes: parents first, otherwise by their numbers. If there are cycles, the node with the lowest
// number that waits goes first, and the edges to it from nodes that come later are broken.
func topological(n int, parents func(int32) []int32) sorting {
	waits, children := make([]int32, n), childrenOf(n, edgesOf(n, parents))
	for i := range int32(n) {
		waits[i] = int32(len(parents(i)))
	}
	ready := heap[int32]{less: func(a, b int32) bool { return a < b }}
	for i := range int32(n) {
		if waits[i] == 0 {
			ready.push(i)
		}
	}
	out := sorting{sorted: make([]int32, 0, n)}
	done, next := make([]bool, n), int32(0)
	for len(out.sorted) < n {
		if ready.empty() { // all that are left wait for a cycle
			for done[next] {
				next++
			}
			out.broken += int(waits[next])
			waits[next] = 0
			ready.push(next)
		}
		i := ready.pop()
		if done[i] {
			continue
		}
		done[i] = true
		out.sorted = append(out.sorted, i)
		for _, child := range children.of(i) {
			if waits[child]--; waits[child] == 0 && !done[child] {
				ready.push(child)
			}
		}
	}
	return out
}

// children are the children of each node, in the order of their numbers.
type children struct {
	first []int32 // of each node, and of none after them
	all   []int32
}

// edgesOf are the edges of n nodes, each from a parent to a child, by child.
func edgesOf(n int, parents func(int32) []int32) iter.Seq2[int32, int32] {
	return func(yield func(parent, child int32) bool) {
		for i := range int32(n) {
			for _, p := range parents(i) {
				if !yield(p, i) {
					return
				}
			}
		}
	}
}

// childrenOf sorts the edges of n nodes, each from a parent to a child, by parent.
func childrenOf(n int, edges iter.Seq2[int32, int32]) children {
	c := children{first: make([]int32, n+2)}
	for p := range edges {
		c.first[p+2]++
	}
	for i := range n {
		c.first[i+2] += c.first[i+1]
	}
	c.all = make([]int32, c.first[n+1])
	for p, i := range edges { // first[p+1] moves from the first child of p to that of p+1
		c.all[c.first[p+1]] = i
		c.first[p+1]++
	}
	return c
}

func (c *children) of(node int32) []int32 { return c.all[c.first[node]:c.first[node+1]] }
