package engine_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
)

var add = engine.Func2("add", func(_ context.Context, a, b int) (int, error) { return a + b, nil })

// An engine needs an executor: here a pool that executes tasks on all processors of this process. Run works until its
// context ends.
func Example() {
	pool, err := worker.New(worker.Config{State: memory.New()})
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := engine.New(engine.Config{Executor: pool})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()

	sum, err := sumOfSums(ctx, e)
	stop()
	fmt.Println(sum, errors.Join(err, <-ended))
	// Output: 6 <nil>
}

// sumOfSums computes (1+2) + (1+2). The inner sum is a single task, whose output is used for both arguments of the
// outer one.
func sumOfSums(ctx context.Context, e *engine.Engine) (int, error) {
	g := engine.NewBuilder()
	inner := add.Call(engine.Const(g, 1), engine.Const(g, 2))
	graph, err := g.Compile(add.Call(inner, inner))
	if err != nil {
		return 0, err
	}
	run, err := e.Submit(ctx, "sums", graph, engine.RunOptions{})
	if err != nil {
		return 0, err
	}
	return engine.Result[int](ctx, run)
}

// inProcess makes the engine of the other examples: as in Example, with a pool and an engine of the given
// configurations. It prints the error of the function that it calls, if any.
func inProcess(pool worker.Config, cfg engine.Config, do func(ctx context.Context, e *engine.Engine) error) {
	err := func() (err error) {
		pool.State = memory.New()
		if cfg.Executor, err = worker.New(pool); err != nil {
			return err
		}
		e, err := engine.New(cfg)
		if err != nil {
			return err
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		err = do(ctx, e)
		stop()
		return errors.Join(err, <-ended)
	}()
	if err != nil {
		fmt.Println(err)
	}
}
