package layout

// sweeper changes the order of columns and remembers the best one.
type sweeper struct {
	*levels
	fewest  int // crossings of best, -1 if there is none yet
	best    [][]int32
	key     []float64
	tree    []int32
	fill    []int32 // by node: how many of its sorted neighbours are known
	before  []int32 // positions of neighbours in the column before, laid out like left.list, ascending
	after   []int32 // the same for the column after, laid out like right.list
	movable []int32
	slots   []int
	random  uint64
}

func newSweeper(lv *levels) *sweeper {
	s := &sweeper{levels: lv, fewest: -1, best: make([][]int32, len(lv.columns)), random: 1}
	n := len(lv.column)
	s.key, s.fill = make([]float64, n), make([]int32, n)
	s.before, s.after = make([]int32, len(lv.left.list)), make([]int32, len(lv.right.list))
	return s
}

// crossings counts pairs of links that cross, in all columns.
func (s *sweeper) crossings() int {
	sum := 0
	for c := 1; c < len(s.columns); c++ {
		s.lookAfter(c - 1)
		sum += s.between(c - 1)
	}
	return sum
}

// between counts the crossings of the links from column c to the next: for each link from the top, the tree of Barth,
// Jünger and Mutzel counts how many of the links before it end further down.
func (s *sweeper) between(c int) int {
	first := 1
	for first < len(s.columns[c+1]) {
		first *= 2
	}
	first-- // index of the first leaf
	if len(s.tree) < 2*first+1 {
		s.tree = make([]int32, 2*first+1)
	}
	tree := s.tree[:2*first+1]
	clear(tree)
	sum := 0
	for _, n := range s.columns[c] {
		for _, p := range s.after[s.right.off[n]:s.right.off[n+1]] {
			i := first + int(p)
			tree[i]++
			for i > 0 {
				if i&1 == 1 {
					sum += int(tree[i+1])
				}
				i = (i - 1) / 2
				tree[i]++
			}
		}
	}
	return sum
}

// lookAfter sorts, for each node of column c, the positions of its neighbours in the next column, by walking that
// column from top to bottom.
func (s *sweeper) lookAfter(c int) {
	for _, n := range s.columns[c] {
		s.fill[n] = s.right.off[n]
	}
	for i, n := range s.columns[c+1] {
		for _, m := range s.left.of(n) {
			s.after[s.fill[m]] = int32(i)
			s.fill[m]++
		}
	}
}

// lookBefore does the same with the column before.
func (s *sweeper) lookBefore(c int) {
	for _, n := range s.columns[c] {
		s.fill[n] = s.left.off[n]
	}
	for i, n := range s.columns[c-1] {
		for _, m := range s.right.of(n) {
			s.before[s.fill[m]] = int32(i)
			s.fill[m]++
		}
	}
}

// exchange swaps neighbours in a column while that reduces crossings, in at most the given number of passes over all
// columns; with even, also if it makes no difference.
func (s *sweeper) exchange(passes int, even bool) {
	for range passes {
		gain := 0
		for c := range s.columns {
			gain += s.exchangeIn(c, even)
		}
		if gain == 0 {
			return
		}
	}
}

func (s *sweeper) exchangeIn(c int, even bool) int {
	if c > 0 {
		s.lookBefore(c)
	}
	if c+1 < len(s.columns) {
		s.lookAfter(c)
	}
	gain := 0
	nodes := s.columns[c]
	for i := 1; i < len(nodes); i++ {
		a, b := nodes[i-1], nodes[i]
		if s.part[a] != s.part[b] {
			continue
		}
		now, swapped := inversions(s.before[s.left.off[a]:s.left.off[a+1]], s.before[s.left.off[b]:s.left.off[b+1]])
		now2, swapped2 := inversions(s.after[s.right.off[a]:s.right.off[a+1]], s.after[s.right.off[b]:s.right.off[b+1]])
		if less := now + now2 - swapped - swapped2; less > 0 || even && less == 0 {
			nodes[i-1], nodes[i] = b, a
			gain += less
		}
	}
	s.number(c)
	return gain
}

// inversions counts the pairs of a number of a and a number of b, both ascending lists, in which the number of a is
// larger, and those in which it is smaller.
func inversions(a, b []int32) (larger, smaller int) {
	less, lessOrEqual := 0, 0 // how many numbers of b are less than v, and at most v
	for _, v := range a {
		for less < len(b) && b[less] < v {
			less++
		}
		for lessOrEqual < len(b) && b[lessOrEqual] <= v {
			lessOrEqual++
		}
		larger += less
		smaller += len(b) - lessOrEqual
	}
	return larger, smaller
}
