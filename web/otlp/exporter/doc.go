// Package exporter sends runs that have ended to a collector of OpenTelemetry, over HTTP in JSON and gzip: each run is a
// trace, each attempt a span, and what an attempt waited for is a link, as metricsstore/export writes it.
//
// Guarantees: a run is never slowed down. Ended only enters an ID in a bounded queue; what is sent is read from the store
// by one goroutine, in requests of some 0.5 MiB. A collector that does not answer, or asks to be left alone for a while, is
// tried again with growing pauses, for Config.Patience in all for each run; then the run is dropped. What is dropped is
// counted and logged. A run that is sent again, as after a lost answer, is the same trace with the same spans.
//
// Costs: 20 bytes for each run that waits, and for the one that is sent what reading its log takes, once.
//
// Caveats: runs that wait are lost when the process is killed; they stay in the store, and the command export writes them.
// A run is seen by the collector when it has ended, not before.
package exporter
