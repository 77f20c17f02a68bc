// Package redis keeps the runs that several processes share in Redis (or Valkey), from version 6.2 on: it is the
// shared.Backend whose ledger is a handful of Lua scripts, and it opens Redis and checks that it can be relied on.
//
// A script applies one operation of engine/state/ledger as a whole or not at all, and gives the very reply of that
// model; a call whose answer was lost is repeated and changes nothing. Only Leave and Reap of a session that has much are
// done in parts, between which others find it over. All keys of a run carry the run as their hash tag, so a run lies on
// one master of a cluster, and calls wait while it moves to another one. Calls that fail for reasons that pass (a lost
// connection, a server that loads, a failover, a script that was forgotten) are repeated, with longer and longer pauses,
// until their context ends. Nothing stays behind a run that ended and was deleted, and all that a process may leave
// behind when it dies expires. Keys and values are described in FORMAT.md.
//
// A commit costs one round trip and about 0.1 ms of the server's only thread, less than a microsecond more for each edge
// or node in a row, and some 15 µs for each node that was ever retried, lost or reserved. No command takes longer than
// 10 ms, whatever the graph, as long as commits keep to the bounds of ledger (MaxEnds, MaxClaims) and to about 1,000
// edges, of which those with Hold count for five. Snapshot copies the ledger within the server and reads the copy.
//
// Caveats: values block Redis for everybody while they pass, some 10 ms for each MiB, so an output that has to be stored
// and a constant take at most 256 MiB, see shared.DefaultValueBytes. What Redis loses is lost. Without an append-only file a restart of it loses all runs under way, with one that
// is written every second the last second, and a failover what the replica had not heard of. Leases go by the server's
// clock: one that is set forward ends all sessions, which costs what they were doing, and one that is set back keeps the
// dead alive for as long. A run cannot use more than one master. Runs expire 24 hours after their end, see
// DialConfig.Keep.
package redis
