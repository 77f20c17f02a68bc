// Package shared is one process's part in runs that several processes share: a state.Store over a Backend, which keeps
// the ledger of each run (engine/state/ledger), its outputs, log and hints.
//
// A process takes part in a run by a session, under which it claims nodes in bulk and becomes nodes that its own ends
// make ready: no other session can claim such a node, so it is executed without asking. Ends are reported by one commit
// at a time, the next when the last was answered, within 5 ms, or at once if another session may wait for them. Outputs
// stay in memory as long as only this process reads them; those that others read are stored, or inline in the commit,
// before an edge that counts them; large ones wait for the other inputs of their consumer.
//
// It guarantees that an end is applied once, whatever calls and answers are lost: commits are numbered and repeated.
// A process that had no answer for two thirds of its lease drops its claims and cancels what it executes; what was not
// committed is executed again by others, from the state of the ledger. Outputs that were lost with a process are
// recomputed when a reader misses them. Every process that knows a run reaps expired sessions, stops the run at its
// deadline, and stores its end if no other process has.
//
// A run is made of parts over one core (core.go): in its goroutine watcher, committer and concluder take turns; fetcher,
// uploader, controls and reaper are called by others. What they decide with is internal/member, a pure state machine.
// STATES.md draws the states and lists the goroutines.
//
// Costs: interior tasks cost a lock and no call; a chain of 10,000 tasks takes about 90 commands. Each run has one
// goroutine, and one for each output being moved; the store has five while there are runs (STATES.md). A node takes 48 bytes, a step
// of a log that is read here 136.
//
// Caveats: bodies are executed at least once, so their effects have to be idempotent by execution.TaskInfo.Key. A session
// is fenced by the store's clock and this process's monotonic one: a process that stalls for longer than its lease
// executes a body until that checks its context. Create reads the graph back once; Find keeps a goroutine for each active
// run. Leave and Forget do not wait for the goroutines of a run, Close does.
package shared
