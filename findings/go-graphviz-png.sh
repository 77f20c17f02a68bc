#!/usr/bin/env bash
# github.com/goccy/go-graphviz v0.2.9 draws PNG without edges and without outlines.
#
# Drawn as SVG, `digraph { a -> b }` has two ellipses and the line between them. Drawn as PNG by the same program from the
# same graph, only the labels and the arrowhead are there: the line and both ellipses are missing, and no error is given.
# The library's own PNG renderer is informed that every shape is filled, fills it with nothing, and strokes nothing.
#
# Seen: SVG has 1 edge and 2 ellipses; of the 155 rows of pixels of the PNG, 31 hold anything dark, although a drawn line
# and two outlines would leave hardly any row between the first and the last of them empty.
#
# dagscope draws PNG through a renderer of its own that corrects this: cmd/dagscope-graphviz/png.go.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat > main.go <<'GO'
package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"log"
	"strings"

	"github.com/goccy/go-graphviz"
)

func main() {
	ctx := context.Background()
	g, err := graphviz.New(ctx)
	check(err)
	graph, err := graphviz.ParseBytes([]byte(`digraph { a -> b }`))
	check(err)
	var svg, raster bytes.Buffer
	check(g.Render(ctx, graph, graphviz.SVG, &svg))
	check(g.Render(ctx, graph, graphviz.PNG, &raster))
	img, err := png.Decode(&raster)
	check(err)
	rows := 0
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		if hasDark(img, y) {
			rows++
		}
	}
	edges, ellipses := strings.Count(svg.String(), `class="edge"`), strings.Count(svg.String(), "<ellipse")
	fmt.Printf("SVG: %d edge, %d ellipses; PNG: %d of %d rows hold anything dark\n", edges, ellipses, rows, img.Bounds().Dy())
	if edges != 1 || ellipses != 2 || rows > img.Bounds().Dy()/3 {
		log.Fatal("this has changed: the PNG is no longer without edge and outlines")
	}
}

func hasDark(img image.Image, y int) bool {
	for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
		if r, g, b, a := img.At(x, y).RGBA(); a > 0x8000 && r+g+b < 3*0x8000 {
			return true
		}
	}
	return false
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/goccy/go-graphviz@v0.2.9 >/dev/null 2>&1
go run .
