package app_test

import (
	"context"

	"github.com/dagscope/dagscope/cmd/app"
	"github.com/dagscope/dagscope/engine"
)

// A program with a workflow of its own has all commands: run double --set n=21, stats, export and the rest.
func Example() {
	double := engine.Func1("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	app.Main(&engine.Workflow{
		Name: "double", Description: "Doubles a number.", Functions: engine.Functions(double),
		Params: []engine.Param{{Name: "n", Kind: engine.IntParam, Help: "which number", Default: "21"}},
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			return double.Call(engine.Const(g, args.Int("n"))), nil
		},
	})
}
