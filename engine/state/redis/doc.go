// Package redis keeps the runs that several processes share in Redis (or Valkey) 6.2 or later. It implements
// shared.Backend: the ledger of a run is a set of keys, which only a few Lua scripts change. Dial connects to Redis and
// checks that its configuration is safe.
//
// A script applies one operation of engine/state/ledger completely or not at all, and its reply equals that of the
// model. A call whose reply was lost is sent again and then changes nothing. Only Leave and Reap may take several
// calls, if the session holds a lot; between these, other processes see the session as over. All keys of a run have the
// run's ID as their hash tag, so a run is on one master of a cluster, and calls wait while it moves to another one.
// Calls that fail for a transient reason (a lost connection, a server that is loading, a failover, a script that is not
// cached) are repeated with growing pauses until their context ends. Deleting a run that has ended deletes all its
// keys, and everything that a dead process leaves expires. FORMAT.md describes keys and values.
//
// A commit costs one round trip and about 0.1 ms of the server's only thread, plus less than a microsecond for each
// edge or node in a run of equal ones, and about 15 µs for each node that was ever retried, lost or reserved. No
// command takes longer than 10 ms for any graph, as long as commits stay within the bounds of ledger (MaxEnds,
// MaxClaims) and have at most about 1,000 edges, counting an edge with Hold as five. Snapshot copies the ledger within
// the server and reads the copy.
//
// Caveats: a large value blocks Redis for all clients while it is transferred, about 10 ms for each MiB, so a stored
// output or a constant has at most 256 MiB, see shared.DefaultValueBytes. What Redis loses is lost: without an
// append-only file, a restart of Redis loses all active runs; with one that is synced every second, the last second; and
// a failover loses what the replica had not received. Leases use the server's clock: setting it forward ends all
// sessions and loses their work, setting it back keeps dead sessions alive for that long. A run cannot use more than one
// master. Runs expire 24 hours after their end, see DialConfig.Keep.
package redis
