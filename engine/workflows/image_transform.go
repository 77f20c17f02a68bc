package workflows

import (
	"context"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/workflows/internal/raster"
)

// Widths of image-transform, in pixels.
const (
	blurRadius  = 3
	frameWidth  = 2  // of each of the two frames
	stripWidth  = 64 // where k is not given, a strip is at least this wide
	maxStrips   = 10 // where k is not given
	stripsByAll = -1 // the value of the parameter strips that stands for "not given"
)

var strips = engine.Func2("strips", func(ctx context.Context, file []byte, k int) ([]raster.Image, error) {
	m, err := raster.Decode(file)
	if err != nil {
		return nil, engine.NoRetry(err)
	}
	if k == stripsByAll {
		k = max(1, min(m.Width/stripWidth, maxStrips))
	}
	out := make([]raster.Image, k)
	for i := range out {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		from, to := i*m.Width/k, (i+1)*m.Width/k
		out[i] = m.Crop(from, 0, to-from, m.Height)
	}
	return out, nil
})

var blurStrip = engine.Func1("blur-strip", func(ctx context.Context, m raster.Image) (raster.Image, error) {
	blurred, err := raster.Blur(ctx, m, blurRadius)
	return blurred.Border(frameWidth), err
})

var grayscaleStrip = engine.Func1("grayscale-strip", func(ctx context.Context, m raster.Image) (raster.Image, error) {
	gray, err := raster.Grayscale(ctx, m)
	return gray.Border(frameWidth), err
})

var mergeStrips = engine.Func2("merge-strips", func(ctx context.Context, parts []raster.Image, height int) (raster.Image, error) {
	width := 0
	for _, p := range parts {
		width += p.Width
	}
	out := raster.New(width, height)
	at := 0
	for _, p := range parts {
		if ctx.Err() != nil {
			return raster.Image{}, context.Cause(ctx)
		}
		raster.PasteTo(out, p, at, 0)
		at += p.Width
	}
	return out, nil
})

// imageTransform blurs and grays k strips of an image, k found by its first task: n = 2k + 2 with one root, 4 deep (2
// where k is 0). It returns the strips side by side, each 8 pixels wider and higher than it was cut; one that was cut
// 0 pixels wide is 8 wide.
func imageTransform(s samples) *engine.Workflow {
	return &engine.Workflow{
		Name:        "image-transform",
		Description: "Cuts an image into strips, as many as its width asks for, blurs and grays each and puts them side by side.",
		Params: []engine.Param{
			imageParam(s),
			intParam("strips", stripsByAll, stripsByAll, 10_000, "how many strips; -1 for one for each 64 pixels of width, at least 1 and at most 10"),
		},
		Functions: engine.Functions(strips, blurStrip, grayscaleStrip, mergeStrips),
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			m, err := imageArg(args)
			if err != nil {
				return nil, err
			}
			cut := strips.Call(engine.Const(g, args.File("input").Data), engine.Const(g, args.Int("strips")))
			done := engine.FanOut(g, cut, func(strip engine.Ref[raster.Image]) engine.Ref[raster.Image] {
				return grayscaleStrip.Call(blurStrip.Call(strip))
			})
			return mergeStrips.Call(done, engine.Const(g, m.Height+4*frameWidth)), nil
		},
	}
}
