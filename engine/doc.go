// Package engine writes and runs workflows: graphs of typed Go functions that a decentralised engine executes.
//
//	double := engine.Func1("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })
//
//	g := engine.NewBuilder()
//	graph, err := g.Compile(double.Call(double.Call(engine.Const(g, 10))))
//	if err != nil {
//		return err
//	}
//	run, err := e.Submit(ctx, "quadruple", graph, engine.RunOptions{}) // e is an Engine that runs
//	if err != nil {
//		return err
//	}
//	n, err := engine.Result[int](ctx, run) // 40
//
// # Where to start
//
// A function is a value (Func1, Func2, …). Calling one with references on a Builder gives a Ref. Every value of a graph
// is a Ref: a constant, an output, a list or map of references, the element of a fan-out (FanOut). Compile makes an
// immutable graph of what was built. A Workflow is a named builder of graphs with parameters, offered on the command
// line, by REST and in forms. An Engine submits graphs to an executor (engine/worker in this module), whose workers
// claim tasks from a state store and then become the next task or invoke other workers; there is no central scheduler.
// The examples show each of these.
//
// The layers below are packages of their own: dag (graphs, their numbering and encoding), codec (how values travel),
// record (steps, events, measurements), execution (what an executor has to do).
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
