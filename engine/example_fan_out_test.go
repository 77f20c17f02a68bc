package engine_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/worker"
)

var (
	words  = engine.Func1("words", func(_ context.Context, text string) ([]string, error) { return strings.Fields(text), nil })
	length = engine.Func1("length", func(_ context.Context, word string) (int, error) { return len(word), nil })
	total  = engine.Func1("total", func(_ context.Context, ns []int) (int, error) {
		sum := 0
		for _, n := range ns {
			sum += n
		}
		return sum, nil
	})
)

// A fan-out makes a task for each element of a list that is known only when another task has made it. Its body is called
// once, while the graph is built, with a reference that stands for any element.
func Example_fanOut() {
	inProcess(worker.Config{}, engine.Config{}, func(ctx context.Context, e *engine.Engine) error {
		g := engine.NewBuilder()
		list := words.Call(engine.Const(g, "where did the time go"))
		lengths := engine.FanOut(g, list, func(word engine.Ref[string]) engine.Ref[int] { return length.Call(word) })
		graph, err := g.Compile(total.Call(lengths))
		if err != nil {
			return err
		}
		run, err := e.Submit(ctx, "lengths", graph, engine.RunOptions{})
		if err != nil {
			return err
		}
		n, err := engine.Result[int](ctx, run)
		fmt.Println(n, "letters,", run.Progress().Tasks, "tasks")
		return err
	})
	// Output: 17 letters, 7 tasks
}
