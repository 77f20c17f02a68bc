// Package metricsstore keeps what happened in runs and answers questions about it: the log of steps, what is known of
// each attempt next to its step, one header per run, and digests of every metric that later runs are compared with.
//
// Records are the source, and digests are folds of them. A Recorder, one for all runs of a process, packs steps into
// blocks, uploads details by a Strategy, and archives a run when it ends; Archiver.Rebuild does the same for a run
// whose process died. Everything is inserted if absent or replaced as a whole and never added to, so whatever is
// delivered again, in whatever order, gives the same bits.
//
// Store is the seam to the back ends (metricsstore/memory, /embedded, /redis): they keep bytes in order and know
// nothing of what the bytes mean. Queries, statistics, retention and the archive file work over any Store.
//
// Costs: a step takes about 11 bytes and well below a microsecond of the goroutine that delivers it; the digests of a
// run take some kilobytes for each function and metric, and a statistic over many runs reads only those.
//
// Caveats: a step is safe only once its block is, at most Config.FlushAfter after it was delivered; details wait as
// long as the strategy says. What did not fit or could not be stored is counted and shown, never hidden, but it is
// gone. Digests cover attempts that ended well; how many did not is counted in the header.
package metricsstore
