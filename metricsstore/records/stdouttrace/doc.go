// Package stdouttrace reads what the exporter stdouttrace of OpenTelemetry for Go writes: one JSON object for each span,
// one a line or indented. It is not OTLP. Seen was version 1.47; older ones differ in names that are not read.
//
// Recorded are spans with start and end, status, attributes, events, links and the resource. Each trace is a run.
// Inferred is what waits for what, see records.Run.AddSpans. Not recorded are lanes and what spans used.
//
// Guarantees: each span is in a run once, unless a note says how many traces were left out. A span whose status is Error
// has failed.
//
// Costs: one pass, with memory for the spans but not for the file.
//
// Caveats: there is no mark of a trace's end. A file that ends after a whole object reads as complete if it contains the
// roots of its traces, which are written last. Spans that never ended are not in the file.
package stdouttrace
