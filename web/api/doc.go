// Package api implements the REST API: it submits and controls runs, and answers questions about what happened in them.
//
// Operations are typed, and the description of the API (Document, openapi.json) is generated from the same types, so that
// the two cannot differ. Responses are views declared in this package, in whole nanoseconds and RFC 3339, never stored
// records. Errors become problem details in one place. Responses about ended runs carry strong ETags and have
// the same bytes as long as the tag is the same; responses about live runs include what their log has so far.
//
// Handlers are grouped by what they are about (routes.go). Groups share records, which reads runs from the store, and
// summaries, which adds the catalogue of all runs. Exported are the types that the Go client in web/client returns, and
// structs that are embedded in inputs or views: package huma ignores embedded structs whose type is not exported.
//
// Costs: lists are answered from an index in memory, about 500 B for each run (package metricsstore/index). The headers of
// all runs are read once, by Warm or the first list, in about 17 µs each from the embedded store; after that only those
// of live runs and of runs that the store reports as changed. Few requests at a time may read the log of a run; more wait
// for a moment and are then refused with 429.
//
// Caveats: the API does not authenticate. Package web checks hosts, origins and tokens before requests reach it. Files of
// a submission are not kept, so a run with uploaded files cannot be retried.
package api
