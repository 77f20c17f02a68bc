// Package slurm reads what sacct says of jobs: text with --parsable or --parsable2 and any columns, and --json of Slurm
// 21.08 to 25.05.
//
// A job is a task, and so is each task of a job array. The row of the allocation says when a job could start, ran and
// ended; its steps are folded into it: their peaks of memory and disk traffic are those of the job, and each step is a
// line of the log, because its time is within that of the job. A job that was requeued and is in the file several times
// (sacct --duplicates) has several attempts. Dependencies are read from the line that submitted the job, the columns
// SubmitLine and Comment or a column Dependency.
//
// Guarantees: jobs that were waiting, or were cancelled before they started, have no attempts. Steps without their job
// become a task, and a note says so.
//
// Costs: all rows are in memory until the run is made, JSON as a whole.
//
// Caveats: text has no zone, and is read as UTC. It has no mark of its end either: a file that ends with a whole line
// looks complete. Without the columns Start and End only durations are known, without Elapsed nothing. What a job used
// is known only from what Slurm sampled.
package slurm
