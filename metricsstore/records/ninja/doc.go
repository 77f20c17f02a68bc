// Package ninja reads the log of the build tool ninja, .ninja_log in versions 5 to 7, and the graph that "ninja -t graph"
// prints in the language of dot. It was made with files of ninja 1.11.1 and 1.13.2.
//
// Recorded are outputs, start and end of each command in milliseconds since its ninja started, a hash of the command,
// and a stamp of the file system. Only commands that succeeded are in the log, in the order in which they ended; what
// failed, what was up to date, and the text of commands are not. Consecutive lines with equal start, end and hash are
// the outputs of one command, unless the graph says that two commands made them.
//
// One log has all runs in a build folder, without anything between them. From version 6 on, the stamp is the file
// system's time when the command started, so stamp minus start says when the run started; for restat and generator rules
// and after "ninja -t restat", as CMake calls it, it is the time of the output. What more commands agree with is taken.
// This dates the run and is what commands are put into runs by, also where ninja has compacted the log, which keeps the
// last command of each output and mixes the runs. In version 5 the stamp is always the time of the output, which may be
// older than the run. There, a run ends where the end of the next line is before that of the last one, where an output
// occurs again, and where two lines in succession have stamps that no run could have that the lines before belong to;
// such a run has a day, and its moments count from the start of ninja.
//
// Dependencies are known only with the graph. It is that of the build files as they are when it is printed, without the
// headers that compilers report; commands that did not run are passed over, and edges that the times contradict are
// left out. Order-only dependencies are edges like others. Where names for several files would make too many edges, they
// are tasks without a length.
//
// Costs: O(n log n) for n lines, plus up to 20 times the arcs of the graph for each run; all lines are held in memory.
//
// Caveats: the log has no mark for its end, so a log that was cut after a line is like one of a shorter build, and a
// build that failed is like one that succeeded. A log whose last line has no end gives a run that is Incomplete; a run
// that lacks commands because the log was compacted has a note. In version 5, a run of one command that was followed by
// a longer one cannot be distinguished from the beginning of it.
package ninja
