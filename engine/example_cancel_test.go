package engine_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/worker"
)

// Cancel ends the contexts of what executes and skips the rest. Pause and Resume hold a run without losing what it has
// done.
func Example_cancel() {
	started := make(chan struct{})
	forever := engine.Func0("forever", func(ctx context.Context) (int, error) {
		close(started)
		<-ctx.Done()
		return 0, context.Cause(ctx) // engine.ErrCancelled
	})

	inProcess(worker.Config{}, engine.Config{}, func(ctx context.Context, e *engine.Engine) error {
		g := engine.NewBuilder()
		graph, err := g.Compile(forever.Call(g))
		if err != nil {
			return err
		}
		run, err := e.Submit(ctx, "forever", graph, engine.RunOptions{})
		if err != nil {
			return err
		}
		<-started
		run.Cancel()
		var cancelled *engine.RunError
		if err := run.Wait(ctx); !errors.As(err, &cancelled) {
			return err
		}
		fmt.Println(cancelled.Status)
		return nil
	})
	// Output: cancelled
}
