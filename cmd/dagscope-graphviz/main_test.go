package main

import (
	"bytes"
	"errors"
	"image/color"
	"image/png"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

const two = `digraph { rankdir=LR; node [shape=box, style="rounded,filled", color=red, penwidth=4, fillcolor=yellow]; edge [color=blue, penwidth=4]; a -> b }`

func TestFormats(t *testing.T) {
	for format, want := range map[string]string{
		"dot": "pos=", "json": `"_gvid"`, "plain": "\nedge a b 4 ", "svg": "<svg ", "png": "\x89PNG\r\n",
	} {
		t.Run(format, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, run(t.Context(), []string{"-layout", "dot", "-format", format}, strings.NewReader(two), &out))
			require.Contains(t, out.String(), want)
		})
	}
}

func TestPNGHasOutlinesAndEdges(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-format", "png"}, strings.NewReader(two), &out))
	image, err := png.Decode(&out)
	require.NoError(t, err)
	seen := map[color.RGBA]int{}
	for y := range image.Bounds().Dy() {
		for x := range image.Bounds().Dx() {
			seen[color.RGBAModel.Convert(image.At(x, y)).(color.RGBA)]++
		}
	}
	for name, c := range map[string]color.RGBA{
		"outline": {R: 255, A: 255}, "inside": {R: 255, G: 255, A: 255}, "edge": {B: 255, A: 255}, "background": {255, 255, 255, 255},
	} {
		require.Greater(t, seen[c], 20, "pixels of %s", name)
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-format", "gif"}, `-format is "gif", expected one of dot, json, plain, png, svg`},
		{[]string{"-layout", "neato"}, `-layout is "neato", expected one of dot`},
		{[]string{"graph.dot"}, `unexpected argument "graph.dot"`},
		{[]string{"-q"}, "-q"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), c.args, strings.NewReader(two), &out)
		require.ErrorIs(t, err, errUsage)
		require.ErrorContains(t, err, c.want)
		require.Zero(t, out.Len())
	}
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-h"}, nil, &out))
	require.Contains(t, out.String(), "-format")
}

func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"": "expected a graph in DOT", " \n": "expected a graph in DOT", "digraph { a -> ": "syntax error", "{}": "syntax error",
	} {
		var out bytes.Buffer
		err := run(t.Context(), nil, strings.NewReader(text), &out)
		require.ErrorContains(t, err, want, text)
		require.NotErrorIs(t, err, errUsage)
		require.NotContains(t, err.Error(), "\n")
		require.Zero(t, out.Len())
	}
	require.ErrorIs(t, run(t.Context(), nil, iotest.ErrReader(errors.ErrUnsupported), nil), errors.ErrUnsupported)
}

// TestNothingElseLinksGraphviz: its start costs every program that links it a second, and two goroutines crash it.
func TestNothingElseLinksGraphviz(t *testing.T) {
	const format = `{{$p := .ImportPath}}{{range .Deps}}{{if eq . "github.com/goccy/go-graphviz"}}{{$p}}{{end}}{{end}}`
	out, err := exec.CommandContext(t.Context(), "go", "list", "-e", "-f", format, "../../...").Output()
	require.NoError(t, err)
	require.Equal(t, []string{"github.com/dagscope/dagscope/cmd/dagscope-graphviz"}, strings.Fields(string(out)))
}
