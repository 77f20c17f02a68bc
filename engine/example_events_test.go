package engine_test

import (
	"context"
	"fmt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/worker"
)

// Events says what happens in a run while it does, and all of it once more after the end. Reading them never slows the
// run down; a reader that stops can continue from the number of an event.
func Example_events() {
	inProcess(worker.Config{Width: 1}, engine.Config{}, func(ctx context.Context, e *engine.Engine) error {
		g := engine.NewBuilder()
		graph, err := g.Compile(add.Call(engine.Const(g, 1), engine.Const(g, 2)))
		if err != nil {
			return err
		}
		run, err := e.Submit(ctx, "sum", graph, engine.RunOptions{})
		if err != nil {
			return err
		}
		for event, err := range run.Events(ctx, 1) {
			if err != nil {
				return err
			}
			switch event.Kind {
			case record.TaskStartedEvent, record.TaskFinishedEvent:
				fmt.Println(event.Kind, event.Task.Function)
			case record.RunFinishedEvent:
				fmt.Println(event.Kind, event.Status)
			}
		}
		return nil
	})
	// Output:
	// task.started add
	// task.finished add
	// run.finished succeeded
}
