// Package ledgertest plays random runs against what claims to be a ledger. Differ holds a Machine to the model in
// engine/state/ledger, reply by reply, entry by entry and snapshot by snapshot; Layout tells of a graph what callers of
// a ledger have to say of it.
//
// It guarantees that the same seed plays the same operations. They are mostly those of sessions that keep to the laws in
// op.go, over small random graphs: they open, commit strands with local ends, take, expand, hold, lose outputs, die, are
// reaped, repeat themselves and come too late; every now and then one makes a mistake. An operation costs microseconds
// beside what the machine takes.
//
// Caveats: it knows the model's state when it chooses what to do, which no session does.
package ledgertest
