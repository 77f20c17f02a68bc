// Package invoke gets others to look for work, and keeps processes that do. Work itself is claimed from the store of
// shared runs and nowhere else, so an invocation is a hint and never the only copy: one that is lost, late or repeated
// costs time and nothing more.
//
// There are four ways by which workers come to work. Goroutines of this process and long-running workers need no
// invocation: the store wakes them. A Supervisor keeps child processes, which are such workers, and reports which nodes
// a child that died was executing, from the Board that it left behind. A Caller asks for workers over HTTP, where a
// platform for functions, or an autoscaler, supplies machines as requests come; a Handler is the other end, and a Shift
// is a worker that works only while it is asked to. A Fan stands between a store and an Invoker: it turns nodes that
// became ready into invocations, as many at a time as the run's rules allow, so that one that fails or hangs blocks no
// other.
//
// It guarantees that a dead child is reported within a second of its death, that no process outlives its supervisor for
// longer than it takes to shut down, and that a request which is not signed by the secret costs no more than reading
// it. A child costs a pipe, a page-backed file of 50 KiB and a thread; a task in a child two stores into memory.
//
// Caveats: signatures protect the hint, not the secrecy of what is sent; use https where others listen. A request that
// was seen can be repeated for as long as clocks may differ, which does no harm. Children and boards need a Unix; that
// children end with a killed supervisor whatever they do needs Linux. Processes that a child started in sessions of
// their own (setsid) are not found.
package invoke
