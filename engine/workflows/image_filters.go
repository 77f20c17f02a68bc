package workflows

import (
	"context"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/workflows/internal/raster"
)

var split = engine.Func1("split", func(_ context.Context, file []byte) (raster.Image, error) {
	m, err := raster.Decode(file)
	return m, engine.NoRetry(err)
})

// TileIn names one tile of an image that is cut into Grid × Grid of them; tiles differ by a pixel where it does not
// divide.
type TileIn struct{ Grid, Row, Col int }

// bounds are those of the tile in an image of width × height.
func (t TileIn) bounds(width, height int) (x, y, w, h int) {
	x, y = t.Col*width/t.Grid, t.Row*height/t.Grid
	return x, y, (t.Col+1)*width/t.Grid - x, (t.Row+1)*height/t.Grid - y
}

var tile = engine.Func2("tile", func(_ context.Context, m raster.Image, t TileIn) (raster.Image, error) {
	x, y, w, h := t.bounds(m.Width, m.Height)
	return m.Crop(x, y, w, h), nil
})

var halve = engine.Func1("resize", func(ctx context.Context, m raster.Image) (raster.Image, error) {
	return raster.Resize(ctx, m, ceilDiv(m.Width, 2), ceilDiv(m.Height, 2))
})

var blur = engine.Func1("blur", func(ctx context.Context, m raster.Image) (raster.Image, error) {
	return raster.Blur(ctx, m, blurRadius)
})

var (
	normalise = engine.Func1("normalise", raster.Normalise)
	sepia     = engine.Func1("sepia", raster.Sepia)
	edges     = engine.Func1("edges", raster.Edges)
	sharpen   = engine.Func1("sharpen", raster.Sharpen)
)

// mean brings a back to the size of b first.
var mean = engine.Func2("mean", func(ctx context.Context, a, b raster.Image) (raster.Image, error) {
	scaled, err := raster.Resize(ctx, a, b.Width, b.Height)
	if err != nil {
		return raster.Image{}, err
	}
	return raster.Mean(ctx, scaled, b)
})

var mergeTiles = engine.Func1("merge-tiles", func(ctx context.Context, tiles []raster.Image) (raster.Image, error) {
	grid := 0
	for grid*grid < len(tiles) {
		grid++
	}
	width, height := 0, 0
	for i := range grid {
		width += tiles[i].Width
		height += tiles[i*grid].Height
	}
	out := raster.New(width, height)
	for i, m := range tiles {
		if ctx.Err() != nil {
			return raster.Image{}, context.Cause(ctx)
		}
		x, y, _, _ := TileIn{Grid: grid, Row: i / grid, Col: i % grid}.bounds(width, height)
		raster.PasteTo(out, m, x, y)
	}
	return out, nil
})

// imageFilters sends g² tiles through two branches each, A: resize (to half), blur, normalise, sepia, and B: edges,
// sharpen, whose mean is taken. n = 8g² + 2 with one root, 8 deep. It returns an image of the size of the input.
func imageFilters(s samples) *engine.Workflow {
	return &engine.Workflow{
		Name:        "image-filters",
		Description: "Filters each tile of an image in two ways and takes the mean of both.",
		Params: []engine.Param{
			imageParam(s),
			intParam("grid", 4, 1, 100, "tiles in each direction"),
		},
		Functions: engine.Functions(split, tile, halve, blur, normalise, sepia, edges, sharpen, mean, mergeTiles),
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			if _, err := imageArg(args); err != nil {
				return nil, err
			}
			whole := split.Call(engine.Const(g, args.File("input").Data))
			grid := args.Int("grid")
			tiles := make([]engine.Ref[raster.Image], grid*grid)
			for i := range tiles {
				t := tile.Call(whole, engine.Const(g, TileIn{Grid: grid, Row: i / grid, Col: i % grid}))
				a := sepia.Call(normalise.Call(blur.Call(halve.Call(t))))
				tiles[i] = mean.Call(a, sharpen.Call(edges.Call(t)))
			}
			return mergeTiles.Call(engine.List(g, tiles...)), nil
		},
	}
}
