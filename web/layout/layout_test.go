package layout

import (
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dagscope/dagscope/engine/dag"
)

// checkScope checks that a scope has the properties that Scope promises; elements may overlap by the given tolerance.
func checkScope(t require.TestingT, s *Scope, overlap float64) {
	overlap += 1e-9                                     // of sums
	hold := func(ok bool, format string, args ...any) { // quicker than require for 100,000 elements
		if !ok {
			require.Failf(t, "broken promise", format, args...)
		}
	}
	require.GreaterOrEqual(t, s.Columns, 1)
	require.GreaterOrEqual(t, s.Height, 1.0)
	require.Len(t, s.Y, len(s.Column))
	require.Len(t, s.Size, len(s.Column))
	columns := make([][]int, s.Columns)
	for n, c := range s.Column {
		hold(c >= 0 && int(c) < s.Columns, "element %d is in column %d of %d", n, c, s.Columns)
		hold(s.Size[n] >= 1, "element %d takes %v", n, s.Size[n])
		hold(s.Y[n]-s.Size[n]/2 >= -overlap && s.Y[n]+s.Size[n]/2 <= s.Height+overlap, "element %d is at %v of %v", n, s.Y[n], s.Height)
		columns[c] = append(columns[c], n)
	}
	for c, nodes := range columns {
		hold(len(nodes) > 0 || len(s.Column) == 0, "column %d is empty", c)
		slices.SortFunc(nodes, func(a, b int) int { return cmp.Compare(s.Y[a], s.Y[b]) })
		for i := 1; i < len(nodes); i++ {
			a, b := nodes[i-1], nodes[i]
			hold(s.Y[b]-s.Y[a] >= (s.Size[a]+s.Size[b])/2-overlap, "elements %d and %d overlap", a, b)
		}
	}
	for i, e := range s.Edges {
		if i > 0 {
			before := s.Edges[i-1]
			hold(before.From < e.From || before.From == e.From && before.To < e.To, "edge %d is out of order", i)
		}
		span := int(s.Column[e.To] - s.Column[e.From])
		hold(span > 0, "edge from %d to %d goes to the left", e.From, e.To)
		hold(e.Via != nil && (len(e.Via) == 0 || len(e.Via) == span-1), "edge from %d to %d has %d bends", e.From, e.To, len(e.Via))
		for _, y := range e.Via {
			hold(y >= -overlap && y <= s.Height+overlap, "a bend is at %v of %v", y, s.Height)
		}
	}
}

// pairs are the edges between elements that a scope must have, derived from the nodes of the graph.
func pairs(s *dag.Scope) []edge {
	element := func(n uint32) int32 {
		if s.Kind(n) == dag.JoinNode {
			return int32(s.JoinExpansion(n))
		}
		return int32(n)
	}
	found := map[edge]bool{}
	for n := range s.Len() {
		for _, p := range s.Parents(n) {
			if e := (edge{element(p), element(n)}); e.from != e.to {
				found[e] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
}

// checkLayout compares a layout with its graph.
func checkLayout(t require.TestingT, g *dag.Graph, l *Layout) {
	require.Len(t, l.Scopes, g.Scopes())
	for i := range l.Scopes {
		s, from := &l.Scopes[i], g.Scope(int32(i))
		checkScope(t, s, 0)
		var got []edge
		for _, e := range s.Edges {
			got = append(got, edge{e.From, e.To})
			require.Len(t, e.Via, int(s.Column[e.To]-s.Column[e.From]-1))
		}
		require.Equal(t, pairs(from), got)
		boxes := 0
		for n := range from.Len() {
			switch from.Kind(n) {
			case dag.TaskNode:
				require.Equal(t, 1.0, s.Size[n])
			case dag.ExpandNode:
				boxes++
				require.InDelta(t, l.Scopes[from.Region(n)].Height+1, s.Size[n], 0.02)
			case dag.JoinNode:
			}
		}
		require.Len(t, s.Y, int(from.Tasks())+boxes)
	}
}

func TestLayoutOfAnyGraph(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tasks, edges := acyclic(t)
		g := link(t, tasks, edges...)
		checkLayout(t, g, Compute(g))
	})
}

func TestLayoutOfFanOuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := grown(t)
		l := Compute(g)
		checkLayout(t, g, l)
		decoded, err := dag.DecodeShape(g.AppendShape(nil))
		require.NoError(t, err)
		require.Equal(t, asJSON(t, l), asJSON(t, Compute(decoded)), "equal hashes, unequal layouts")
	})
}

