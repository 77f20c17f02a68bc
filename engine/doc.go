// Package engine writes and runs workflows: graphs of typed Go functions that a decentralised engine executes.
//
//	var double = engine.Func1("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })
//
//	func quadruple(ctx context.Context, n int) (int, error) {
//		pool, err := worker.New(worker.Config{State: memory.New()}) // goroutines of this process
//		if err != nil {
//			return 0, err
//		}
//		e, err := engine.New(engine.Config{Executor: pool})
//		if err != nil {
//			return 0, err
//		}
//		ctx, stop := context.WithCancel(ctx)
//		ended := make(chan error, 1)
//		go func() { ended <- e.Run(ctx) }()
//		defer func() { stop(); <-ended }()
//
//		g := engine.NewBuilder()
//		graph, err := g.Compile(double.Call(double.Call(engine.Const(g, n))))
//		if err != nil {
//			return 0, err
//		}
//		run, err := e.Submit(ctx, "quadruple", graph, engine.RunOptions{})
//		if err != nil {
//			return 0, err
//		}
//		return engine.Result[int](ctx, run)
//	}
//
// # Where to start
//
// A function is a value (Func1, Func2, …). Calling one with references on a Builder gives a Ref. Every value of a graph
// is a Ref: a constant, an output, a list or map of references, the element of a fan-out (FanOut). Compile makes an
// immutable graph of what was built. A Workflow is a named builder of graphs with parameters, offered on the command
// line, by REST and in forms. An Engine submits graphs to an executor (engine/worker in this module), whose workers
// claim tasks from a state store and then become the next task or invoke other workers; there is no central scheduler.
// A program that calls Main of package cmd/app with its workflows has all commands, the dashboard included;
// docs/tutorial.md builds one. The files example_*_test.go show one thing each.
//
// The layers below are packages of their own: dag (graphs, their numbering and encoding), codec (how values travel),
// record (steps, events, measurements), execution (what an executor has to do). The fields of Options are described in
// dag, those of RunOptions in execution.
//
// # Guarantees
//
// A wrong argument type does not compile. Effects in the store happen exactly once; a task's body runs at least once
// and finds a stable idempotency key in its context (Task). Wait never hangs and also works after the end. No viewer
// can slow a run down.
//
// # Costs
//
// A boxed call takes 7 to 23 ns, a task with its graph less than 300 bytes, and no reflection runs between two tasks.
// Types are described once, when a function is declared.
//
// # Caveats
//
// Values are passed from task to task by reference inside one process, and equal constants of a graph that was decoded
// are one value, so a function must not modify its inputs. Processes that share a run know functions by name and
// version, so raise Options.Version when you change what a function does. A function that ignores its context cannot be
// stopped, only abandoned. A body that reads clocks or random numbers must set Options.Impure, or its repetition may
// differ.
package engine
