package workflows

import (
	"context"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine"
)

// Modes of flaky.
const (
	byError   = "error"
	byPanic   = "panic"
	byTimeout = "timeout"
)

// stallTimeout is short, so that a run with several timeouts still takes about a second.
const stallTimeout = 200 * time.Millisecond

var begin = engine.Func0("begin", func(context.Context) (int, error) { return 1, nil })

var stumble = engine.Func3("stumble", func(ctx context.Context, v, fails int, mode string) (int, error) {
	attempt := engine.Task(ctx).Attempt
	if attempt > fails {
		return v + 1, nil
	}
	err := fmt.Errorf("attempt %d fails as asked, the first %d do", attempt, fails)
	if mode == byPanic {
		panic(err)
	}
	return 0, err
})

// stall hangs until its attempt times out.
var stall = engine.Func2("stall", func(ctx context.Context, v, fails int) (int, error) {
	if engine.Task(ctx).Attempt > fails {
		return v + 1, nil
	}
	<-ctx.Done()
	return 0, context.Cause(ctx)
}).With(engine.Options{Timeout: stallTimeout})

var finish = engine.Func1("finish", func(_ context.Context, v int) (int, error) { return v + 1, nil })

// flaky is a chain of three tasks whose middle one fails in its first attempts: 3 tasks with one root, 3 deep. With
// dag.DefaultRetries it returns 3 where fails is at most 3, else the run fails with the last attempt's record.
func flaky() *engine.Workflow {
	return &engine.Workflow{
		Name:        "flaky",
		Description: "A chain whose middle task fails a few times before it succeeds.",
		Params: []engine.Param{
			intParam("fails", 2, 0, 10, "how many attempts fail; a task has 4"),
			{
				Name: "mode", Kind: engine.ChoiceParam, Default: byError, Choices: []string{byError, byPanic, byTimeout},
				Help: "how they fail: with an error, by a panic, or by hanging until their timeout of 200 ms",
			},
		},
		Functions: engine.Functions(begin, stumble, stall, finish),
		Build: func(g *engine.Builder, args engine.Args) (engine.AnyRef, error) {
			fails, mode := engine.Const(g, args.Int("fails")), args.String("mode")
			if mode == byTimeout {
				return finish.Call(stall.Call(begin.Call(g), fails)), nil
			}
			return finish.Call(stumble.Call(begin.Call(g), fails, engine.Const(g, mode))), nil
		},
	}
}
