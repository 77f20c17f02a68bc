package layout

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/dag"
)

var odd = engine.Func1("a \"b\" \\N <c> &amp; d", func(_ context.Context, n int) (int, error) { return n, nil })

// texts are the texts in an SVG.
func texts(t *testing.T, svg []byte) []string {
	t.Helper()
	var out []string
	inText := false
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			inText = token.Name.Local == "text"
		case xml.EndElement:
			inText = false
		case xml.CharData:
			if inText {
				out = append(out, strings.ReplaceAll(string(token), "\u00a0", " "))
			}
		}
	}
}

func TestDraw(t *testing.T) {
	d := drawerOf(t)
	b := engine.NewBuilder()
	list := many.Call(odd.Call(engine.Const(b, 1)))
	g, err := b.Compile(sum.Call(engine.FanOut(b, list, func(e engine.Ref[int]) engine.Ref[int] { return two.Call(e, one.Call(e)) })))
	require.NoError(t, err)

	svg, err := d.Draw(t.Context(), g, nil, "svg")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{odd.Name(), "many", "one", "two", "sum", "for each element"}, texts(t, svg))
	image, err := d.Draw(t.Context(), g, nil, "png")
	require.NoError(t, err)
	config, err := png.DecodeConfig(bytes.NewReader(image))
	require.NoError(t, err)
	require.Greater(t, config.Width, config.Height, "from left to right")
	_, err = d.Draw(t.Context(), g, nil, "gif")
	require.ErrorIs(t, err, ErrUnknownFormat)
	require.ErrorContains(t, err, `"gif", expected one of dot, png, svg`)
}

func TestDotKeepsElementsEdgesAndSizes(t *testing.T) {
	d := drawerOf(t)
	for name, g := range map[string]*dag.Graph{"nested": nested(t), "montage": montage(t, 6, 9), "nothing": link(t, 0), "apart": link(t, 3)} {
		ours := Compute(g)
		l, err := d.Dot(t.Context(), g)
		require.NoError(t, err, name)
		require.Equal(t, EngineDot, l.Engine)
		require.Equal(t, ours.Hash, l.Hash)
		require.Len(t, l.Scopes, len(ours.Scopes))
		for i := range l.Scopes {
			checkScope(t, &l.Scopes[i], 0.02)
			require.Equal(t, ours.Scopes[i].Size, l.Scopes[i].Size)
			for k, e := range l.Scopes[i].Edges {
				require.Equal(t, [2]int32{ours.Scopes[i].Edges[k].From, ours.Scopes[i].Edges[k].To}, [2]int32{e.From, e.To})
				require.Len(t, e.Via, int(l.Scopes[i].Column[e.To]-l.Scopes[i].Column[e.From]-1))
			}
		}
		again, err := d.Dot(t.Context(), g)
		require.NoError(t, err)
		require.Equal(t, l, again)
	}
}

func TestDrawingsOneAtATime(t *testing.T) {
	d := drawerOf(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			_, err := d.Draw(t.Context(), nested(t), nil, "svg")
			require.NoError(t, err)
		})
	}
	all.Wait()
}

func TestDOTNeedsNoGraphviz(t *testing.T) {
	d, err := NewDrawer(Config{})
	require.NoError(t, err)
	text, err := d.Draw(t.Context(), nested(t), nil, "dot")
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(text), "subgraph cluster_"))
	text, err = d.Draw(t.Context(), chain(t, 1_000), nil, "dot")
	require.NoError(t, err)
	require.Equal(t, 999, strings.Count(string(text), " -> "))
	for _, command := range []string{"", filepath.Join(t.TempDir(), "missing"), t.TempDir()} {
		d, err := NewDrawer(Config{Command: command})
		require.NoError(t, err)
		_, err = d.Draw(t.Context(), nested(t), nil, "svg")
		require.ErrorIs(t, err, ErrNoGraphviz)
		_, err = d.Dot(t.Context(), nested(t))
		require.ErrorIs(t, err, ErrNoGraphviz)
	}
	_, err = d.Draw(t.Context(), chain(t, 301), nil, "svg")
	require.ErrorIs(t, err, ErrTooLarge)
	require.ErrorContains(t, err, "301 tasks, at most 300")
	_, err = NewDrawer(Config{Timeout: -1})
	require.ErrorContains(t, err, "must not be negative")
}
