// Package snakemake reads what Snakemake leaves of a run: its log (of 7, 8 and 9, the file in .snakemake/log or what it
// printed), the records of outputs in .snakemake/metadata (a folder of files, or one object with all of them by file
// name), the statistics of --stats, benchmark files, and next to a log the graph of --dag.
//
// A log is the best of these: it has each attempt, failures, jobs that never ran, and files, from which dependencies
// follow; its moments are whole seconds. Metadata have fractions of a second, but one record for each output and only of
// its last successful job: no failures, no earlier attempts, perhaps outputs of several invocations. Outputs of one job
// share job_hash and overlap in time, and are one task. Their moments are those of marker and output files, so jobs of
// run: rules seem to start seconds late. Statistics have durations of jobs that succeeded, but neither
// their dependencies nor their rules: both come from metadata next to them, by path, or else a rule from a duration that
// is its least or greatest one, or that only one rule can have.
//
// Guarantees: records of different kinds are different runs, even if they are of the same invocation, as no ID connects
// them. Dates without a zone are read as if they were in UTC, and a note says so.
//
// Costs: memory in proportion to the jobs and their files.
//
// Caveats: paths that contain ", " are read as several, as the log does not quote them; commands are in the log only for
// failed jobs or with -p. A job is connected to those that made its inputs; a benchmark of several repetitions is the
// sum of all.
package snakemake
