// Package gotestjson reads what "go test -json" prints: a line for each event of a test or package. It was made with
// output of Go 1.21, 1.24 and 1.26; what is said of older versions is from the documentation of the command test2json.
//
// Recorded are the moments of events, which are those at which the go command read them, the end of each test with its
// duration in hundredths of a second, and outputs. A test ends with the line of output that says so, because the event
// after it may come much later; where neither is near its recorded duration, as before Go 1.20, it ends after that. A
// test that pauses starts when it continues. Tests are parts of their package, and subtests of the test that started
// them, so they are spans: the run has a task for each period in which a test was itself at work.
//
// Packages whose results were cached have (cached) in their output; they and their tests are cached, with the moments at
// which the old output was read again. Benchmarks have no end and end with their last event. Other tests without an end
// were lost when the process of their package ended, such as when another test panicked. A test or package that was
// skipped succeeded. Why a package was not built is what the compiler printed.
//
// Dependencies are not recorded; the edges are those of spans.
//
// Costs: O(n log n) for n events; tests are held in memory with at most records.MaxText bytes of their output.
//
// Caveats: the output has no mark for its end. A run is Incomplete if packages in it have not ended, but a package that
// had not started is missing without a trace. Lines that are no events, such as errors of builds before Go 1.24, are the
// error of the run if it failed.
package gotestjson
