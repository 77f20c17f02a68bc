// Package turborepo reads run summaries of Turborepo, which "turbo run --summarize" writes to .turbo/runs. It was
// made with summaries of Turborepo 2.11, and summaries of 1.9 and 1.13 are read too; 1.9 lists all dependencies of a task
// with those of its dependencies.
//
// Recorded are the start and end of the run and of each task in milliseconds, exit codes, commands, what the cache had,
// and the names of what a task depends on and of what depends on it. Tasks from the cache have real times: that of the
// restoring, for which they waited for a slot like others.
//
// A task that was stopped when another one failed, and one that never started, are not in the summary except by name.
// Tasks that are only named are in the run without an attempt. They are skipped if they wait, also by way of others,
// for a task that failed; of the rest the summary only has the number of those that were started.
//
// Costs: the document is held in memory as a whole, with the hash of every file that it lists.
//
// Caveats: when a task became ready is not recorded. What "turbo run --dry=json" prints looks alike and is refused, as
// nothing ran. A document that was cut off is refused.
package turborepo
