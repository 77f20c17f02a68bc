// Package doit reads the report that the task runner doit writes with --reporter json. It was made with a report of doit
// 0.31.
//
// Recorded are start, duration, result, output and error of each task. The moments have no zone; they are in UTC. A task
// that waits for one that failed has the result fail too, without a start and with the names of those that failed as its
// error: it is skipped, and these names are the only dependencies in a report. Tasks that were up to date have no
// moments and did not run.
//
// Costs: the document is held in memory as a whole.
//
// Caveats: a report that was cut off is refused. The report is mixed with what tasks print unless it goes to a file.
package doit
