package workflows

import (
	"context"
	"strconv"

	"github.com/dagscope/dagscope/engine"
)

var appendNumber = engine.Func2("append-number", func(_ context.Context, s string, i int) (string, error) {
	return s + "-" + strconv.Itoa(i), nil
})

// chain appends the numbers 1 to k to a string, one after the other: k tasks with one root, k deep. It returns
// -1-2-…-k.
func chain() *engine.Workflow {
	return &engine.Workflow{
		Name:        "chain",
		Description: "Appends numbers to a string, one task after the other.",
		Params:      []engine.Param{intParam("k", 100, 1, 10_000, "how many tasks the chain has")},
		Functions:   engine.Functions(appendNumber),
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			s := engine.Const(g, "")
			for i := range args.Int("k") {
				s = appendNumber.Call(s, engine.Const(g, i+1))
			}
			return s, nil
		},
	}
}
