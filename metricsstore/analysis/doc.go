// Package analysis says where the time of an ended run went: its critical path by phases, its longest chain, the slack of
// its tasks, and lower bounds of its makespan with what slots did meanwhile.
//
// The rules are those of the run's page (static/src/model), which computes the same from the same table; both are held
// to the vectors in testdata. The phases of the critical path add up to the makespan, to the nanosecond. What a record
// does not say is not made up: a recording has time in which a task was not ready, not time in a queue.
//
// Reading a run folds its log, some 100 ns a step; what follows takes time in proportion to attempts and edges, some
// 200 ns a task, and bounds, which sort all moments, 1 µs. A run takes some 120 bytes an attempt and 8 bytes an edge, in addition to its table.
//
// Caveats: only an ended run has a critical path and slack. A Run is not safe for concurrent use, and must not outlive
// changes of its table. The longest chain is what the run would take with unlimited slots only if tasks take no longer
// when more of them run at once.
package analysis
