// Package githubactions reads the jobs of runs of GitHub Actions, as GET …/actions/runs/ID/jobs of GitHub's REST API and
// "gh run view ID --json jobs" answer, in one page or several. Seen were answers from 2021 to 2025.
//
// A run is one attempt of a workflow run. The tasks are the steps, because that is where the time goes: those of a job
// follow each other on its runner, and their function is the job's name without its matrix, with the step's. The
// first step is ready when the job was created and claimed when it started; the last is over when the job was. A job
// without steps is a task itself, and so is the end of one that failed although none of its steps did.
//
// The answers do not say which job needs which. That comes from the workflow's YAML file, if it lies beside: jobs are
// matched with it by their names, also those of a matrix and of a called workflow. Without it jobs have no edges
// between them; nothing is concluded from their times. The run itself (GET …/actions/runs/ID) may lie beside as well.
//
// Costs: a file is held in memory as a whole.
//
// Caveats: moments are mostly whole seconds, so many steps take none. Logs and the reasons of failures are not in the
// answers. A list may be one page of several; it is incomplete if its total is larger than its length.
package githubactions
