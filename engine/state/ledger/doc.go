// Package ledger defines how the state of a run shared by several processes changes: State.Apply takes one operation
// of a session, or of the reaper of dead sessions, and returns the reply and the entry for the log. The scripts of
// engine/state/redis must agree with it, reply by reply and snapshot by snapshot; STATES.md draws it.
//
// A ledger knows nodes by number and edges by the offset of a bit, and nothing about graphs: what an end means for
// other nodes comes with the call, from a session that knows the graph. So a script needs only its arguments, and each
// task that a session became costs the ledger one status. It guarantees that an end is applied once and as a whole,
// even if the operation is repeated, cut off or late; that a node is claimed by one session at a time; that a node
// becomes ready when all its bits are set (the bits are the authority on what has arrived); and that the run ends when
// no sink is open, or when it is being stopped and no claim is held.
//
// Caveats: it is written to be read, not to be fast. It trusts what sessions say about the graph; all sessions of a run
// must use the same one. A State belongs to one goroutine at a time.
package ledger
