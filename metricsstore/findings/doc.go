// Package findings says in sentences what made a run as long as it was: the bound that is nearest to its makespan, and what
// else is worth knowing of it, most of it first. Of a live run it says how far the run is.
//
// The rules and the words are those of the run's page (static/src/model), whose first two sentences are the first two
// findings; both are held to the vectors in testdata. Each finding has the figures from which its sentence is made: a time
// with its share of the makespan, whether the makespan could not have been shorter, how many of all tasks it is about, and
// where the page shows its evidence.
//
// The cost is that of analysis.Bounds, some 1 µs for each task, in addition to reading the run.
//
// Caveats: a share is of the makespan, of which several findings may explain the same part: shares do not add up. Only
// a finding with a Bound says what no change of the rest would have saved; the others say what happened.
package findings
