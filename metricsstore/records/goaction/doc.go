// Package goaction reads the graph of actions that "go build", "go test" and "go vet" write with the flag
// -debug-actiongraph: a JSON array of actions with dependencies, three moments each, and the commands that were run for
// them. It was made with graphs of Go 1.21, 1.24 and 1.26; the first two have no checks of the cache.
//
// Recorded are when an action was ready, started and done, its commands with their CPU time, and IDs of its action and
// of what it built. Whether it failed is not recorded, so this follows from what is there. A build or link with
// commands and without a build ID failed. One with a build ID and without commands came from the cache. One without
// either never ran; if it waited for nothing that is known to have failed, the only action before it that ran commands
// and has no build ID of its own kind, such as one of cgo, is what failed. What waits for any of these was skipped,
// except actions that ignore failures. A link of a test with neither, but with an action ID, was left out because the
// result of the test is cached, so the run of that test is cached too. Actions that have moments without a year did not
// run yet: the graph was then written before the end.
//
// Every action is a task, although about half of them, "build check cache", do next to nothing. Edges of "test print"
// and "test barrier" keep output and starts of tests in the order of packages; they are waited for like others.
//
// Costs: all actions are held in memory, and O(n) for n actions and dependencies.
//
// Caveats: whether a test or vet failed is not in the graph, so a run of tests that failed looks like one that
// succeeded. A build that was stopped before its end writes no graph.
package goaction
