// Package sharedtest is a back end for tests of engine/state/shared: a Server keeps runs in memory, each with a State of
// engine/state/ledger, and Connect returns the Backend of one process, as a Redis client is the connection of one.
//
// It guarantees what shared.Backend says, in the order in which calls arrive, with any faults: a call may be late, may be
// lost, or may take effect while its answer is lost, and is then repeated, as a real client does. With Audit the
// invariants of the ledger are checked after every operation. All waiting uses the clock of package time, so it works
// within testing/synctest; it starts no goroutines. An operation costs what ledger.State.Apply does.
//
// Caveats: it forgets everything with the process. A Server made outside of a synctest bubble must not be used in it.
package sharedtest
