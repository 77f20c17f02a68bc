package worker_test

import (
	"context"
	"fmt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
)

// A graph of two additions, run on all cores of this process.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	pool, err := worker.New(worker.Config{State: memory.New()})
	if err != nil {
		panic(err)
	}
	e, err := engine.New(engine.Config{Executor: pool})
	if err != nil {
		panic(err)
	}
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()

	b := engine.NewBuilder()
	x := add.Call(engine.Const(b, 1), engine.Const(b, 2))
	g, err := b.Compile(add.Call(x, x))
	if err != nil {
		panic(err)
	}
	run, err := e.Submit(ctx, "sums", g, engine.RunOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Println(engine.Result[int](ctx, run))
	stop()
	fmt.Println(<-ended)
	// Output:
	// 6 <nil>
	// <nil>
}
