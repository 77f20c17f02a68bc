// Package otlp reads OTLP JSON, the traces that OpenTelemetry sends and the file exporter of its collector writes. Seen
// were files of JavaScript SDK 2.12, of Python SDK 1.37 and Go through collectors, and the example of the protocol.
//
// Recorded are spans with start and end in nanoseconds, status, attributes, events and links, and the process that each
// comes from; a file has requests one after the other, one a line or one in all. Both names of a scope (scopeSpans and
// instrumentationLibrarySpans), hexadecimal IDs in upper and lower case and in base64, enumerations as names and
// numbers, and numbers as strings are understood, and so is what Tempo returns (batches). Each trace is a run. Inferred
// is what waits for what, see records.Run.AddSpans. Not recorded are lanes and what spans used.
//
// A trace that dagscope has exported becomes the tasks and attempts that it was made of: its spans say so by their
// attributes, and what an attempt waited for is a link.
//
// Guarantees: each span with an ID is in a run once, unless a note says how many traces were left out. A span whose
// status is an error has failed; its message is that of the status, or else of its last exception. A span of which only
// the start is known is under way.
//
// Costs: one pass, with memory for the spans but not for the file.
//
// Caveats: there is no mark of a trace's end. A file that ends after a whole request reads as complete if it contains
// the roots of its traces; SDKs write these last. Spans that never ended are nowhere in what most SDKs send.
package otlp
