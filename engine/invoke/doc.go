// Package invoke starts workers on demand and keeps worker processes running. Tasks are only ever claimed from the store
// of shared runs, so an invocation is a hint that work exists, never the work itself: one that is lost, late or repeated
// only costs time.
//
// A worker gets to work in one of four ways. Goroutines of this process, and workers that run all the time, need no
// invocation: the store wakes them. A Supervisor keeps child processes, which are such workers, and reports the nodes
// that a child was executing when it died, as read from its Board. A Caller requests workers over HTTP from a function
// platform or an autoscaler, which supply machines as requests arrive; a Handler serves these requests, and a Shift is a
// worker that works only while requests ask for it. A Fan connects a store with an Invoker: it turns ready nodes into
// invocations, with a limit for each run, so that one that fails or hangs does not block others.
//
// A dead child is reported within a second of its death, no process outlives its supervisor for longer than it takes to
// shut down, and a request without a valid signature costs no more than reading it. A child costs a pipe, a mapped file
// of 50 KiB and a thread; a task in a child costs two stores to memory.
//
// Caveats: signatures authenticate a hint but do not encrypt it; use https on untrusted networks. A request can be
// replayed for as long as clocks may differ, which is harmless. Children and boards need a Unix; only on Linux do
// children always end when their supervisor is killed. Processes that a child starts in a session of their own (setsid)
// are not found.
package invoke
