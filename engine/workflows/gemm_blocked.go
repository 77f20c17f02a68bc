package workflows

import (
	"context"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/workflows/internal/matrix"
)

var addBlocks = engine.Func2("add-blocks", func(ctx context.Context, a, b matrix.Matrix) (matrix.Matrix, error) {
	if ctx.Err() != nil {
		return matrix.Matrix{}, context.Cause(ctx)
	}
	return matrix.Sum(a, b), nil
})

// gemmBlocked multiplies square blocks and adds them up in trees: with p = ⌈size/block⌉ there are p³ products, p − 1
// sums for each of p² blocks, and one task that assembles them, so n = p³ + p²(p−1) + 1 = 2p³ − p² + 1 with p³
// roots, ⌈log₂ p⌉ + 2 deep. It returns A·B.
func gemmBlocked() *engine.Workflow {
	return &engine.Workflow{
		Name:        "gemm-blocked",
		Description: "Multiplies two random square matrices block by block and adds the partial products up in trees.",
		Params: []engine.Param{
			intParam("size", 1000, 1, 10_000, "rows and columns of the matrices"),
			intParam("block", 250, 1, 10_000, "rows and columns of the blocks"),
			seedParam(),
		},
		Functions: engine.Functions(multiply, addBlocks, assemble),
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			size, block := args.Int("size"), args.Int("block")
			p := ceilDiv(size, block)
			if err := checkTasks(2*p*p*p-p*p+1, "choose a larger block"); err != nil {
				return nil, err
			}
			l := Layout{Rows: size, Cols: size, Block: block}
			var blocks []engine.Ref[matrix.Matrix]
			l.each(func(row, col, height, width int) {
				var partial []engine.Ref[matrix.Matrix]
				for from := 0; from < size; from += block {
					partial = append(partial, multiply.Call(engine.Const(g, Product{
						Rows: size, Inner: size, Cols: size, Seed: uint64(args.Int("seed")),
						Row: row, Height: height, Col: col, Width: width, From: from, To: min(from+block, size),
					})))
				}
				blocks = append(blocks, reduce(partial, addBlocks.Call))
			})
			return assemble.Call(engine.List(g, blocks...), engine.Const(g, l)), nil
		},
	}
}
