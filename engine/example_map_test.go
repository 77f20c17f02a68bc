package engine_test

import (
	"context"
	"fmt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/worker"
)

// A map or a list of references is a reference itself: of a map or a list of their values. A function can take it as an
// argument, and a run can return it.
func Example_map() {
	inProcess(worker.Config{}, engine.Config{}, func(ctx context.Context, e *engine.Engine) error {
		g := engine.NewBuilder()
		one, two := engine.Const(g, 1), engine.Const(g, 2)
		graph, err := g.Compile(engine.Map(g, map[string]engine.Ref[int]{
			"sum":   add.Call(one, two),
			"total": total.Call(engine.List(g, one, two, two)),
		}))
		if err != nil {
			return err
		}
		run, err := e.Submit(ctx, "figures", graph, engine.RunOptions{})
		if err != nil {
			return err
		}
		figures, err := engine.Result[map[string]int](ctx, run)
		fmt.Println(figures)
		return err
	})
	// Output: map[sum:3 total:5]
}
