// Package compare says what changed from one run to another, and what explains the difference of their makespans: both
// critical paths by function and phase, the few tasks that make up most of it, and how the execution times of each
// function shifted.
//
// The parts of the decomposition and its rest add up to the difference of the makespans, to the nanosecond. Tasks are
// aligned by their identity: function, path, and place in the graph. In graphs of different sizes, and where one run is a
// recording, tasks without a partner are added or removed, and functions are compared by their distributions. Every figure
// says how many values it is of. Tasks of one run are correlated, so no interval is given for a single pair; against a set
// of runs, intervals resample the runs.
//
// A run that has not ended is compared as far as it is: by the tasks that both have executed, without a decomposition.
//
// A comparison costs two analyses, and for each function n log n of its tasks; shifts of functions with more than 512
// tasks in a run come from that many quantiles, and say so.
//
// Caveats: a function that is not on a critical path does not explain any of the difference, however much it shifted. The
// order of the functions says what changed most, not what caused it. Runs of different workflows are refused with
// ErrDifferent.
package compare
