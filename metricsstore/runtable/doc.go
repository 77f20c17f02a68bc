// Package runtable folds the steps of a run into the table that every view of the run is drawn from: one row for each
// attempt of a task, with its moments, lane, outcome and bytes. It also sends that table to clients, as frames that
// hold what changed between two steps, see FORMAT.md.
//
// The same steps make the same table, however they are split into calls, and a row keeps its number for ever: rows
// are only added, and values only filled in or corrected. A client that applies frames in their order has the
// server's table at the end of each batch of frames; a frame may be late, merged with others or sent again, but
// nothing is lost. Moments are in order within a row, and durations between them are those of record.TaskMetrics.
//
// Folding costs some 100 ns a step. A table takes some 130 bytes a row and 4 bytes for each node that has rows; a
// frame costs time in proportion to its own rows, not to those of the table. On the wire a row takes some 25 bytes.
//
// Caveats: nothing here is safe for concurrent use, callers lock. A table has rows only for tasks that the log has
// mentioned; the others are pending. Frames from any source are decoded without panics and without allocating more
// than some 30 times their length, but what they claim is not checked against a graph.
package runtable
