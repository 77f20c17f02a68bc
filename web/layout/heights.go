package layout

import "math"

// Bounds of the effort spent on heights.
const (
	heightBudget = 4_000_000 // links and nodes visited, in all passes
	mostPasses   = 200
	leastPasses  = 6
	still        = 0.002 // in units: passes end when no node moves further than this
)

// Extents of bends, in steps. They shrink if a column has so many bends that it would be taller than the tallest
// column.
const (
	widestBend    = grid / 2
	narrowestBend = grid / 10
)

// Weights of what a link climbs (Gansner et al., section 4: 1, 2, 8): long edges and chains should be straight.
const (
	loose    = 1
	halfBent = 2
	stiff    = 8
	// prevailing multiplies the weights of the side with more neighbours. If it is lower, a node with many inputs is
	// pulled towards its reader; if it is much higher, passes take longer to converge.
	prevailing = 64
	unmoved    = 1.0 / 64
)

// heights returns the middle of each node's extent, in steps from the top. It keeps the order of the columns.
func heights(lv *levels, sizes []int32) []int32 {
	if len(lv.column) == 0 {
		return nil
	}
	p := newPlacer(lv, sizes)
	passes := min(mostPasses, max(leastPasses, heightBudget/(len(lv.column)+len(lv.right.list))))
	p.pass(true, true, false)
	p.pass(false, false, true)
	for i := range passes {
		if p.pass(i&1 == 0, true, true) < still {
			break
		}
	}
	y := p.steps()
	stack(lv, p.extent, y)
	straighten(lv, p.extent, y)
	top := int32(math.MaxInt32)
	for n, at := range y {
		top = min(top, at-p.extent[n]/2)
	}
	for n := range y {
		y[n] -= top
	}
	return y
}

// placer moves nodes up and down without changing the order of columns.
type placer struct {
	*levels
	extent []int32   // by node, in steps, even
	y      []float64 // middle of each node, in steps
	runs   [][]int32 // columns, split into connected parts: each part is placed as if it were alone
	blocks []block
}

// block is a run of nodes that touch each other: pooled violators.
type block struct {
	weight, sum float64 // sum of weight times wish, measured from the first node of the column
	nodes       int
}

// newPlacer starts with columns whose nodes touch, all with their middle at zero.
func newPlacer(lv *levels, sizes []int32) *placer {
	p := &placer{levels: lv, extent: make([]int32, len(lv.column)), y: make([]float64, len(lv.column))}
	copy(p.extent, sizes)
	tallest := int32(0)
	taken := make([]int32, len(lv.columns))
	for c, nodes := range lv.columns {
		for _, n := range nodes {
			taken[c] += p.extent[n]
		}
		tallest = max(tallest, taken[c])
	}
	for c, nodes := range lv.columns {
		bends := int32(0)
		for _, n := range nodes {
			if lv.isBend(n) {
				bends++
			}
		}
		extent := max(narrowestBend, min(widestBend, (tallest-taken[c])/max(1, bends)/2*2))
		height := taken[c] + bends*extent
		at := -height / 2
		for _, n := range nodes {
			if lv.isBend(n) {
				p.extent[n] = extent
			}
			p.y[n] = float64(at + p.extent[n]/2)
			at += p.extent[n]
		}
		for i, start := 1, 0; i <= len(nodes); i++ {
			if i == len(nodes) || lv.part[nodes[i]] != lv.part[nodes[start]] {
				p.runs = append(p.runs, nodes[start:i])
				start = i
			}
		}
	}
	return p
}

// pass places the columns one after the other, each given the column before it, after it or both, and returns the
// longest distance that a node moved, in units.
func (p *placer) pass(rightward, before, after bool) float64 {
	furthest := 0.0
	for i := range p.runs {
		if !rightward {
			i = len(p.runs) - 1 - i
		}
		furthest = max(furthest, p.place(p.runs[i], before, after))
	}
	return furthest / grid
}

