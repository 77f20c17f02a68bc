package api

import (
	"time"

	"github.com/dagscope/dagscope/engine/record"
	pool "github.com/dagscope/dagscope/engine/worker"
)

// runWorker is one worker of a run. Moments are nanoseconds since the start of the run.
type runWorker struct {
	Worker      int    `json:"worker"`
	Name        string `json:"name"`
	Host        string `json:"host"`
	PID         int    `json:"pid"`
	Width       int    `json:"width" doc:"Processors."`
	Slots       int    `json:"slots" doc:"Most lanes it used; 0 while it works."`
	Warm        bool   `json:"warm" doc:"It had executed another run before."`
	StartupNS   int64  `json:"startup_ns"`
	StartedNS   int64  `json:"started_ns"`
	EndedNS     *int64 `json:"ended_ns" doc:"Null while it works."`
	CPUNS       int64  `json:"cpu_ns"`
	MemoryBytes int64  `json:"memory_bytes"`
	// Preparations are absent where nothing had to be made ready.
	Preparations []preparation `json:"preparations,omitempty" doc:"What it made ready before its first claim, such as an environment of packages or interpreters."`
	Saved        *savings      `json:"saved,omitempty" doc:"What the rules of placement saved; absent while it works, and if a single process executes the run."`
}

// preparation is one thing that a worker made ready for a run.
type preparation struct {
	Key       string `json:"key"`
	Name      string `json:"name"`
	StartedNS int64  `json:"started_ns"`
	EndedNS   *int64 `json:"ended_ns" doc:"Null while it continues."`
	Bytes     int64  `json:"bytes" doc:"How large it is so far."`
	Reused    bool   `json:"reused" doc:"It was there already."`
	Error     string `json:"error,omitempty" doc:"Why it failed."`
}

func preparationsOf(all []record.Preparation) []preparation {
	var out []preparation
	for i := range all {
		p := &all[i]
		v := preparation{Key: p.Key, Name: p.Name, StartedNS: p.Started, Bytes: p.Bytes, Reused: p.Reused, Error: p.Error}
		if p.Done {
			v.EndedNS = &p.Ended
		}
		out = append(out, v)
	}
	return out
}

// savings counts what the rules of placement saved for one worker in one run.
type savings struct {
	Became         int64         `json:"became" doc:"Tasks with which it continued instead of leaving them to other workers."`
	Invoked        int64         `json:"invoked" doc:"Tasks that it left to other workers."`
	Clustered      int64         `json:"clustered" doc:"Tasks that were attracted to a large input."`
	DelayedHeld    int64         `json:"delayed_held" doc:"Large outputs that were held for a consumer that was not ready."`
	DelayedStored  int64         `json:"delayed_stored" doc:"Those of them that had to be stored after all."`
	NotStoredBytes int64         `json:"not_stored_bytes" doc:"Bytes of outputs that never left the worker."`
	StoredBytes    int64         `json:"stored_bytes"`
	InlineBytes    int64         `json:"inline_bytes" doc:"Bytes of outputs that were sent in the commits that ended their tasks."`
	FetchedBytes   int64         `json:"fetched_bytes"`
	Preloaded      int64         `json:"preloaded" doc:"Inputs that were fetched before their task got a lane."`
	Preload        time.Duration `json:"preload_ns" doc:"Time to fetch those."`
	Invalidated    int64         `json:"invalidated" doc:"Outputs that were lost and requested again."`
	Commands       uint64        `json:"commands" doc:"Commands to the store by the worker's process; 0 if they were not counted."`
	RoundTrips     uint64        `json:"round_trips"`
}

// runWorkerList lists the workers of a run.
type runWorkerList struct {
	Workers []runWorker `json:"workers"`
}

func newRunWorker(r *record.WorkerRecord) runWorker {
	w := runWorker{
		Worker: r.Worker, Name: r.Name, Host: r.Host, PID: r.PID, Width: r.Width, Slots: r.Slots, Warm: r.Warm,
		StartupNS: int64(r.Startup), StartedNS: r.Started, CPUNS: int64(r.CPU), MemoryBytes: r.MemoryBytes,
		Preparations: preparationsOf(r.Preparations),
	}
	if r.Ended != 0 {
		w.EndedNS = &r.Ended
	}
	if r.Saved != nil {
		saved := savings(*r.Saved)
		w.Saved = &saved
	}
	return w
}

// server describes the server.
type server struct {
	Shared        bool   `json:"shared" doc:"Several processes share the runs: workers can be started anywhere, and the rules of placement matter."`
	WorkerCommand string `json:"worker_command" doc:"Starts one more worker."`
	Program       string `json:"program" doc:"Name of the program in commands that the dashboard shows."`
	Place         string `json:"place" doc:"Flags with which commands of the program find the runs of this server, quoted for a shell; empty if they need none."`
}

// worker is one worker that executes runs of this server.
type worker struct {
	Name        string      `json:"name"`
	Host        string      `json:"host"`
	PID         int         `json:"pid"`
	Width       int         `json:"width" doc:"Processors that tasks may keep busy."`
	TaskMemory  int64       `json:"task_memory_bytes" doc:"Memory that tasks may declare together; 0 if not known."`
	Slots       int         `json:"slots" doc:"Lanes at the moment; more are added while tasks wait and processors are idle."`
	Busy        int         `json:"busy" doc:"Lanes that execute a task."`
	Leaked      int         `json:"leaked" doc:"Lanes whose body did not return when it was cancelled."`
	StartedAt   time.Time   `json:"started_at"`
	LastBeat    time.Time   `json:"last_beat"`
	Lost        bool        `json:"lost" doc:"It has been silent for longer than its lease; its claims were given to other workers."`
	Warm        bool        `json:"warm" doc:"It has executed a run before."`
	Functions   []string    `json:"functions" doc:"Functions that it can execute, with @version above version 0; empty for all of the server's workflows."`
	Code        bool        `json:"code" doc:"It executes commands and Python functions that are not compiled into it."`
	Preparing   []preparing `json:"preparing,omitempty" doc:"What it makes ready before it can execute tasks of a run."`
	Runs        []workerRun `json:"runs" doc:"Runs in which it takes part."`
	TasksDone   int64       `json:"tasks_done"`
	CPUNS       int64       `json:"cpu_ns"`
	MemoryBytes int64       `json:"memory_bytes"`
}

// preparing is one thing that a worker makes ready, such as an environment of packages.
type preparing struct {
	Key   string       `json:"key"`
	Name  string       `json:"name"`
	Bytes int64        `json:"bytes" doc:"How large it is so far."`
	Run   record.RunID `json:"run" doc:"The run whose tasks need it."`
	Since time.Time    `json:"since" doc:"When it began."`
}

func preparingOf(all []pool.Preparing) []preparing {
	var out []preparing
	for i := range all {
		out = append(out, preparing{all[i].Key, all[i].Name, all[i].Bytes, all[i].Run, all[i].Since.UTC()})
	}
	return out
}

// workerRun is a run that a worker takes part in.
type workerRun struct {
	Run      record.RunID `json:"run"`
	Name     string       `json:"name"`
	Workflow string       `json:"workflow"`
	Running  int          `json:"running" doc:"Tasks of it that the worker executes."`
	Number   *int         `json:"number" doc:"Number of the worker in the run's log; null if the run is not shared."`
	Claims   *int         `json:"claims" doc:"Tasks of it that the worker has claimed, including those that wait for a lane; null if the run is not shared."`
}

// workerList lists the live workers, and those lost recently.
type workerList struct {
	Workers []worker `json:"workers"`
}
