// Package e2e tests dagscope from outside: the tree of its sources and, through the
// built program, what a user meets.
//
// Its tests guard what no package can guard of itself: the arrows between packages, the
// size and shape of files, the documented layout, and what a commit must not carry. Each
// guard takes data, and a second test feeds it offending data, so that a guard which
// notices nothing is noticed.
//
// Pages are driven in one Chromium for all tests, each test in a profile of its own. Elements are found by role and
// name, as those who do not see the page find them, and waits are for what window.dagscope counts, never for time. What
// a page writes to its console as an error or a warning, broken rules of its security policy among it, fails the test.
//
// It costs one go list and the parsing of every Go file, and for the program one build with -race
// and about four minutes, most of it waiting. Tests of pages are left out with -short, and where there is no browser or no
// built dashboard, unless REQUIRE_BROWSER=1 makes that a failure.
//
// Caveats: sources are read as they lie in the folder, committed or not, and whatever
// their build tags say; modules nested below the root (bench, tools) are not read.
package e2e
