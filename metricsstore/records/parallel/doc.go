// Package parallel reads the job log that GNU parallel writes with --joblog, of all versions since 2012.
//
// Recorded are when each job began, for how long it ran, where, its exit value or signal and its command. A job that
// --retries began again has only its last attempt in the file, and jobs that --halt now ended are not in it at all.
// There are no dependencies and no numbers of job slots.
//
// With --resume and --resume-failed several runs of parallel write one file. A run of its own begins where the number of
// a job occurs again, after the last moment before that at which nothing ran; each run is one here.
//
// Guarantees: each line with a number is one task of one run. Commands of several lines are kept whole.
//
// Costs: all jobs are in memory until the runs are made.
//
// Caveats: the file has no mark of its end, so what ends with a whole line looks complete. A run that --resume continued
// without doing a job again cannot be told from the one before it.
package parallel
