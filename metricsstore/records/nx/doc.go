// Package nx reads the record of the last run that Nx writes to .nx/cache/run.json, and the graph that the same
// command writes when it is given --graph=FILE.json. It was made with files of Nx 20 and 24.
//
// Recorded are the start and end of the run and of each task in milliseconds, the status of each task, and whether it
// came from a cache. Dependencies are only in the graph. Tasks of the graph that are not in the record did not run: they
// are skipped where they wait for one that failed, and otherwise have no attempt, as after --nxBail.
//
// Costs: both documents are held in memory as a whole.
//
// Caveats: when a task became ready is not recorded, nor are commands and errors. Each run overwrites the record of the
// one before, so the graph may be of another command; a graph that names none of the tasks is not used, and dependencies
// that the times contradict are left out. A document that was cut off is refused.
package nx
