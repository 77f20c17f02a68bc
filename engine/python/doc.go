// Package python calls Python functions in interpreters that it keeps warm, and passes values between them.
//
// A Pool has at most one interpreter for each lane that calls; each answers one call at a time over a pair of pipes
// (FORMAT.md). An interpreter imports a module once, is replaced after a number of calls or when its memory has grown,
// and ends when it has been idle for a while. A Value is what a function returned, still encoded: Go passes it on, to
// another interpreter or through a store, without reading it. Values above 60 KiB are in memory that the processes share,
// so an array of numpy is copied once, when it is returned, and is used in place by each function that gets it; what a
// function changes in it is its own.
//
// It guarantees that a call ends when its context does, whatever the function does: it is interrupted as by Ctrl-C, and
// after a grace its process group is killed. An exception is a *CallError with the traceback of the function; the death of
// an interpreter is a *LostError with how it ended and what it printed last, and costs no other call. No interpreter
// outlives this process or Run. A call that does nothing costs about twice as much as its bytes through a bare pipe.
//
// Caveats: functions in a warm interpreter share what they leave behind: modules, variables, the working folder, threads.
// A thread that still runs after its function has returned is measured, and heard, as part of later calls. Shared memory is
// returned when the garbage collector finds a Value unused. It needs a Unix, and passes large values without a copy only on
// Linux.
package python
