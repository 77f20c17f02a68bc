// Package meson reads the log that "meson test" writes to meson-logs/testlog.json: a JSON object on each line, for each
// test as it ended. It was made with a log of meson 1.0.
//
// Recorded are start, duration, result, exit code, command and output of each test; the moments are seconds since 1970.
// Tests that were expected to fail and did so succeeded, and those that passed unexpectedly failed. A test that skipped
// itself ran, and counts as succeeded. Negative exit codes are signals. There are no dependencies, and which tests had to
// run alone is not recorded.
//
// Costs: one line is held in memory, and of each text at most records.MaxText bytes. Environments are not kept.
//
// Caveats: the log has no mark for its end, so a log that was cut after a line is like one of a shorter run, and tests
// that were still running when meson was stopped are not in it. A last line that is cut off makes a run Incomplete.
package meson
