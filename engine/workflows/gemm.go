package workflows

import (
	"context"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/workflows/internal/matrix"
)

// Product is a block of the product of two random matrices, A of Rows × Inner and B of Inner × Cols.
type Product struct {
	Rows, Inner, Cols int
	Seed              uint64
	// The block's rows of A, columns of B, and the inner range [From, To) that is summed over.
	Row, Height, Col, Width, From, To int
}

// Factors of a gemm. Their seeds differ for every seed of the user: one is even, the other odd.
func (p Product) factors() (a, b matrix.Uniform) {
	return matrix.Uniform{Rows: p.Rows, Cols: p.Inner, Seed: 2 * p.Seed},
		matrix.Uniform{Rows: p.Inner, Cols: p.Cols, Seed: 2*p.Seed + 1}
}

// Layout says how blocks make up a matrix: row after row of squares of side Block, smaller at the right and the
// bottom.
type Layout struct{ Rows, Cols, Block int }

// innerPanel is how much of the inner dimension is multiplied at a time: with blocks of a few hundred the panels of
// both factors stay in a processor's cache, and the context is checked between panels.
const innerPanel = 256

var multiply = engine.Func1("multiply", func(ctx context.Context, p Product) (matrix.Matrix, error) {
	a, b := p.factors()
	sum := matrix.New(p.Height, p.Width)
	for at := p.From; at < p.To; at += innerPanel {
		if ctx.Err() != nil {
			return matrix.Matrix{}, context.Cause(ctx)
		}
		n := min(innerPanel, p.To-at)
		matrix.AddMulTo(sum, a.Block(p.Row, at, p.Height, n), b.Block(at, p.Col, n, p.Width))
	}
	return sum, nil
})

var assemble = engine.Func2("assemble", func(ctx context.Context, blocks []matrix.Matrix, l Layout) (matrix.Matrix, error) {
	out := matrix.New(l.Rows, l.Cols)
	perRow := ceilDiv(l.Cols, l.Block)
	for i, b := range blocks {
		if ctx.Err() != nil {
			return matrix.Matrix{}, context.Cause(ctx)
		}
		matrix.PasteTo(out, b, i/perRow*l.Block, i%perRow*l.Block)
	}
	return out, nil
})

// gemm multiplies strips: of A of R × I and B of I × C each block of A·B of side b is one task. There are
// ⌈R/b⌉·⌈C/b⌉ + 1 tasks, all but one roots, 2 deep. It returns A·B.
func gemm() *engine.Workflow {
	return &engine.Workflow{
		Name:        "gemm",
		Description: "Multiplies two random matrices, strips of rows by strips of columns.",
		Params: []engine.Param{
			intParam("rows", 1000, 1, 10_000, "rows of the first factor and of the product"),
			intParam("cols", 1000, 1, 10_000, "columns of the second factor and of the product"),
			intParam("inner", 1000, 1, 100_000, "columns of the first factor, rows of the second"),
			intParam("block", 100, 1, 10_000, "rows and columns of the strips"),
			seedParam(),
		},
		Functions: engine.Functions(multiply, assemble),
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			l := Layout{Rows: args.Int("rows"), Cols: args.Int("cols"), Block: args.Int("block")}
			if err := checkTasks(ceilDiv(l.Rows, l.Block)*ceilDiv(l.Cols, l.Block)+1, "choose a larger block"); err != nil {
				return nil, err
			}
			inner := args.Int("inner")
			whole := Product{Rows: l.Rows, Inner: inner, Cols: l.Cols, Seed: uint64(args.Int("seed")), To: inner}
			var blocks []engine.Ref[matrix.Matrix]
			l.each(func(row, col, height, width int) {
				p := whole
				p.Row, p.Height, p.Col, p.Width = row, height, col, width
				blocks = append(blocks, multiply.Call(engine.Const(g, p)))
			})
			return assemble.Call(engine.List(g, blocks...), engine.Const(g, l)), nil
		},
	}
}

// each visits the blocks row after row.
func (l Layout) each(visit func(row, col, height, width int)) {
	for row := 0; row < l.Rows; row += l.Block {
		for col := 0; col < l.Cols; col += l.Block {
			visit(row, col, min(l.Block, l.Rows-row), min(l.Block, l.Cols-col))
		}
	}
}
