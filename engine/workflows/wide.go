package workflows

import (
	"context"

	"github.com/dagscope/dagscope/engine"
)

var emit = engine.Func0("emit", func(context.Context) (int, error) { return 1, nil })

var pass = engine.Func1("pass", func(_ context.Context, v int) (int, error) { return v, nil })

// wide lets one task feed W, all of which feed one: W + 2 tasks with one root, 3 deep. It returns W.
func wide() *engine.Workflow {
	return &engine.Workflow{
		Name:        "wide",
		Description: "One task feeds many, and those feed one.",
		Params:      []engine.Param{intParam("width", 1000, 1, 99_998, "how many tasks stand side by side")},
		Functions:   engine.Functions(emit, pass, sum),
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			one := emit.Call(g)
			all := make([]engine.Ref[int], args.Int("width"))
			for i := range all {
				all[i] = pass.Call(one)
			}
			return sum.Call(engine.List(g, all...)), nil
		},
	}
}
