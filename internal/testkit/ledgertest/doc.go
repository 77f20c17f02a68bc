// Package ledgertest is the conformance suite of ledgers. Differ plays random runs and compares a Machine with the model in
// engine/state/ledger, reply by reply, entry by entry and snapshot by snapshot; Layout computes what a caller of a ledger
// has to say about a graph.
//
// It guarantees that the same seed plays the same operations. Most are those of sessions that keep the laws in op.go,
// over small random graphs: sessions open, commit strands with local ends, claim, expand, hold, lose outputs, die, are
// reaped, repeat operations and come too late; now and then one makes a mistake. An operation costs microseconds on top of
// the machine's own time.
//
// Caveats: it uses the model's state to choose operations, which no real session can.
package ledgertest
