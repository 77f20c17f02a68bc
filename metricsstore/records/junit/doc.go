// Package junit reads reports of tests in the XML format that JUnit's task for Ant introduced and that pytest, CTest,
// meson, GoogleTest, Maven's Surefire, Gradle, jest and others write. It was made with reports of pytest 7.2, meson 1.0
// and CTest 3.25, and with what the documentation of the others says.
//
// Recorded is a duration for each test in seconds, how it ended, messages and output. Tests with neither failure nor
// error count as passed, and those that pytest expects to fail too; skipped ones and those with status notrun or disabled
// did not run. Further tries of a test that Surefire writes are attempts. There are no dependencies.
//
// When a test ran is recorded only by GoogleTest. Otherwise, where each suite has a time stamp and its tests together
// take no longer than itself, tests are placed one after the other in the order of the file, from the stamp on; this is
// noted. If there are no stamps, or a suite took less time than its tests, moments stay unknown, and the machine gets as
// many cores as tests ran at a time on average. Stamps without a zone are in a zone that nobody knows, so the run is
// undated, but for its day.
//
// Reports with testsuite as their root, as Surefire and Gradle write one for each class, are one run together with the
// others of their folder; a report with testsuites is a run.
//
// Costs: one pass over the file; of each text, at most records.MaxText bytes are held.
//
// Caveats: meson writes a test that ran into its timeout like one that passed, and CTest one whose program is missing
// like one that was skipped. pytest counts an error in teardown as a further test, which has an element of its own only
// if the test had failed. Whether tests ran at the same time shows only in that a suite took less time than they did. A
// name that occurs again is a further task, although it may be a further try. A report that ends early gives a run that
// is Incomplete.
package junit
