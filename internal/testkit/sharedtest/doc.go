// Package sharedtest is a back end for tests of engine/state/shared: a Server keeps runs in memory, each with the ledger
// of engine/state/ledger, and Connect gives one process's Backend to it, as a Redis client is one to Redis.
//
// It guarantees what shared.Backend says, in the order in which calls arrive, whatever the faults: a call may be late,
// may be lost, may take effect while its answer is lost, and is then repeated inside, as a real client does. With Audit
// every operation is held against the invariants of the ledger. All waiting is on the clock of package time, so it works
// within testing/synctest; it starts no goroutines. An operation costs what ledger.State.Apply does.
//
// Caveats: it forgets everything with the process. A Server made outside of a synctest bubble must not be used in it.
package sharedtest
