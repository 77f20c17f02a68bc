package engine_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/worker"
)

// Options.Timeout bounds each attempt of a function, RunOptions.Deadline the whole run. Both end the context of the body,
// which has to return then: nothing else can stop it.
func Example_timeout() {
	wait := engine.Func1("wait", func(ctx context.Context, d time.Duration) (int, error) {
		select {
		case <-time.After(d):
			return 1, nil
		case <-ctx.Done():
			return 0, context.Cause(ctx) // engine.ErrTimeout or engine.ErrDeadline
		}
	}).With(engine.Options{Timeout: 10 * time.Millisecond, Retries: engine.NoRetries})

	inProcess(worker.Config{}, engine.Config{}, func(ctx context.Context, e *engine.Engine) error {
		g := engine.NewBuilder()
		graph, err := g.Compile(wait.Call(engine.Const(g, time.Hour)))
		if err != nil {
			return err
		}
		run, err := e.Submit(ctx, "wait", graph, engine.RunOptions{Deadline: time.Minute})
		if err != nil {
			return err
		}
		var failed *engine.RunError
		if err := run.Wait(ctx); !errors.As(err, &failed) {
			return err
		}
		fmt.Println(failed.Status, failed.First.Kind)
		return nil
	})
	// Output: failed timeout
}
