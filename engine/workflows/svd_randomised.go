package workflows

import (
	"context"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/workflows/internal/matrix"
)

// oversampling is how many more columns the sketch has than singular values are wanted; 5 to 10 do (Halko,
// Martinsson and Tropp, "Finding structure with randomness", SIAM Review 2011, section 4.2).
const oversampling = 10

// SquareBlock is a block of the matrix that svd-randomised decomposes.
type SquareBlock struct {
	Matrix                  matrix.Decaying
	Row, Height, Col, Width int
	Sketch                  int // columns of Ω
}

func (s SquareBlock) values() matrix.Matrix { return s.Matrix.Block(s.Row, s.Col, s.Height, s.Width) }

// sketchBlock is X·Ω for one block of X; Ω is made where it is needed, of a seed next to that of X.
var sketchBlock = engine.Func1("sketch-block", func(ctx context.Context, s SquareBlock) (matrix.Matrix, error) {
	omega := matrix.Uniform{Rows: s.Matrix.Size, Cols: s.Sketch, Seed: s.Matrix.Seed + 1}
	x := s.values()
	if ctx.Err() != nil {
		return matrix.Matrix{}, context.Cause(ctx)
	}
	return matrix.Mul(x, omega.Block(s.Col, 0, s.Width, s.Sketch)), nil
})

var sumBlocks = engine.Func1("sum-blocks", func(ctx context.Context, parts []matrix.Matrix) (matrix.Matrix, error) {
	if ctx.Err() != nil {
		return matrix.Matrix{}, context.Cause(ctx)
	}
	return matrix.Sum(parts...), nil
})

var factorBlock = engine.Func1("factor-block", func(ctx context.Context, m matrix.Matrix) (matrix.QR, error) {
	if ctx.Err() != nil {
		return matrix.QR{}, context.Cause(ctx)
	}
	return matrix.Factor(m), nil
})

// orthonormalRows are the rows of Q that belong to one block; first is where the block's R was in the stack.
var orthonormalRows = engine.Func3("orthonormal-rows", func(_ context.Context, block, top matrix.QR, first int) (matrix.Matrix, error) {
	return matrix.Mul(block.Q, top.Q.RowsFrom(first, block.R.Rows)), nil
})

// projectBlock is Qᵀ·X for one block of X and the rows of Q next to it.
var projectBlock = engine.Func2("project-block", func(ctx context.Context, q matrix.Matrix, s SquareBlock) (matrix.Matrix, error) {
	x := s.values()
	if ctx.Err() != nil {
		return matrix.Matrix{}, context.Cause(ctx)
	}
	return matrix.MulTransposed(q, x), nil
})

var projectedValues = engine.Func1("projected-values", func(_ context.Context, columns []matrix.Matrix) ([]float64, error) {
	values, err := matrix.Values(matrix.SideBySide(columns...))
	return values, engine.NoRetry(err)
})

var largest = engine.Func2("largest", func(_ context.Context, values []float64, k int) ([]float64, error) {
	return values[:k:k], nil
})

// svdRandomised finds the largest singular values of a square matrix by the randomised range finder (Halko,
// Martinsson and Tropp 2011, algorithms 4.1 and 5.1) in p × p blocks, p = ⌈size/block⌉: p² sketches, p sums, p QRs,
// the QR of the stacked Rs, p blocks of Q, p² projections, p sums, the small SVD, the selection. So n = 2p² + 4p + 3
// with p² roots, 9 deep. The singular values of the matrix are 0.6^l. It returns the rank largest, descending, a
// []float64.
func svdRandomised() *engine.Workflow {
	return &engine.Workflow{
		Name:        "svd-randomised",
		Description: "Finds the largest singular values of a square matrix by random projection.",
		Params: []engine.Param{
			intParam("size", 1000, 1, 20_000, "rows and columns of the matrix"),
			intParam("block", 250, 1, 20_000, "rows and columns of a block"),
			intParam("rank", 10, 1, 40, "how many singular values are wanted, at most size"),
			seedParam(),
		},
		Functions: engine.Functions(sketchBlock, sumBlocks, factorBlock, factorStack, orthonormalRows, projectBlock, projectedValues, largest),
		Build:     buildSVDRandomised,
	}
}

func buildSVDRandomised(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
	size, block, rank := args.Int("size"), args.Int("block"), args.Int("rank")
	if rank > size {
		return nil, invalid("rank is %d, expected at most the size, %d", rank, size)
	}
	p := ceilDiv(size, block)
	if err := checkTasks(2*p*p+4*p+3, "choose a larger block"); err != nil {
		return nil, err
	}
	sketch := min(rank+oversampling, size)
	x := make([]engine.Ref[SquareBlock], 0, p*p)
	Layout{Rows: size, Cols: size, Block: block}.each(func(row, col, height, width int) {
		x = append(x, engine.Const(g, SquareBlock{
			Matrix: matrix.Decaying{Size: size, Seed: uint64(args.Int("seed"))},
			Row:    row, Height: height, Col: col, Width: width, Sketch: sketch,
		}))
	})
	// sums adds p parts for each of p results.
	sums := func(part func(of, i int) engine.Ref[matrix.Matrix]) []engine.Ref[matrix.Matrix] {
		out := make([]engine.Ref[matrix.Matrix], p)
		for of := range out {
			parts := make([]engine.Ref[matrix.Matrix], p)
			for i := range parts {
				parts[i] = part(of, i)
			}
			out[of] = sumBlocks.Call(engine.List(g, parts...))
		}
		return out
	}
	factored := make([]engine.Ref[matrix.QR], p)
	for i, y := range sums(func(row, col int) engine.Ref[matrix.Matrix] { return sketchBlock.Call(x[row*p+col]) }) {
		factored[i] = factorBlock.Call(y)
	}
	top := factorStack.Call(engine.List(g, factored...))
	q := make([]engine.Ref[matrix.Matrix], p)
	for i, f := range factored {
		q[i] = orthonormalRows.Call(f, top, engine.Const(g, i*min(block, sketch)))
	}
	columns := sums(func(col, row int) engine.Ref[matrix.Matrix] { return projectBlock.Call(q[row], x[row*p+col]) })
	values := projectedValues.Call(engine.List(g, columns...))
	return largest.Call(values, engine.Const(g, rank)), nil
}
