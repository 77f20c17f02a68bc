// Package toil reads the statistics that Toil 5 and 6 write with toil stats --raw.
//
// They are sums over jobs of one type and have no moments, so a run of them is undated: Compile places its tasks, and
// only durations and the time of the whole run are as recorded. A type with one job is one task with its duration, CPU
// and memory. Of more jobs only the sum, the shortest and the longest are known: these two are tasks as they were, and
// the rest of the sum is divided among the others, which a note says.
//
// Dependencies, failures and the machines are not recorded. What Toil calls wait is the duration without the CPU time,
// and not the wait for a machine.
//
// Guarantees: the durations of the tasks of a type add up to the recorded sum, to a nanosecond for each.
//
// Costs: a task for each job, so a small file can make many; above 250,000 it is refused.
//
// Caveats: a file that is cut off is refused. The table for people that toil stats writes without --raw is not read.
package toil
