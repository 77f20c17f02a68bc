// Package api answers REST requests about runs: it submits and steers them, and tells what happened in them.
//
// Operations are typed; the description of the API (Document, openapi.json) is made from the same types, so that the
// two cannot differ. What an answer holds is a view of this package's own, in whole nanoseconds and RFC 3339, never a
// stored record. Errors become problem details in one place, ProblemOf. Answers about ended runs carry strong ETags
// and are the same bytes as long as the tag is; a live run is told as far as its log goes.
//
// Costs: lists are answered from an index in memory, some 500 B a run (package metricsstore/index). The headers of all
// runs are read once, by Warm or the first list, some 17 µs each from the embedded store; after that only those of runs
// that the store says have changed, and of live ones. What reads the log of a run is bounded to a few requests at a time; more wait for a moment and are
// then refused with 429.
//
// Caveats: the API does not ask who is there. Package web puts the checks of hosts, origins and tokens before it.
// Files of a submission are not kept, so a run that was given some cannot be retried.
package api