func asJSON(t require.TestingT, v any) string {
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

// TestColumnsSurviveRenumbering: numbers only influence what is above and below, never lengths.
func TestColumnsSurviveRenumbering(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tasks, edges := acyclic(t)
		by := rapid.Permutation(numbers(tasks)).Draw(t, "by")
		a, b := Compute(link(t, tasks, edges...)).Scopes[0], Compute(link(t, tasks, renumbered(by, edges)...)).Scopes[0]
		for n := range tasks {
			require.Equal(t, a.Column[n], b.Column[by[n]])
		}
	})
}

// TestCrossingsAreCounted compares the accumulator tree with comparing all pairs.
func TestCrossingsAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tasks, edges := acyclic(t)
		e := newElements(make([]int32, tasks), edges)
		lv := newLevels(e, columnsOf(e), mostBends)
		s := newSweeper(lv)
		s.byNumber()
		count := func() int {
			sum := 0
			for a := range lv.column {
				for b := range lv.column {
					if lv.column[a] != lv.column[b] || lv.pos[a] >= lv.pos[b] {
						continue
					}
					for _, x := range lv.right.of(int32(a)) {
						for _, y := range lv.right.of(int32(b)) {
							if lv.pos[x] > lv.pos[y] {
								sum++
							}
						}
					}
				}
			}
			return sum
		}
		require.Equal(t, count(), s.crossings())
		before := count()
		s.exchange(exchanges, false)
		require.LessOrEqual(t, count(), before)
		require.Equal(t, count(), s.crossings())
		order(lv)
		require.LessOrEqual(t, count(), before)
	})
}

func TestLateSourcesStandNextToTheirReaders(t *testing.T) {
	// 0 → 1 → 2 → 3 → 4, read by 4 as well: 5 → 6, and 7 by both 1 and 4.
	edges := []edge{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {5, 6}, {6, 4}, {7, 1}, {7, 4}}
	kinds := []int32{0, 1, 2, 3, 4, 5, 6, 7}
	require.Equal(t, []int32{0, 1, 2, 3, 4, 2, 3, 0}, columnsOf(newElements(kinds, edges)))
	// Of one function they stay together: 5 cannot leave 0 and 7.
	kinds = []int32{0, 1, 2, 3, 4, 0, 6, 0}
	require.Equal(t, []int32{0, 1, 2, 3, 4, 0, 1, 0}, columnsOf(newElements(kinds, edges)))
}

func TestChainsAreStraightAndJoinsInTheMiddle(t *testing.T) {
	for name, g := range map[string]*dag.Graph{
		"chain": chain(t, 500), "fan": fan(t, 7), "two chains": link(t, 4, edge{0, 2}, edge{1, 3}),
	} {
		s := Compute(g).Scopes[0]
		for _, e := range s.Edges {
			if name != "fan" {
				require.Equal(t, s.Y[e.From], s.Y[e.To], name)
			}
		}
		if name == "fan" {
			require.Equal(t, []float64{3.5, .5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 3.5}, s.Y)
		}
	}
	tree := Compute(graphOf(t, "tree-reduction", map[string]string{"n": "64"})).Scopes[0]
	require.Equal(t, 32.0, tree.Height)
	sums, children := make([]float64, len(tree.Y)), make([]float64, len(tree.Y))
	for _, e := range tree.Edges {
		sums[e.To] += tree.Y[e.From]
		children[e.To]++
	}
	for n, k := range children {
		if k > 0 {
			require.InDelta(t, sums[n]/k, tree.Y[n], 0.1, "task %d is not in the middle of what it adds", n)
		}
	}
	require.InDelta(t, 16, tree.Y[len(tree.Y)-1], 0.02)
}

