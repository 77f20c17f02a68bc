package workflows

import (
	"context"
	"errors"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/workflows/internal/matrix"
)

// Shape of the data of predict.
const (
	features    = 8
	classes     = 4
	dataSeed    = 1
	hiddenSeed  = 2
	rowsAtATime = 4096
)

// Rows is a range of the data.
type Rows struct{ First, Count int }

// data gives the features of the rows, the first of which is always 1.
func (r Rows) data() matrix.Matrix {
	x := matrix.Uniform{Cols: features, Seed: dataSeed}.Block(r.First, 0, r.Count, features)
	for i := range r.Count {
		x.Row(i)[0] = 1
	}
	return x
}

var fit = engine.Func1("fit", func(ctx context.Context, rows int) (matrix.Matrix, error) {
	hidden := matrix.Uniform{Cols: classes, Seed: hiddenSeed}.Block(0, 0, features, classes)
	gram, targets := matrix.New(features, features), matrix.New(features, classes)
	for first := 0; first < rows; first += rowsAtATime {
		if ctx.Err() != nil {
			return matrix.Matrix{}, context.Cause(ctx)
		}
		x := Rows{First: first, Count: min(rowsAtATime, rows-first)}.data()
		y := matrix.New(x.Rows, classes)
		for i, label := range classify(x, hidden) {
			y.Row(i)[label] = 1
		}
		gram = matrix.Sum(gram, matrix.MulTransposed(x, x))
		targets = matrix.Sum(targets, matrix.MulTransposed(x, y))
	}
	for i := range features {
		gram.Row(i)[i] += ridge * float64(rows)
	}
	var factor mat.Cholesky
	if !factor.Factorize(mat.NewSymDense(features, gram.Data)) {
		return matrix.Matrix{}, engine.NoRetry(errors.New("the normal equations are singular, expected a positive definite matrix"))
	}
	weights := matrix.New(features, classes)
	err := factor.SolveTo(weights.Dense(), targets.Dense())
	return weights, engine.NoRetry(err)
})

// ridge keeps the normal equations solvable where there are fewer rows than features.
const ridge = 1e-9

// classify gives for each row of x the class with the highest value of x·weights.
func classify(x, weights matrix.Matrix) []int {
	scores := matrix.Mul(x, weights)
	labels := make([]int, x.Rows)
	for i := range labels {
		row := scores.Row(i)
		labels[i] = slices.Index(row, slices.Max(row))
	}
	return labels
}

var predictRows = engine.Func2("predict", func(ctx context.Context, weights matrix.Matrix, r Rows) ([]int, error) {
	labels := make([]int, 0, r.Count)
	for first := 0; first < r.Count; first += rowsAtATime {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		part := Rows{First: r.First + first, Count: min(rowsAtATime, r.Count-first)}
		labels = append(labels, classify(part.data(), weights)...)
	}
	return labels, nil
})

var concatLabels = engine.Func1("concat-labels", func(_ context.Context, parts [][]int) ([]int, error) {
	return slices.Concat(parts...), nil
})

// predict fits a linear model of four classes to generated data by least squares and predicts the class of each row
// in chunks: n = chunks + 2 with one root, 3 deep. It returns the labels, 0 to 3, in the order of the rows.
func predict() *engine.Workflow {
	return &engine.Workflow{
		Name:        "predict",
		Description: "Fits a linear model to generated data and predicts the label of each row, chunk by chunk.",
		Params: []engine.Param{
			intParam("rows", 200_000, 1, 100_000_000, "rows of data"),
			intParam("chunks", 20, 1, 10_000, "how many tasks predict"),
		},
		Functions: engine.Functions(fit, predictRows, concatLabels),
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			rows, chunks := args.Int("rows"), args.Int("chunks")
			model := fit.Call(engine.Const(g, rows))
			labels := make([]engine.Ref[[]int], chunks)
			for i := range labels {
				first := i * rows / chunks
				labels[i] = predictRows.Call(model, engine.Const(g, Rows{First: first, Count: (i+1)*rows/chunks - first}))
			}
			return concatLabels.Call(engine.List(g, labels...)), nil
		},
	}
}
