// Package bench measures what the engine adds to a task: it executes graphs whose tasks do next to nothing, and a
// floor, which is the least that a Go program needs to run the same graph on all processors.
//
// The floor has the graph in compressed sparse rows, the same bodies as boxed functions, an atomic counter and a
// state word for each task, two readings of the clock, and queues that steal from each other; its state is allocated
// before it is measured. The engine is measured without a log, with steps and digests, and with the compressed
// archive in memory and on disk, from the submission to the end of the run (makespan) and until its record is complete
// (drained). Rounds are interleaved and goals are compared with the quickest of each, because a busy machine disturbs
// some rounds and never helps one. Every run's result is checked.
//
// Processor time is that of the whole process, collector of garbage included. Bytes are what a run allocates; live
// bytes are what its graph and its state hold.
//
// Interleave, Series, Stat, Goal and Table are what other benchmarks measure and print with, too.
//
// Caveats: what else the process does is measured too, so nothing else should run in it. A full measurement takes
// about a minute and 200 MB.
package bench
