// Package jaeger reads the JSON of Jaeger: what its page saves and its service returns for /api/traces ({"data":[…]}), or
// a trace alone. Seen were files of Jaeger's own tests, from clients of Jaeger and of OpenTelemetry.
//
// Recorded are spans with start and duration in whole microseconds, tags, logs, references and processes. Each trace is
// a run. Inferred is what waits for what, see records.Run.AddSpans: the first reference CHILD_OF is the parent, or the
// first FOLLOWS_FROM if there is none; others are links. A span with the tag error has failed, and one whose tag
// otel.status_code is ERROR. Two spans with one ID of which one is a client and one a server, as Zipkin's libraries
// record a call, become two with the client as parent.
//
// Guarantees: each span with an ID is in a run once, unless a note says how many traces were left out.
//
// Costs: one pass, with memory for the spans but not for the file.
//
// Caveats: the format has no span that is under way: without a duration the end is unknown. What a file that ends too
// early contained of its last trace has no processes, because these are written after the spans.
package jaeger
