// Package pegasus reads what Pegasus 4 and 5 and HTCondor's DAGMan 8 to 25 record of a workflow: jobstate.log and
// NAME.dag.dagman.out, with the graph in NAME.dag and Pegasus' own names in NAME.static.bp, which lie next to them.
//
// An attempt of a node begins when its PRE script starts or it is submitted and ends with its POST script, which decides
// whether it succeeded. Its body is from EXECUTE until it terminated, was held, evicted or aborted; one that was
// executed again after that without being submitted again is an attempt that was lost. Nodes that the graph has and no
// event names never ran; those that a rescue DAG marks as done are cached. A sub-workflow is one task, because its own
// jobs are in a jobstate.log of its own.
//
// Events are not in the order of time, and success is noticed seconds after the end because logs are polled: the moment
// of the event is used where both are recorded. A record in which DAGMan has not finished is incomplete. If both records
// of one run lie in one folder, jobstate.log is read and the other one only adds why jobs were held.
//
// Guarantees: each execution is in the run once. A file in which DAGMan was started several times has several runs.
//
// Costs: events are in memory until the run is made.
//
// Caveats: moments have whole seconds; those of dagman.out are local time without a zone and are read as UTC. What nodes
// used and where they ran is in other files.
package pegasus
