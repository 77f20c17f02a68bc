package engine_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/worker"
)

var errBusy = errors.New("the printer is busy")

// An attempt that fails or panics is repeated after a growing delay, three times unless Options.Retries says otherwise.
// An error that NoRetry marks is final. Task says which attempt it is, and its Key is the same for all of them, so that
// external effects can be made idempotent.
func Example_retry() {
	fetch := engine.Func1("fetch", func(ctx context.Context, name string) (string, error) {
		if name == "" {
			return "", engine.NoRetry(errors.New("name is empty"))
		}
		attempt := engine.Task(ctx).Attempt
		if attempt < 3 {
			return "", errBusy
		}
		return fmt.Sprintf("%s, at attempt %d", name, attempt), nil
	}).With(engine.Options{Retries: 5, Timeout: time.Second})

	fast := worker.Config{Backoff: time.Millisecond} // of up to half a second by default
	inProcess(fast, engine.Config{}, func(ctx context.Context, e *engine.Engine) error {
		for _, name := range []string{"report", ""} {
			g := engine.NewBuilder()
			graph, err := g.Compile(fetch.Call(engine.Const(g, name)))
			if err != nil {
				return err
			}
			run, err := e.Submit(ctx, "fetch", graph, engine.RunOptions{})
			if err != nil {
				return err
			}
			page, err := engine.Result[string](ctx, run)
			var failed *engine.RunError
			if errors.As(err, &failed) {
				fmt.Printf("%s after attempt %d: %s\n", failed.Status, failed.First.Attempt, failed.First.Message)
				continue
			}
			if err != nil {
				return err
			}
			fmt.Println(page)
		}
		return nil
	})
	// Output:
	// report, at attempt 3
	// failed after attempt 1: name is empty
}
