// Package process runs what benchmarks measure in processes of their own, so that what the benchmark itself uses is not
// counted: the program as dagscope serve, with a client of its API, and the benchmark's own program once more as a child
// that answers questions, a line of JSON each.
//
// It also reads what a process has used of processors and memory, from Linux's /proc. Elsewhere
// processor time is 0 and memory is an error.
package process