// place is isotonic regression: nodes get the heights closest to their wishes, in weighted squares, that keep their
// order and do not overlap. Measured from their positions if all nodes touched, heights only must not decrease.
func (p *placer) place(nodes []int32, before, after bool) float64 {
	p.blocks = p.blocks[:0]
	offset := int32(0)
	for i, n := range nodes {
		if i > 0 {
			offset += (p.extent[nodes[i-1]] + p.extent[n]) / 2
		}
		weight, sum := p.wish(n, before, after)
		b := block{weight, sum - float64(weight*float64(offset)), 1}
		for k := len(p.blocks); k > 0 && p.blocks[k-1].sum*b.weight >= b.sum*p.blocks[k-1].weight; k-- {
			b.weight += p.blocks[k-1].weight
			b.sum += p.blocks[k-1].sum
			b.nodes += p.blocks[k-1].nodes
			p.blocks = p.blocks[:k-1]
		}
		p.blocks = append(p.blocks, b)
	}
	furthest, i := 0.0, 0
	offset = 0
	for _, b := range p.blocks {
		level := b.sum / b.weight
		for range b.nodes {
			if i > 0 {
				offset += (p.extent[nodes[i-1]] + p.extent[nodes[i]]) / 2
			}
			at := level + float64(offset)
			furthest = max(furthest, math.Abs(at-p.y[nodes[i]]))
			p.y[nodes[i]] = at
			i++
		}
	}
	return furthest
}

// wish is where the neighbours pull a node, and how strongly; a node without neighbours is pulled only weakly. The side
// with more neighbours prevails, so that a node with many inputs is in the middle of them.
func (p *placer) wish(n int32, before, after bool) (weight, sum float64) {
	left, right := p.left.of(n), p.right.of(n)
	if before {
		weight, sum = p.pull(n, left, prevalence(len(left), len(right)))
	}
	if after {
		w, s := p.pull(n, right, prevalence(len(right), len(left)))
		weight, sum = weight+w, sum+s
	}
	if weight == 0 {
		return unmoved, unmoved * p.y[n]
	}
	return weight, sum
}

// pull adds up the neighbours on one side. The conversions keep compilers from fusing operations, which would round
// differently on some machines.
func (p *placer) pull(n int32, neighbours []int32, factor float64) (weight, sum float64) {
	for _, m := range neighbours {
		w := factor * p.weight(n, m)
		weight += w
		sum += float64(w * p.y[m])
	}
	return weight, sum
}

func prevalence(neighbours, others int) float64 {
	if neighbours > others {
		return prevailing
	}
	return 1
}

// weight is the weight of the link between two neighbours, in either order.
func (lv *levels) weight(n, m int32) float64 {
	if lv.column[n] > lv.column[m] {
		n, m = m, n
	}
	a, b := lv.isBend(n), lv.isBend(m)
	switch {
	case a && b, lv.isSole(n, m):
		return stiff
	case a || b:
		return halfBent
	default:
		return loose
	}
}

// steps rounds heights to whole steps, again without overlaps within a part.
func (p *placer) steps() []int32 {
	y := make([]int32, len(p.y))
	for _, nodes := range p.runs {
		for i, n := range nodes {
			y[n] = int32(math.Round(p.y[n]))
			if i > 0 {
				above := nodes[i-1]
				y[n] = max(y[n], y[above]+(p.extent[above]+p.extent[n])/2)
			}
		}
	}
	return y
}

// stack moves the parts of the graph below one another, each as far up as the parts above it allow. All of them have
// nodes in the first column.
func stack(lv *levels, extent, y []int32) {
	parts := 0
	for _, p := range lv.part {
		parts = max(parts, int(p)+1)
	}
	if parts == 1 {
		return
	}
	of := rowsOf(parts, len(lv.part), func(i int) (int32, int32) { return lv.part[i], int32(i) })
	for p := range int32(parts) {
		down := int32(math.MinInt32)
		for _, n := range of.of(p) {
			nodes, i := lv.columns[lv.column[n]], lv.pos[n]
			if i > 0 && lv.part[nodes[i-1]] != p {
				down = max(down, y[nodes[i-1]]+(extent[nodes[i-1]]+extent[n])/2-y[n])
			}
		}
		if p == 0 {
			down = 0
		}
		for _, n := range of.of(p) {
			y[n] += down
		}
	}
}
