// Package shared is one process's part in runs that several processes share: a state.Store over a Backend, which keeps
// the ledger of each run (engine/state/ledger), its outputs, log and hints.
//
// A process takes part in a run by a session, under which it claims nodes in bulk and goes on with what its own ends make
// ready: such a node can be claimed by nobody else, so it is run without asking. What has ended is reported by one commit
// at a time, the next when the last was answered, within 5 ms, or at once where somebody outside waits. Outputs stay in
// memory as long as only this process reads them; what others read is stored, or inline in the commit, before an edge
// that counts it; large ones wait for the rest of what their consumer needs.
//
// It guarantees that an end is applied once, whatever calls and answers are lost: commits are numbered and repeated.
// A process that had no answer for two thirds of its lease drops its claims and cancels what it executes; what was not
// committed is executed again by others, from where the ledger stands. Outputs that died with a process are made again
// when a reader misses them. Every process that knows a run buries dead sessions, ends runs at their deadline, and keeps
// the end of a run that nobody has kept.
//
// Costs: interior tasks cost a lock and no call; a chain of 10,000 tasks takes about 90 commands. Each run has one
// goroutine, and one for each output under way; the store has four while there are runs. A node takes 48 bytes, a step of
// a log that somebody reads 136.
//
// Caveats: bodies are executed at least once, so what they do outside has to be idempotent by engine.TaskInfo.Key. A
// session is fenced by the store's clock and this process's monotonic one: a process that stands still for longer than
// its lease goes on with a body until it looks at its context. Create reads the graph back once; Find keeps a goroutine
// for each run under way.
package shared