// TestIsotonic checks that pooling finds the best heights: moving any run of nodes costs more.
func TestIsotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wishes := rapid.SliceOfN(rapid.Float64Range(-5, 5), 1, 12).Draw(t, "wishes")
		n := len(wishes)
		var edges []edge
		for i := range n {
			edges = append(edges, edge{int32(i), int32(n + i)})
		}
		lv := newLevels(newElements(make([]int32, 2*n), edges), append(make([]int32, n), slices.Repeat([]int32{1}, n)...), 0)
		lv.part = make([]int32, 2*n)
		newSweeper(lv).byNumber()
		p := newPlacer(lv, slices.Repeat([]int32{grid}, 2*n))
		for i, w := range wishes {
			p.y[i] = w * grid
		}
		nodes := lv.columns[1]
		p.place(nodes, true, false)
		cost := func(move float64, from, to int) float64 {
			sum := 0.0
			for i, m := range nodes {
				at := p.y[m]
				if i >= from && i < to {
					at += move
				}
				sum += (at - wishes[i]*grid) * (at - wishes[i]*grid)
			}
			return sum
		}
		for from := range n {
			if from > 0 {
				require.GreaterOrEqual(t, p.y[nodes[from]]-p.y[nodes[from-1]], grid-1e-6)
			}
			for to := from + 1; to <= n; to++ {
				isFree := func(below, above int) bool {
					return below == 0 || above == n || p.y[nodes[above]]-p.y[nodes[below-1]] > grid+1
				}
				if from == 0 || isFree(from, from) {
					require.GreaterOrEqual(t, cost(-0.5, from, to), cost(0, 0, 0)-1e-6)
				}
				if to == n || isFree(to, to) {
					require.GreaterOrEqual(t, cost(0.5, from, to), cost(0, 0, 0)-1e-6)
				}
			}
		}
	})
}

func TestLongEdgesGetNoBendsWhereTheyWouldBeTooMany(t *testing.T) {
	g := gathered(t, 2_000)
	s := Compute(g).Scopes[0]
	checkScope(t, &s, 0)
	bends, straight := 0, 0
	for _, e := range s.Edges {
		if bends += len(e.Via); len(e.Via) == 0 && s.Column[e.To]-s.Column[e.From] > 1 {
			straight++
		}
	}
	require.LessOrEqual(t, bends, mostBends)
	require.Greater(t, bends, mostBends*9/10)
	require.Greater(t, straight, 1_000)
}

// TestLargeGraphs: large graphs are laid out, too; BenchmarkCompute measures how long that takes.
func TestLargeGraphs(t *testing.T) {
	if testing.Short() {
		t.Skip("large")
	}
	for name, g := range map[string]*dag.Graph{
		"chain": chain(t, 100_000), "fan": fan(t, 10_000), "montage": montage(t, 2_000, 6_580), "mesh": mesh(t, 100, 100, 3),
	} {
		t.Run(name, func(t *testing.T) {
			l := Compute(g)
			checkScope(t, &l.Scopes[0], 0)
			if y := l.Scopes[0].Y; name == "fan" {
				require.True(t, slices.IsSorted(y[1:len(y)-1]), "edges cross that need not")
			}
		})
	}
}

func TestGoldens(t *testing.T) {
	graphs := map[string]*dag.Graph{
		"tree-reduction": graphOf(t, "tree-reduction", map[string]string{"n": "16"}),
		"gemm-blocked":   graphOf(t, "gemm-blocked", map[string]string{"size": "200", "block": "100"}),
		"two-in-one":     nested(t),
	}
	for _, name := range []string{"image-transform", "diamond-skip", "late-root", "svd-randomised", "fixed-times"} {
		graphs[name] = graphOf(t, name, nil)
	}
	for name, g := range graphs {
		t.Run(name, func(t *testing.T) {
			got := strings.ReplaceAll(asJSON(t, Compute(g)), `,{"`, ",\n{\"") + "\n"
			file := filepath.Join("testdata", name+".json")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

func TestJoinsOfFusedFanOutsShareABox(t *testing.T) {
	g := nested(t)
	l := Compute(g)
	checkLayout(t, g, l)
	outer := l.Scopes[0]
	boxes := len(outer.Y) - int(g.Scope(0).Tasks())
	require.Equal(t, 1, boxes)
	require.Equal(t, 2, int(g.Scope(0).Len())-len(outer.Y), "joins without a box of their own")
	box := int32(len(outer.Y) - 1)
	require.InDelta(t, l.Scopes[1].Height+1, outer.Size[box], 0.02)
	readers := 0
	for _, e := range outer.Edges {
		if e.From == box {
			readers++
		}
	}
	require.Equal(t, 2, readers, "both sums read the one box")
}

func TestJSONHasNoNull(t *testing.T) {
	for name, g := range map[string]*dag.Graph{"nothing": link(t, 0), "one": link(t, 1), "nested": nested(t)} {
		require.NotContains(t, asJSON(t, Compute(g)), "null", name)
	}
}
