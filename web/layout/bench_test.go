package layout

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
)

// BenchmarkCompute lays out graphs that are large in different ways.
func BenchmarkCompute(b *testing.B) {
	for _, c := range []struct {
		name  string
		graph func(b *testing.B) *dag.Graph
	}{
		{"montage 10,585 tasks", func(b *testing.B) *dag.Graph { return montage(b, 2_000, 6_580) }},
		{"recording, 196 tasks", func(b *testing.B) *dag.Graph {
			g := recordings(b)["viralrecon-dirt02-001"]
			if g == nil {
				b.Skip("no recordings in ../shared/wfinstances next to the repository")
			}
			return g
		}},
		{"grid 100 x 100", func(b *testing.B) *dag.Graph { return mesh(b, 100, 100, 3) }},
		{"chain 100,000", func(b *testing.B) *dag.Graph { return chain(b, 100_000) }},
		{"fan 10,000", func(b *testing.B) *dag.Graph { return fan(b, 10_000) }},
		{"tree 65,535", func(b *testing.B) *dag.Graph {
			return graphOf(b, "tree-reduction", map[string]string{"n": "65536"})
		}},
		{"every task read by the last, 2,000", func(b *testing.B) *dag.Graph { return gathered(b, 2_000) }},
		{"1,000,000 edges", func(b *testing.B) *dag.Graph { return mesh(b, 10, 10_000, 11) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			g := c.graph(b)
			b.ReportMetric(float64(g.Edges()), "edges")
			for b.Loop() {
				l := Compute(g)
				require.Len(b, l.Scopes[0].Y, g.Tasks())
			}
		})
	}
}

// chain is a sequence of tasks.
func chain(t testing.TB, tasks int32) *dag.Graph {
	var edges []edge
	for n := range tasks - 1 {
		edges = append(edges, edge{n, n + 1})
	}
	return link(t, int(tasks), edges...)
}

// gathered is a chain whose last task reads all others.
func gathered(t testing.TB, tasks int32) *dag.Graph {
	var edges []edge
	for n := range tasks - 1 {
		edges = append(edges, edge{n, n + 1}, edge{n, tasks - 1})
	}
	return link(t, int(tasks), edges...)
}

// fan is one task, many that read it, and one that reads those.
func fan(t testing.TB, width int32) *dag.Graph {
	var edges []edge
	for n := range width {
		edges = append(edges, edge{0, n + 1}, edge{n + 1, width + 1})
	}
	return link(t, int(width+2), edges...)
}

// mesh is columns of equal height; each task reads some tasks of the column before, some of them far away.
func mesh(t testing.TB, columns, height, reads int32) *dag.Graph {
	var edges []edge
	for c := int32(1); c < columns; c++ {
		for i := range height {
			for k := range reads {
				from := (i + k*k*7 + c*k) % height
				edges = append(edges, edge{(c-1)*height + from, c*height + i})
			}
		}
	}
	return link(t, int(columns*height), edges...)
}

// montage has the shape of the Montage workflow: images, differences of two adjacent ones, and the tasks that join them
// and follow.
func montage(t testing.TB, images, differences int32) *dag.Graph {
	concat := images + differences
	model, table, add := concat+1, concat+2+images, concat+3+images
	var edges []edge
	for i := range differences {
		a := i * images / differences
		edges = append(edges, edge{a, images + i}, edge{(a + 1 + i%5*i%47) % images, images + i}, edge{images + i, concat})
	}
	for i := range images {
		background := concat + 2 + i
		edges = append(edges, edge{i, background}, edge{model, background}, edge{background, table}, edge{background, add})
	}
	edges = append(edges, edge{concat, model}, edge{table, add}, edge{add, add + 1})
	return link(t, int(add+2), edges...)
}
