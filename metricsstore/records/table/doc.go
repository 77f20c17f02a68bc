// Package table reads plain tables with one row for each attempt of a task: CSV with commas or semicolons, TSV, NDJSON
// (a JSON object in each line) and Parquet. It is for everything that has no reader of its own: a query over a database
// of jobs, an export of a scheduler, a log written by a script.
//
// What a column means is guessed from its name, as in start, began_at or begin_ts, and what a number means from a
// suffix, as in duration_ms, then from its size: 1796021058575 is milliseconds since 1970 and not seconds. Moments may
// also be RFC 3339 or one of the dates that programs commonly write; without a zone they are read as UTC. A Mapping says
// for single columns what they mean instead. Everything that was guessed is said in the notes of the run. Columns
// without a known meaning are kept as lines of the attempt's log.
//
// Guarantees: New claims a file only if its header has a column for the start and one for the end or the duration, and
// if it is not the known header of a tool that has a reader. Rows with the same ID are attempts of one task, unless an
// earlier one has succeeded. Rows of several runs, told apart by a column such as run_id, become several runs. A row
// that cannot be read is counted and left out.
//
// Costs: the cells of all rows are in memory until the run is made, a Parquet file also as a whole.
//
// Caveats: tables have no mark of their end, so a file that was cut off between two rows looks whole, and one that was
// cut off within its last cell is only marked by a note. Moments that are numbers smaller than 10⁸ count from an unknown
// moment. Dates such as 03/04/2026 are read only if another row shows which of the numbers is the month.
package table
