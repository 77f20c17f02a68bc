// Package nextflow reads what Nextflow records about the tasks of a run: the table of -with-trace (any columns in any
// order, formatted or raw), the page of -with-report, the tasks as Seqera Platform and Tower store them in JSON, the
// messages of -with-weblog kept in a file, and next to one of them the graph of -with-dag in DOT, Mermaid or HTML.
// Versions seen: 19 to 25; of the report only its template. A table of tasks that a report next to it has is left out.
//
// Recorded are tasks, attempts, exit codes, the moments of submission, the durations from submission to completion and
// inside of the wrapper of the task (realtime), and sizes. Each retry has its own task_id, so that the record does not
// say what is an attempt of what. Inferred and counted in notes are: attempts of one task (same name, and the number in
// the column attempt or, without it, a failure before), ends (submission and duration), starts (end minus realtime,
// whatever the time between submission and completion that realtime does not cover was spent on), and edges.
//
// The graph connects processes, not tasks. Edges between tasks follow from it by the first of these rules that applies:
// below an operator that waits for everything, such as collect, all tasks of the process before it; then the tasks with
// the same tag; then all of a process if one of both processes has a single task; then, because a task is submitted
// when its last input arrives, the task that was the last to end before the submission. Parents have to have succeeded
// and ended before the submission, apart from rounding. A tag that is only a number is an index and says nothing.
//
// Guarantees: a task that was cached takes no time in this run: its times are those of an earlier run, and its log has
// them. Dates without a zone are read as if they were in UTC, and a note says so.
//
// Costs: memory in proportion to the rows. Edges of one graph are limited to a million; then only the last parent
// to end is connected.
//
// Caveats: a table has no mark at its end. One that was cut between two rows looks like a shorter run; if the last line
// is cut, the run is incomplete, and missing numbers among the task IDs are counted. Formatted durations are rounded to
// 0.1 s, and from a minute on to 1 s.
package nextflow
