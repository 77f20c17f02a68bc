// Package cromwell reads the metadata that Cromwell answers for a workflow at /api/workflows/v1/ID/metadata, of versions
// 30 to 90, with or without expanded sub-workflows.
//
// Recorded are calls with their shards and attempts, when they could start and ended, exit codes, failures, hits of the
// call cache, commands and what was asked for. When the body of a call ran is read from its execution events: on clouds
// the user's action, elsewhere the time until Cromwell updated its stores, which it polls for. Calls of sub-workflows are
// tasks of the run under the name of the sub-workflow; a call of a sub-workflow is a task itself only if the file does
// not say what it consists of.
//
// Dependencies are not in the file. Those are inferred for which an output of one call is a path and an input of another
// is the same path; what depends on numbers, texts or the end of a whole scatter is not seen. CPU and memory in use are
// not there either.
//
// Guarantees: each call is in the run once for each shard, each attempt once. Unfinished calls have no end.
//
// Costs: the file is decoded as a whole, without what is not named here.
//
// Caveats: a file that is cut off is refused, because its end says how the workflow ended.
package cromwell
