package api

// Views that responses hold, for tests which decode them.
type (
	Comparison    = comparison
	CriticalPath  = criticalPath
	Event         = event
	EventList     = eventList
	FoundTasks    = foundTasks
	Functions     = functions
	Graph         = graph
	GraphScope    = graphScope
	History       = history
	Input         = input
	LongestChain  = longestChain
	RunStatistics = runStatistics
	RunWorkerList = runWorkerList
	Savings       = savings
	Schedule      = schedule
	ScheduleEdge  = scheduleEdge
	ScheduleList  = scheduleList
	ScheduleNode  = scheduleNode
	Server        = server
	Task          = task
	TaskList      = taskList
	Timeline      = timeline
	WorkerList    = workerList
	WorkerRun     = workerRun
	WorkflowList  = workflowList
)
