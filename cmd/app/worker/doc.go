// Package worker is the worker program: it executes tasks of shared runs over Redis, and has neither dashboard nor
// records. A program with workflows of its own is a main function that passes them to Main; only their functions matter,
// since the graph of a run comes from Redis.
//
// A worker runs in one of three modes. By default it is one of a pool of any size, and claims tasks from its start to its
// end. With --listen it claims tasks only while it handles a request POST /invoke, as platforms for functions and
// autoscalers require. With --children it supervises processes that execute one task each at a time, so that a task that
// takes its process down can be identified.
//
// # Guarantees and costs
//
// On SIGTERM or Ctrl-C it claims nothing more, gives tasks 20 s to finish, releases claims it has not begun, stores outputs
// that others need, and exits with 0; on the second signal it ends at once, and others take over when its lease expires.
// Exit codes are those of package app: 1 if it could not continue, 2 for a mistake on the command line, 3 if Redis cannot
// be reached. A process starts in about 10 ms.
//
// The death of a process under --children is reported within a second; without a supervisor it takes until the lease
// expires (--lease), up to 20 s. A child whose task does not return when it is cancelled ends itself, and is replaced.
//
// Caveats: names of workers must differ, otherwise the list of live workers shows only one of them. With --listen a worker
// is idle between requests, so other processes must invoke it: pass --invoke to those that submit and to the workers.
package worker
