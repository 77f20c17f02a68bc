// Package redis keeps the runs that several processes share in Redis (or Valkey): it is the shared.Backend whose ledger
// is a handful of Lua scripts, and it opens Redis and checks that it can be relied on.
//
// A script applies one operation of engine/protocol/ledger as a whole or not at all, and gives the very reply of that
// model. All keys of a run carry the run as their hash tag, so a run lies on one master of a cluster. A commit costs one
// round trip; no script works for longer than 10 ms. Calls that fail for reasons that pass are repeated until their
// context ends. Keys and values are described in FORMAT.md.
//
// Caveats: what Redis loses is lost. Without an append-only file a restart of it loses all runs under way, with one that
// is written every second the last second, and a failover what the replica had not heard of.
package redis
