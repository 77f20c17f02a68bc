// Package spark reads the event logs of Apache Spark, versions 2.2 to 4.2: single files, folders of rolled files, logs
// of applications that still run, and those of Databricks.
//
// Recorded are jobs, stages, tasks with all their attempts, executors, moments in milliseconds of the driver's clock,
// durations that executors measured, bytes, and why attempts failed. A stage is a Group: its tasks wait for all tasks
// of the stages that it reads from. An attempt is Claimed when the driver launched it and Over when the driver knew its
// end; in between lie what Spark calls scheduler delay, deserialisation and fetch wait, then the body, then shuffle
// writing, serialisation and getting the result. The time of fetching and writing is taken out of the Executor Run
// Time that contains it.
//
// Inferred are: where in an attempt its parts lie, which earlier stage made what a skipped stage would have made (the
// latest with the same RDDs), which tasks an attempt of a stage repeats where no Partition ID is recorded, and, where there
// is no exit code, whether an application succeeded. Stages of SQL are called after the last part of their plan as well,
// as all stages of a query have one name, and those of adaptive execution that of a thread pool. Lanes are not recorded, nor is what a driver did between
// jobs; plans of SQL, accumulators, storage and settings are left out.
//
// Guarantees: each attempt is in the run once, however often its end is repeated. A log without an end, with a gap or
// with lines that are no events makes a run that is Incomplete.
//
// Costs: a log is read as a stream, in one pass for each line. Memory is that of the run, some 400 bytes for each task,
// and the longest line, at most 32 MiB; longer ones are read over.
//
// Caveats: the lines of tasks are taken apart without checking the values that are not used.
package spark
