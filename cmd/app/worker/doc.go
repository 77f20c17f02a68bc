// Package worker is the worker as a program: it takes part in runs that others have submitted, over Redis, and has
// neither dashboard nor records. A program with workflows of its own is a main function that hands them to Main; only
// the functions matter, for a run brings its graph along.
//
// A worker works in one of three ways. By itself it is one of a pool of any size, and looks for work from its start to
// its end. With --listen it works when it is asked to by POST /invoke, and holds that request as long as it works, as
// platforms for functions and autoscalers want it. With --children it keeps processes that work, one task each at a
// time, so that a body which takes its process down is told from those that ran beside it.
//
// # Guarantees and costs
//
// On SIGTERM or Ctrl-C it claims nothing more, gives tasks 20 s to finish, gives back what it has not begun, stores what
// others need, and exits with 0; on the second signal it ends at once, and others take over when its lease runs out.
// Exit codes are those of package app: 1 where it could not go on, 2 for a mistake on the command line, 3 where Redis
// cannot be reached. A process starts in some 10 ms.
//
// A process with --children that dies is reported within a second; by leases alone (--lease) it takes up to 20 s. A child
// whose task does not stop when it is told to ends itself, and is replaced.
//
// Caveats: names of workers have to differ, or the list of live ones shows one of them. With --listen nothing is done
// between requests, so somebody has to invoke: give --invoke to whatever submits and to the workers themselves.
package worker
