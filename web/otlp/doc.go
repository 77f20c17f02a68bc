// Package otlp receives traces while they happen: POST /v1/traces of OTLP over HTTP, in protobuf or JSON, as every SDK and
// collector of OpenTelemetry sends them. Each trace with at least two spans is a run, made by the same pipeline as a
// file of the same spans would be. What it has in common with other records that arrive in parts is in web/feed.
//
// Guarantees: a span is acknowledged when it is on disk in the journal, so neither a kill nor a loss of power loses it.
// What is sent again, or late, changes nothing twice. A run is listed as running a fraction of a second after its first
// spans, and made again as more arrive; a page that shows it follows. It ends when the roots of its trace have ended, or as
// interrupted when nothing came for Config.Quiet. Requests that exceed what the journal may hold get 429 with Retry-After,
// and what cannot be added to an old trace any more is rejected in the answer, never dropped silently. A trace that makes
// the program panic is set aside and takes no other one down.
//
// Costs: one write and one share of an fsync for each request, about 200 bytes of memory for each trace and 24 for each
// request of it while it is in the journal, and one pass over all spans of a trace each time its run is made again, of
// which at most half of the time is spent. At a start the journal is read, and each of its runs is compared with what
// is kept. FORMAT.md of web/feed has the form of the journal.
//
// Caveats: a run has no details of its own progress: its moments are those of spans, which SDKs send when they have
// ended. The more spans a trace has, the later they are seen. A run that a person deletes within an hour after its last span
// comes back when the service is started again.
package otlp
