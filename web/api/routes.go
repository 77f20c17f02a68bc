package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dagscope/dagscope/metricsstore/predict"
)

// routes registers all operations.
func (a *API) routes() {
	a.runRoutes()
	a.controlRoutes()
	a.insideRoutes()
	a.historyRoutes()
	a.predictRoutes()
	a.serverRoutes()
}

func operation(id, method, path, tag, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{tag}, Summary: summary}
}

func (a *API) runRoutes() {
	h := &runHandlers{a.summaries}
	register(a, operation("list-runs", http.MethodGet, "/runs", "runs", "List runs, filtered, sorted and in pages"), h.listRuns)
	submit := operation("submit-run", http.MethodPost, "/runs", "runs", "Submit a run of a workflow")
	submit.DefaultStatus = http.StatusCreated
	submit.Description = "As JSON, or as a form with the same JSON in the part request and a part for each file parameter, with its name."
	register(a, submit, a.submit.submitRun)
	register(a, operation("get-run", http.MethodGet, "/runs/{run}", "runs", "Get the summary of a run"), h.getRun)
	register(a, operation("annotate-run", http.MethodPatch, "/runs/{run}", "runs", "Replace tags or note of a run"), h.annotateRun)
	remove := operation("delete-run", http.MethodDelete, "/runs/{run}", "runs", "Delete an ended run with everything recorded about it")
	remove.DefaultStatus = http.StatusNoContent
	register(a, remove, h.deleteRun)
	imports := operation("import-runs", http.MethodPost, "/imports", "runs", "Import runs from archives and from records of other tools")
	imports.Description = "The body is a file: an archive, as GET /runs/{run}/archive returns it, a record of a known format, or a tar or zip file of them, optionally compressed with gzip, zstd or lz4. Or it is a form with several files, one a part, whose name is the path of the file. 201 if any run is new, 200 if all existed already. With dry_run, 200 with what an import would do; the files are then held for some minutes, and imported by a request with held and without a body."
	imports.DefaultStatus = http.StatusCreated
	register(a, imports, a.imports.importFiles)
	discard := operation("discard-import", http.MethodDelete, "/imports/{held}", "runs", "Release the files of a dry run before their time")
	discard.DefaultStatus = http.StatusNoContent
	register(a, discard, a.imports.discardFiles)
}

func (a *API) controlRoutes() {
	h := &controlHandlers{a.submit}
	for _, c := range []struct {
		control         Control
		summary, detail string
	}{
		{CancelRun, "Cancel a run", "The contexts of active tasks are cancelled, and the run ends when they have returned."},
		{PauseRun, "Pause a run, so that it starts no more tasks", "200 once the run is paused, 202 if that takes more than two seconds."},
		{ResumeRun, "Resume a paused run", "200 once the run continues, 202 if that takes more than two seconds."},
	} {
		word := string(c.control)
		op := operation(word+"-run", http.MethodPost, "/runs/{run}/"+word, "runs", c.summary)
		op.Description = c.detail
		register(a, op, h.steer(c.control))
	}
	retry := operation("retry-run", http.MethodPost, "/runs/{run}/retry", "runs", "Continue a failed or cancelled run, or submit the same workflow with the same parameters again")
	retry.Description = "200 if the run failed or was cancelled and its state still exists: tasks that have not succeeded are executed again, as the next revision of the run. " +
		"Otherwise 201 with a new run."
	retry.DefaultStatus = http.StatusCreated
	register(a, retry, h.retryRun)
}

