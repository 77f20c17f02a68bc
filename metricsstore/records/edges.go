package records

import (
	"slices"

	"github.com/dagscope/dagscope/engine/record"
)

// connect takes the edges of tasks: each once, and none to the task itself, to none or to one of a group.
func (c *compiler) connect() {
	n := len(c.run.Tasks)
	c.parents, c.children = make([][]int32, n), make([][]int32, n)
	wrong := 0
	for i := range c.run.Tasks {
		t := &c.run.Tasks[i]
		if t.Group != None {
			wrong += len(t.Parents)
			continue
		}
		own := slices.Clone(t.Parents)
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
		for _, p := range c.parents[t] {
			c.children[p] = append(c.children[p], t)
		}
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
	waits, children := make([]int, n), make([][]int32, n)
	for i := range int32(n) {
		waits[i] = len(parents(i))
		for _, p := range parents(i) {
			children[p] = append(children[p], i)
		}
	}
	ready := heap[int32]{less: func(a, b int32) bool { return a < b }}
	for i := range int32(n) {
		if waits[i] == 0 {
			ready.push(i)
		}
	}
	var out sorting
	done, next := make([]bool, n), int32(0)
	for len(out.sorted) < n {
		if ready.empty() { // all that are left wait for a cycle
			for done[next] {
				next++
			}
			out.broken += waits[next]
			waits[next] = 0
			ready.push(next)
		}
		i := ready.pop()
		if done[i] {
			continue
		}
		done[i] = true
		out.sorted = append(out.sorted, i)
		for _, child := range children[i] {
			if waits[child]--; waits[child] == 0 && !done[child] {
				ready.push(child)
			}
		}
	}
	return out
}
