// Package argo reads workflows of Argo Workflows as "argo get -o json", "argo get -o yaml", "argo list -o json" and kubectl
// write them: JSON or YAML, one or many, with their nodes inline or compressed by gzip or, as of Argo 4.1, zstd or brotli.
// Seen were objects of Argo 2.1 to 3.6, and the source of 4.1.
//
// Recorded are the phases and moments of nodes in whole seconds, attempts (nodes of type Retry and their members), the
// Kubernetes node as worker, exit codes and messages. A task's time begins when Argo made its pod: Argo does not record
// when the container began, so scheduling and pulling images are part of it. What ran before what comes from children,
// but only where they are succession: nodes of type DAG, Steps, StepGroup, TaskGroup and Retry list members as
// children, and these are resolved to the tasks in them. Cached tasks are those with a hit of their memoization.
//
// Inferred is that an exit handler waits for all the rest, and that tasks without a predecessor start with the node
// that they are part of. Commands are those of the templates, if the object still has its spec, with the parameters of
// the node put in. Left out are artifacts, and the time that nodes with members took by themselves.
//
// Costs: all nodes of a file are in memory at once. An edge between a step group of m and one of n tasks is m·n edges;
// from barrierEdges on, the group becomes a task of no duration.
//
// Caveats: an end may be of another clock than a start (the container's and the controller's). JSON that is cut off is
// refused; YAML that is cut off is noticed by a missing phase or start of the workflow, or by children that are not
// there. Nodes that were moved to a database are refused.
package argo
