package workflows

import (
	"context"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/workflows/internal/mosaic"
	"github.com/dagscope/dagscope/engine/workflows/internal/raster"
)

// Area is the size of a mosaic in pixels.
type Area struct{ Width, Height int }

var (
	reproject         = engine.Func1("reproject", mosaic.Reproject)
	correctBackground = engine.Func1("correct-background", mosaic.Correct)
)

var coAdd = engine.Func2("co-add", func(ctx context.Context, frames []mosaic.Frame, a Area) (raster.Image, error) {
	return mosaic.CoAdd(ctx, frames, a.Width, a.Height)
})

// montage puts F overlapping frames of an image together again, as Montage does with the sky: n = 2F + 1 with F
// roots, 3 deep. It returns the brightness of the image, off by at most 2.5 of 255: the injected noise and rounding.
func montage(s samples) *engine.Workflow {
	return &engine.Workflow{
		Name:        "montage",
		Description: "Puts overlapping, turned and unevenly bright frames of an image together by their median.",
		Params: []engine.Param{
			imageParam(s),
			intParam("tiles", 16, 1, 1024, "how many frames are cut from the image"),
		},
		Functions: engine.Functions(reproject, correctBackground, coAdd),
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			m, err := imageArg(args)
			if err != nil {
				return nil, err
			}
			var corrected []engine.Ref[mosaic.Frame]
			for _, f := range mosaic.Cut(mosaic.Brightness(m), args.Int("tiles"), 1) {
				corrected = append(corrected, correctBackground.Call(reproject.Call(engine.Const(g, f))))
			}
			return coAdd.Call(engine.List(g, corrected...), engine.Const(g, Area{Width: m.Width, Height: m.Height})), nil
		},
	}
}
