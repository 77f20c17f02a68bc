// Package digest measures dagscope's digest next to the quantile sketches that a Go program would
// otherwise use: DataDog's sketches-go, HdrHistogram and Caio's t-digest.
//
// Compare prints one line for each goal that the digest has; the benchmarks in the tests of this package are the
// same work one by one, for a profiler. Figures are ratios of two things measured in one run, in turns, and of
// the quickest round of each, in CPU time of the thread where the system gives it: that is what stays the same
// on a machine that does other work.
//
// # Caveats
//
// A quickest round has no garbage collection in it, which flatters whatever allocates; none of ours does.
package digest