func (a *API) insideRoutes() {
	h := &insideHandlers{records: a.summaries.records, timelines: newRecent[string, *timeline](512)}
	get := func(id, path, summary string) huma.Operation {
		return operation(id, http.MethodGet, "/runs/{run}"+path, "run", summary)
	}
	register(a, get("get-graph", "/graph", "Get the planned graph of a run"), h.getGraph)
	register(a, get("get-layout", "/layout", "Get the layout of a run's graph"), h.getLayout)
	schedules := get("list-schedules", "/schedules", "List the static schedules of a run: what is reachable from each root of its graph")
	schedules.Description = "How workers would divide the run if placement rules moved no task; known before it starts."
	register(a, schedules, h.listSchedules)
	register(a, get("get-schedule", "/schedules/{root}", "Get the static schedule of one root, in pages"), h.getSchedule)
	drawing := get("get-drawing", "/drawing", "Get a drawing of a run's graph by Graphviz")
	register(a, files(drawing, drawingTypes["svg"], drawingTypes["png"], drawingTypes["dot"]), h.getDrawing)
	events := get("list-events", "/events", "List the events of a run, in the order of their numbers")
	events.Description = "With Accept: text/event-stream the response is the live stream of the run instead."
	events.Middlewares = huma.Middlewares{h.stream}
	register(a, events, h.listEvents)
	register(a, get("list-tasks", "/tasks", "List the attempts of a run that have ended"), h.listTasks)
	register(a, get("get-task", "/tasks/{node}", "Get everything known about one task"), h.getTask)
	taskLog := get("get-task-log", "/tasks/{node}/log", "Follow the log of a task that is being executed")
	taskLog.Description = "Waits until there is more than the client has. What an attempt logged is recorded when it ends; then get-task has the end of it."
	register(a, taskLog, h.getTaskLog)
	register(a, get("get-result", "/result", "Get what a run returned"), h.getResult)
	register(a, get("get-source", "/source", "Get the file of a run's workflow as it was when the run was submitted"), h.getSource)
	register(a, get("list-run-workers", "/workers", "List the workers of a run"), h.listRunWorkers)
	register(a, get("get-timeline", "/timeline", "Get how many tasks were ready, moving and running over time"), h.getTimeline)
	register(a, get("get-critical-path", "/critical-path", "Get the critical path of an ended run by phases"), h.getCriticalPath)
	register(a, get("get-longest-chain", "/longest-chain", "Get the longest chain of tasks of an ended run by execution"), h.getLongestChain)
	compares := operation("compare-runs", http.MethodGet, "/compare", "run", "Compare two runs, or one with earlier good ones")
	compares.Description = "What changed, and what explains the difference of the makespans: parts and rest add up to it exactly. While a run has not ended there is no such decomposition, and functions are of the tasks that both have executed."
	register(a, compares, h.getComparison)
	register(a, get("get-run-statistics", "/stats", "Get percentiles, mean and range over the attempts of a run"), h.getRunStatistics)
	whatIf := get("get-whatif", "/whatif", "Get what the makespan of an ended run would have been under other conditions")
	whatIf.Description = "By simulation of the recorded durations. The answer has how far the simulation of the unchanged run is from what happened, which bounds every other number in it."
	register(a, whatIf, h.getWhatIf)
	register(a, files(get("get-archive", "/archive", "Download a run as an archive file"), archiveType), a.files.getArchive)
	export := get("export-run", "/export", "Download a run in the format of another tool")
	register(a, files(export, "text/csv", "application/x-ndjson", "application/json", reportType), a.files.exportRun)
}

func (a *API) historyRoutes() {
	h := &historyHandlers{a.summaries}
	get := func(id, path, summary string) huma.Operation {
		return operation(id, http.MethodGet, path, "history", summary)
	}
	register(a, get("get-statistics", "/stats", "Get percentiles, mean and range over recorded runs"), h.getHistory)
	trend := get("get-trend", "/trend", "Get since when runs of a workflow, and its functions, take another time")
	trend.Description = "Over the latest 300 runs that succeeded and have the most frequent parameters. In at most 2 % of unchanged histories there is any change."
	register(a, trend, h.getTrend)
	judgement := operation("get-judgement", http.MethodGet, "/runs/{run}/judgement", "run", "Get whether a run, its functions and its tasks took as long as usual")
	judgement.Description = "Compared with at most 100 earlier runs that succeeded. In at most 2 % of unchanged runs any function is called slow."
	register(a, judgement, h.getJudgement)
	register(a, get("list-functions", "/functions", "List the functions and metrics that have history"), h.listFunctions)
	register(a, get("find-tasks", "/tasks", "Find the attempts with the greatest values across runs"), h.findTasks)
}

func (a *API) predictRoutes() {
	h := &predictHandlers{summaries: a.summaries, followers: newRecent[string, *predict.Follower](8)}
	launch := operation("get-prediction", http.MethodGet, "/predict", "history", "Get how long a run would take if it were submitted now")
	launch.Description = "By simulation, from runs with the same parameters, and corrected by how far predictions for those were off. Without enough runs the answer says how many there are and how many it takes."
	register(a, launch, h.getPrediction)
	live := operation("get-run-prediction", http.MethodGet, "/runs/{run}/predict", "run", "Get when a run that is under way will end")
	live.Description = "From the tasks that have ended, those that are being executed, and earlier runs with the same parameters. Of a run that has ended nothing is predicted, and the answer says so."
	register(a, live, h.getRunPrediction)
	found := operation("get-findings", http.MethodGet, "/runs/{run}/findings", "run", "Get what made a run as long as it was, or how far a live run is")
	found.Description = "The sentences of the run's page, what says most first, each with its figures."
	register(a, found, (&findingsHandlers{h}).getFindings)
}

func (a *API) serverRoutes() {
	h := &serverHandlers{a.cfg}
	get := func(id, path, summary string) huma.Operation {
		return operation(id, http.MethodGet, path, "server", summary)
	}
	register(a, get("get-server", "/server", "Get the configuration of this server"), h.getServer)
	register(a, get("list-workflows", "/workflows", "List the workflows that can be submitted"), h.listWorkflows)
	register(a, get("get-workflow", "/workflows/{name}", "Get one workflow with its parameters"), h.getWorkflow)
	register(a, get("list-workers", "/workers", "List the workers that execute runs of this server"), h.listWorkers)
}
