// Package wfformat reads recordings in WfFormat, versions 1.4, 1.5 and 1.6, as runs of the system that executed them.
// engine/wfformat reads the files; this package says what they tell.
//
// Recorded are tasks, edges, runtimes, the machine of a task, cores, files and their sizes, and the makespan. Moments
// of tasks (executedAt) are recorded in some files of 1.5 and later; if they are not, Compile reconstructs the
// schedule. Lanes and failures are in no file. The function of a task is its recorded category, or what
// record.FunctionOf finds.
//
// The bytes that a task read are summed up by parent from the files that it read. A file that several parents write
// counts for the last of them; one that only the task itself or tasks that are no parents write counts for no edge; one
// that no task writes comes from outside. Files that no other task reads are results.
//
// Costs: some 30 MB/s, and about as much memory as the file.
//
// Caveats: a file that is cut off is refused, since what is missing might be an edge.
package wfformat
