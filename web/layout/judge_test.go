package layout

import (
	"cmp"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCrossingsAgainstDot compares our orders with those of Graphviz, for every graph for which Graphviz is used.
// crossingsOf counts both in the same way: by the points at which edges pass each column, straight between columns. For
// dot, these are the points at which its curves pass its ranks, which are not our columns; edges through a common point
// count as not crossing.
func TestCrossingsAgainstDot(t *testing.T) {
	d := drawerOf(t)
	graphs := gallery(t)
	found := recordings(t)
	if len(found) == 0 {
		t.Log("no recordings in ../shared/wfinstances next to the repository: the gallery alone")
	}
	maps.Copy(graphs, found)
	judged := 0
	for _, name := range slices.Sorted(maps.Keys(graphs)) {
		g := graphs[name]
		if d.check(g) != nil {
			continue
		}
		judged++
		dot, err := d.Dot(t.Context(), g)
		require.NoError(t, err, name)
		ours := Compute(g)
		for i := range ours.Scopes {
			checkScope(t, &dot.Scopes[i], 0.02)
			a, b := crossingsOf(&ours.Scopes[i]), crossingsOf(&dot.Scopes[i])
			t.Logf("%s, scope %d: %d crossings in %d columns, dot %d in %d; height %.0f, dot %.0f", name, i, a,
				ours.Scopes[i].Columns, b, dot.Scopes[i].Columns, ours.Scopes[i].Height, dot.Scopes[i].Height)
			assert.LessOrEqual(t, float64(a), 1.2*float64(b), "%s, scope %d", name, i)
		}
	}
	require.GreaterOrEqual(t, judged, 10)
}

// crossingsOf counts pairs of edges whose order differs between one column and the next.
func crossingsOf(s *Scope) int {
	type piece struct{ a, b float64 }
	pieces := make([][]piece, s.Columns)
	for _, e := range s.Edges {
		from, to := s.Column[e.From], s.Column[e.To]
		if int(to-from-1) != len(e.Via) {
			continue // straight, because there was no room
		}
		at := s.Y[e.From]
		for i, next := range append(slices.Clone(e.Via), s.Y[e.To]) {
			pieces[int(from)+i] = append(pieces[int(from)+i], piece{at, next})
			at = next
		}
	}
	sum := 0
	for _, column := range pieces {
		slices.SortFunc(column, func(p, q piece) int { return cmp.Or(cmp.Compare(p.a, q.a), cmp.Compare(p.b, q.b)) })
		for i, p := range column {
			for _, q := range column[i+1:] {
				if p.a < q.a && p.b > q.b {
					sum++
				}
			}
		}
	}
	return sum
}
