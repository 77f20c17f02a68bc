// Package tekton reads runs of Tekton pipelines: objects of kind PipelineRun, TaskRun and CustomRun, as kubectl and tkn write
// them, in one file or several, as JSON or YAML, alone or in lists. Seen were objects of v1alpha1 and v1beta1; v1 was
// read from its documentation.
//
// A run is a PipelineRun with its TaskRuns, which are its tasks; a TaskRun without one is a run by itself. They are
// brought together by labels, owners, childReferences or, in old objects, by name or because the PipelineRun contains
// them. A task is ready when its TaskRun was made and is claimed when the first of its steps started, so what it waits
// for is its pod; steps are lines of its log. Retries are recorded as a whole and become attempts.
//
// What ran before what comes from the pipeline: runAfter, results that are used, resources from others; finally tasks
// follow all the rest. The pipeline is in the status, in the spec, in a Pipeline object beside, or in the annotation
// that kubectl keeps. Without it there are no edges.
//
// Costs: a file is held in memory as a whole.
//
// Caveats: the Kubernetes node is not recorded, so there are no workers. Before Tekton 0.11, all steps of a pod are
// recorded to start together. PipelineRuns name their TaskRuns and do not have their times: without these objects a run
// is incomplete.
package tekton
