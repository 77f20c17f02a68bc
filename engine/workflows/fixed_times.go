package workflows

import (
	"context"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine"
)

var sleep = engine.Func2("sleep", func(ctx context.Context, letter string, d time.Duration) (string, error) {
	return letter, pause(ctx, d)
})

var sleepAndJoin = engine.Func2("sleep-and-join", func(ctx context.Context, letters []string, d time.Duration) (string, error) {
	return strings.Join(letters, ""), pause(ctx, d)
})

// fixedTimes has chains of 5, 4, 3, 2 and 1 tasks that end in one, each of which sleeps one unit: 16 tasks with 5
// roots, 6 deep, so that with five lanes or more it takes 6 units. It returns abcde, a letter for each chain.
func fixedTimes() *engine.Workflow {
	return &engine.Workflow{
		Name:        "fixed-times",
		Description: "Five chains of sleeping tasks of known duration, so that the ideal makespan is 6 units.",
		Params:      []engine.Param{durationParam("unit", 100*time.Millisecond, time.Hour, "how long each task sleeps")},
		Functions:   engine.Functions(sleep, sleepAndJoin),
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			unit := engine.Const(g, args.Duration("unit"))
			var ends []engine.Ref[string]
			for i, letter := range []string{"a", "b", "c", "d", "e"} {
				end := engine.Const(g, letter)
				for range 5 - i {
					end = sleep.Call(end, unit)
				}
				ends = append(ends, end)
			}
			return sleepAndJoin.Call(engine.List(g, ends...), unit), nil
		},
	}
}
