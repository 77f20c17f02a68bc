package workflows

import (
	"context"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/workflows/internal/matrix"
)

// maxValues bounds the elements of the matrix that svd-tall decomposes: 2 GiB.
const maxValues = 1 << 28

// TallBlock is the Count rows from First of a random matrix.
type TallBlock struct {
	Matrix       matrix.Uniform
	First, Count int
}

var factorRows = engine.Func1("factor-rows", func(ctx context.Context, t TallBlock) (matrix.QR, error) {
	x := t.Matrix.Block(t.First, 0, t.Count, t.Matrix.Cols)
	if ctx.Err() != nil {
		return matrix.QR{}, context.Cause(ctx)
	}
	return matrix.Factor(x), nil
})

// factorStack factors the Rs of all blocks, stacked. Q has the rows of block i where R of block i was.
var factorStack = engine.Func1("factor-stack", func(ctx context.Context, blocks []matrix.QR) (matrix.QR, error) {
	rs := make([]matrix.Matrix, len(blocks))
	for i, b := range blocks {
		rs[i] = b.R
	}
	stacked := matrix.Stack(rs...)
	if ctx.Err() != nil {
		return matrix.QR{}, context.Cause(ctx)
	}
	return matrix.Factor(stacked), nil
})

// decomposeSmall gives U, the singular values as one row, and V of the small R.
var decomposeSmall = engine.Func1("decompose-small", func(ctx context.Context, top matrix.QR) ([]matrix.Matrix, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	u, values, v, err := matrix.SVD(top.R)
	return []matrix.Matrix{u, values, v}, engine.NoRetry(err)
})

// leftVectors are the rows of U that belong to one block; first is where the block's R was in the stack.
var leftVectors = engine.Func4("left-vectors", func(ctx context.Context, block, top matrix.QR, small []matrix.Matrix, first int) (matrix.Matrix, error) {
	inner := matrix.Mul(top.Q.RowsFrom(first, block.R.Rows), small[0])
	if ctx.Err() != nil {
		return matrix.Matrix{}, context.Cause(ctx)
	}
	return matrix.Mul(block.Q, inner), nil
})

// svdTall computes X = U·Σ·Vᵀ of a tall random matrix by TSQR (Demmel, Grigori, Hoemmen and Langou,
// "Communication-optimal parallel and sequential QR and LU factorizations", SIAM J. Sci. Comput. 2012, section 3) in
// B = ⌈rows/block⌉ blocks of rows: n = 2B + 2 with B roots, 4 deep. It returns a map of matrices: "small" is U of the
// last R, Σ as one row and V; "u" the blocks of U from top to bottom.
func svdTall() *engine.Workflow {
	return &engine.Workflow{
		Name:        "svd-tall",
		Description: "Computes the singular value decomposition of a tall random matrix from QR decompositions of its blocks.",
		Params: []engine.Param{
			intParam("rows", 20_000, 1, 100_000_000, "rows of the matrix, at least as many as columns"),
			intParam("cols", 100, 1, 2_000, "columns of the matrix"),
			intParam("block", 1000, 1, 100_000_000, "rows of a block"),
			seedParam(),
		},
		Functions: engine.Functions(factorRows, factorStack, decomposeSmall, leftVectors),
		Build:     buildSVDTall,
	}
}

func buildSVDTall(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
	rows, cols, block := args.Int("rows"), args.Int("cols"), args.Int("block")
	switch {
	case cols > rows:
		return nil, invalid("the matrix has %d columns and %d rows, expected at most as many columns as rows", cols, rows)
	case rows > maxValues/cols:
		return nil, invalid("the matrix has %d × %d values, expected at most %d in all", rows, cols, maxValues)
	}
	if err := checkTasks(2*ceilDiv(rows, block)+2, "choose a larger block"); err != nil {
		return nil, err
	}
	x := matrix.Uniform{Rows: rows, Cols: cols, Seed: uint64(args.Int("seed"))}
	var blocks []engine.Ref[matrix.QR]
	for first := 0; first < rows; first += block {
		blocks = append(blocks, factorRows.Call(engine.Const(g, TallBlock{Matrix: x, First: first, Count: min(block, rows-first)})))
	}
	top := factorStack.Call(engine.List(g, blocks...))
	small := decomposeSmall.Call(top)
	u := make([]engine.Ref[matrix.Matrix], len(blocks))
	for i, b := range blocks {
		// Every block but the last has block rows, so its R has min(block, cols).
		u[i] = leftVectors.Call(b, top, small, engine.Const(g, i*min(block, cols)))
	}
	return engine.Map(g, map[string]engine.Ref[[]matrix.Matrix]{"small": small, "u": engine.List(g, u...)}), nil
}
