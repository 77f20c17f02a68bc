package workflows

import (
	"context"

	"github.com/dagscope/dagscope/engine"
)

var product = engine.Func2("product", func(_ context.Context, a, b int) (int, error) { return a * b, nil })

var square = engine.Func1("square", func(_ context.Context, a int) (int, error) { return a * a, nil })

var sum = engine.Func1("sum", func(_ context.Context, values []int) (int, error) {
	s := 0
	for _, v := range values {
		s += v
	}
	return s, nil
})

// fanOutFanIn computes (3·(2·3 + 3·4 + 4·5)²)² = 18766224 in 9 tasks with 3 roots, 5 deep.
func fanOutFanIn() *engine.Workflow {
	return &engine.Workflow{
		Name:        "fan-out-fan-in",
		Description: "Multiplies three pairs of numbers, adds, squares three times over, adds and squares again.",
		Functions:   engine.Functions(product, sum, square),
		Build: func(g *engine.Builder, _ engine.Args) (engine.AnyRef, error) {
			var products, squares []engine.Ref[int]
			for a := 2; a <= 4; a++ {
				products = append(products, product.Call(engine.Const(g, a), engine.Const(g, a+1)))
			}
			s := sum.Call(engine.List(g, products...))
			for range 3 {
				squares = append(squares, square.Call(s))
			}
			return square.Call(sum.Call(engine.List(g, squares...))), nil
		},
	}
}
