package layout

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine/dag"
)

// TestDrawings draws the layouts of Compute if the flag -drawings is set.
func TestDrawings(t *testing.T) {
	if *drawings == "" {
		t.Skip("-drawings names no folder")
	}
	graphs := gallery(t)
	for name, g := range recordings(t) {
		graphs[name] = g
	}
	graphs["tree-reduction-64"] = graphOf(t, "tree-reduction", map[string]string{"n": "64"})
	for name, g := range graphs {
		l := Compute(g)
		for i := range l.Scopes {
			file := filepath.Join(*drawings, fmt.Sprintf("%s.%d.svg", name, i))
			require.NoError(t, os.WriteFile(file, []byte(svg(g, l, int32(i))), 0o600))
		}
	}
}

// svg draws one scope: boxes with names, and curves.
func svg(g *dag.Graph, l *Layout, scope int32) string {
	const across, down, width, margin = 130, 20, 84, 12
	s, source := l.Scopes[scope], g.Scope(scope)
	scale := min(float64(down), 900/s.Height)
	x := func(c int32) float64 { return margin + float64(c)*across }
	y := func(v float64) float64 { return margin + v*scale }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" style="background:white">`,
		x(int32(s.Columns))+margin, y(s.Height)+margin)
	for _, e := range s.Edges {
		at, h := x(s.Column[e.From])+width, y(s.Y[e.From])
		fmt.Fprintf(&b, `<path fill="none" stroke="#888" stroke-opacity=".6" d="M%.1f %.1f`, at, h)
		to := func(nx, nh float64) {
			fmt.Fprintf(&b, "C%.1f %.1f %.1f %.1f %.1f %.1f", (at+nx)/2, h, (at+nx)/2, nh, nx, nh)
			at, h = nx, nh
		}
		for i, v := range e.Via {
			c := x(s.Column[e.From] + 1 + int32(i))
			to(c, y(v))
			to(c+width, y(v))
		}
		to(x(s.Column[e.To]), y(s.Y[e.To]))
		b.WriteString(`"/>`)
	}
	for n := range s.Y {
		h := s.Size[n]*scale - min(4, scale/4)
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%d" height="%.1f" rx="2" fill="#d8efe6" stroke="#2a9d6f"/>`,
			x(s.Column[n]), y(s.Y[n])-h/2, width, h)
		name := "fan-out"
		if uint32(n) < source.Tasks() {
			name = g.Functions()[source.Function(uint32(n))].Name()
		}
		if scale > 9 {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" font-size="9" font-family="sans-serif">%s %d</text>`,
				x(s.Column[n])+3, y(s.Y[n])+3, name[:min(14, len(name))], n)
		}
	}
	return b.String() + "</svg>"
}
