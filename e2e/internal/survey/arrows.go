package survey

import (
	"go/types"
	"maps"
	"slices"
)

// Arrows says which files of a package use which others. A file uses another when it names anything that is declared
// there: a type, function, constant, variable, method or field.
type Arrows struct {
	Order []string    // the files, so that as few arrows as were found run back to an earlier file
	Total int         // ordered pairs of files of which the first uses the second
	Back  [][2]string // pairs in which a file uses one that is before it in Order
}

// Share is the part of the arrows that run back, 0 to 1.
func (a Arrows) Share() float64 { return float64(len(a.Back)) / float64(max(a.Total, 1)) }

// Arrows of one package. To find the order with the fewest arrows back is hard, so this is an upper bound: files are
// moved to where they serve best until no move of a single file helps, from several deterministic beginnings.
func (t *Tree) Arrows(p *Package) Arrows {
	edges := map[[2]string]bool{}
	for ident, object := range p.Info.Uses {
		if object.Pkg() != p.Types || !object.Pos().IsValid() {
			continue
		}
		if f, ok := object.(*types.Func); ok {
			object = f.Origin()
		}
		from, to := t.file(ident.Pos()), t.file(object.Pos())
		if from != to {
			edges[[2]string{from, to}] = true
		}
	}
	var files []string
	for _, f := range p.Files {
		files = append(files, t.file(f.Pos()))
	}
	slices.Sort(files)
	g := newOrdering(files, edges)
	a := Arrows{Total: len(edges)}
	place := map[string]int{}
	for at, file := range g.best() {
		place[files[file]] = at
		a.Order = append(a.Order, files[file])
	}
	for _, e := range slices.SortedFunc(maps.Keys(edges), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		if place[e[0]] > place[e[1]] {
			a.Back = append(a.Back, e)
		}
	}
	return a
}

// ordering looks for an order of numbered files; uses[i][j] is 1 when file i uses file j.
type ordering struct{ uses [][]int }

func newOrdering(files []string, edges map[[2]string]bool) ordering {
	o := ordering{make([][]int, len(files))}
	for i, from := range files {
		o.uses[i] = make([]int, len(files))
		for j, to := range files {
			if edges[[2]string{from, to}] {
				o.uses[i][j] = 1
			}
		}
	}
	return o
}

// best tries the files by name, by name backwards, and by how many others they use less how many use them.
func (o ordering) best() []int {
	byName := make([]int, len(o.uses))
	for i := range byName {
		byName[i] = i
	}
	backwards := slices.Clone(byName)
	slices.Reverse(backwards)
	byUses := slices.Clone(byName)
	surplus := func(i int) (n int) {
		for j := range o.uses {
			n += o.uses[i][j] - o.uses[j][i]
		}
		return n
	}
	slices.SortStableFunc(byUses, func(a, b int) int { return surplus(b) - surplus(a) })
	best := o.improve(byUses)
	for _, start := range [][]int{byName, backwards} {
		if order := o.improve(start); o.back(order) < o.back(best) {
			best = order
		}
	}
	return best
}

// improve moves one file after the other to its best place until nothing changes.
func (o ordering) improve(order []int) []int {
	order = slices.Clone(order)
	for moved := true; moved; {
		moved = false
		for at := 0; at < len(order); at++ {
			if to := o.bestPlace(order, at); to != at {
				file := order[at]
				order = slices.Insert(slices.Delete(order, at, at+1), to, file)
				moved = true
			}
		}
	}
	return order
}

// bestPlace is where the file at a place should go; its own place unless another is strictly better.
func (o ordering) bestPlace(order []int, at int) int {
	file, best, gain := order[at], at, 0
	for sum, to := 0, at-1; to >= 0; to-- { // earlier: arrows to those it passes point forward
		sum += o.uses[file][order[to]] - o.uses[order[to]][file]
		if sum > gain {
			best, gain = to, sum
		}
	}
	for sum, to := 0, at+1; to < len(order); to++ {
		sum += o.uses[order[to]][file] - o.uses[file][order[to]]
		if sum > gain {
			best, gain = to, sum
		}
	}
	return best
}

// back counts the arrows that run back.
func (o ordering) back(order []int) (n int) {
	for at, file := range order {
		for _, earlier := range order[:at] {
			n += o.uses[file][earlier]
		}
	}
	return n
}
