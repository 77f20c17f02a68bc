package engine_test

import (
	"context"
	"fmt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/worker"
)

// A workflow builds graphs from parameters, which command line, forms and REST offer and check. To test one, build the
// graph for some arguments, look at its size, run it in the process of the test, and compare what it returns.
func Example_testWorkflow() {
	powers := &engine.Workflow{
		Name: "powers", Description: "Doubles 1 as often as asked.", Functions: engine.Functions(add),
		Params: []engine.Param{{Name: "n", Kind: engine.IntParam, Help: "how often", Default: "3", Min: 1, Max: 62}},
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			x := engine.Const(g, 1)
			for range args.Int("n") {
				x = add.Call(x, x)
			}
			return x, nil
		},
	}
	inProcess(worker.Config{}, engine.Config{}, func(ctx context.Context, e *engine.Engine) error {
		for _, n := range []string{"10", "63"} {
			args, err := powers.Arguments(map[string]string{"n": n}, nil)
			if err != nil {
				fmt.Println(err)
				continue
			}
			graph, err := powers.Graph(args)
			if err != nil {
				return err
			}
			run, err := e.Submit(ctx, powers.Name, graph, engine.RunOptions{})
			if err != nil {
				return err
			}
			got, err := engine.Result[int](ctx, run)
			if err != nil {
				return err
			}
			fmt.Println(got, "by", graph.Tasks(), "tasks")
		}
		return nil
	})
	// Output:
	// 1024 by 10 tasks
	// engine: invalid parameter: n of workflow powers: 63 is out of range, expected 1 to 62
}
