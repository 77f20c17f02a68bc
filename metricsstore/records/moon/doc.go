// Package moon reads the report of the last run that moon writes to .moon/cache/runReport.json. It was made with a
// report of moon 2.5; reports of 1.25 are alike.
//
// Recorded are actions, such as the run of a task or the synchronisation of a project, with moments in nanoseconds and
// the operations that they consist of. The moments have no zone; they are in UTC. An action that runs a task has one
// attempt for each of its operations of the kind task-execution, and before operations existed for each of its attempts:
// a task that failed three times is one action. What an action did before its first attempt, such as making a hash, is
// the time between claim and start of it. An action without such operations is one attempt.
//
// Dependencies are not in the report. Targets that were asked for and have no action did not run.
//
// Costs: the document is held in memory as a whole.
//
// Caveats: each run overwrites the report of the one before. A document that was cut off is refused.
package moon
