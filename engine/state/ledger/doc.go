// Package ledger defines how the state of a run changes that several processes share: State.Apply takes one operation
// of a session, or of whoever buries dead ones, and gives the reply and the entries for the log. It is what the scripts
// of engine/state/redis are held to, reply by reply and snapshot by snapshot; STATES.md draws it.
//
// A ledger knows nodes by number and edges by the offset of a bit, and nothing of graphs: what an end means for others
// comes with the call, from a session that knows the graph. So a script needs no more than its arguments, and what a
// session ran on behind its own claims costs the ledger one status each. It guarantees that an end is applied once and
// as a whole, whatever is repeated, cut off or late; that a node is claimed by one session at a time; that a node
// becomes ready when all its bits are set, which are the authority on what has arrived; and that the run ends when no
// sink is open, or when it is being stopped and no claim is held.
//
// Caveats: it is written to be read, not to be fast. It believes the graph that a session tells of; sessions of one run
// must tell of the same one. A State belongs to one goroutine at a time.
package ledger
