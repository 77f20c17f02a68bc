package bench

import "context"

// call is a boxed function.
type call func(ctx context.Context, args []any) (any, error)

// floorGraph is a shape in compressed sparse rows. An argument is a task, or, below 0, the complement of the number of
// a constant.
type floorGraph struct {
	calls     []call
	function  []uint16
	argOff    []uint32
	args      []int32
	parents   []int32 // how many each task waits for
	childOff  []uint32
	children  []uint32
	constants []any
	roots     []uint32
	result    uint32
}

// newFloorGraph makes the shape for the floor. No parent stands twice among a task's arguments.
func newFloorGraph(s Shape) *floorGraph {
	m := &floorMaker{floorGraph{calls: []call{
		func(ctx context.Context, args []any) (any, error) { return leaf(ctx, args[0].(int)) },
		func(ctx context.Context, args []any) (any, error) { return add(ctx, args[0].(int), args[1].(int)) },
		func(ctx context.Context, args []any) (any, error) {
			parts := make([]int, len(args))
			for i, a := range args {
				parts[i] = a.(int)
			}
			return sum(ctx, parts)
		},
	}}}
	m.g.result = uint32(Build(s, m))
	m.connect()
	return &m.g
}

// floorMaker implements Maker.
type floorMaker struct{ g floorGraph }

func (m *floorMaker) Const(v int) int32 {
	m.g.constants = append(m.g.constants, v)
	return ^int32(len(m.g.constants) - 1)
}

func (m *floorMaker) Leaf(a int32) int32       { return m.task(0, a) }
func (m *floorMaker) Add(a, b int32) int32     { return m.task(1, a, b) }
func (m *floorMaker) Sum(parts ...int32) int32 { return m.task(2, parts...) }

func (m *floorMaker) task(function uint16, args ...int32) int32 {
	m.g.function = append(m.g.function, function)
	m.g.argOff = append(m.g.argOff, uint32(len(m.g.args)))
	m.g.args = append(m.g.args, args...)
	return int32(len(m.g.function) - 1)
}

// connect inverts the arguments.
func (m *floorMaker) connect() {
	g := &m.g
	n := len(g.function)
	g.argOff = append(g.argOff, uint32(len(g.args)))
	g.parents = make([]int32, n)
	g.childOff = make([]uint32, n+1)
	for i := range n {
		for _, a := range g.args[g.argOff[i]:g.argOff[i+1]] {
			if a >= 0 {
				g.parents[i]++
				g.childOff[a+1]++
			}
		}
		if g.parents[i] == 0 {
			g.roots = append(g.roots, uint32(i))
		}
	}
	for i := range n {
		g.childOff[i+1] += g.childOff[i]
	}
	next := append([]uint32(nil), g.childOff...)
	g.children = make([]uint32, g.childOff[n])
	for i := range n {
		for _, a := range g.args[g.argOff[i]:g.argOff[i+1]] {
			if a >= 0 {
				g.children[next[a]] = uint32(i)
				next[a]++
			}
		}
	}
}
