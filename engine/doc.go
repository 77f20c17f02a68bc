// Package engine is the vocabulary and the public API of a decentralised DAG engine: typed functions, references,
// graphs, runs, and the record of what happened in them.
//
// A function is a value (Func1, Func2, …). Calling one with references on a Builder gives a Ref, the only currency:
// a constant, an output, a list or map of references, the element of a fan-out. Compile turns what was built into an
// immutable Graph; an Engine submits it to an Executor (engine/worker in this module), whose workers claim
// tasks from a state store and become the next task or invoke others. Nothing here schedules centrally.
//
// A graph can be sent to other processes (AppendGraph, DecodeGraph). Each runs the functions that it has (Graph.Runs), gets
// the outputs that its tasks need (Graph.Reads, Graph.OutputType), and expands any fan-out.
//
// Guarantees: a wrong argument type does not compile; effects in the store happen exactly once, a task's body runs
// at least once and finds a stable idempotency key in its context; Wait never hangs and works after the end as
// well; no viewer can slow a run down.
//
// Costs: a boxed call takes 7 to 23 ns, a task with its graph less than 300 bytes, and no reflection runs between
// two tasks. Only of a decoded graph are maps, and lists of types that are no function's input or output here, put
// together by reflection. Types are described once, when a function is declared.
//
// Caveats: values are passed from task to task by reference inside one process, and equal constants of a graph that
// was decoded are one value, so a function must not modify its inputs. Processes that share a run know functions by name
// and version, so a change of what a function does must raise its Options.Version. A function that ignores its context
// cannot be stopped, only abandoned. A body that reads clocks or random numbers must set Options.Impure, or its repetition
// may differ.
package engine
