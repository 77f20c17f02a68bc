// Package execution is what an engine expects of an executor: to run jobs on workers and to report what happened in
// them.
//
// An Executor accepts a Job, a checked graph with its options, and returns an Execution, which gives access to the log,
// details and progress, and can cancel, pause and resume the run. An executor that shares runs with other processes is
// also a Finder and a Retrier. Package engine/worker has the executor of this module.
//
// Executions guarantee steps in order and without gaps, and an end: Done is closed once, whatever fails. Reading an
// Execution never slows its run down.
//
// Caveats: an Execution keeps the log and the result of an ended run until Forget, so an executor whose caller never
// calls it grows.
package execution
