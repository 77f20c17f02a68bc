// Package records has the common form of what other tools record about their runs, and the one pipeline that makes a
// run of it that can be kept and replayed like any other.
//
// A Format is one reader: it recognises files by their content and reads them into Runs. Readers are in the packages
// below this one, one for each format; none of them knows another, the store, or how steps are made. A reader reports
// what a file says and nothing else: moments as they were recorded, Unknown where nothing was. Everything that all
// formats have in common is done here, by Compile: functions are named, clocks of several machines are aligned, lanes
// are found where none are recorded, attempts become steps, missing ends are marked.
//
// Guarantees: the same bytes give the same run with the same ID. Each task that a reader reports is in the run once.
// Nothing starts before it is ready and no lane runs two attempts at a time. What Compile infers, repairs or leaves out
// is counted in a Note that stays with the run.
//
// Costs: Compile takes O(n log n) for n attempts and edges, and about as much memory as the tasks themselves.
//
// Caveats: a run that Compile has made shares memory with its Run, which must not be changed afterwards.
package records
