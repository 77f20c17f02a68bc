package api

import (
	"time"

	"github.com/dagscope/dagscope/engine"
)

// Workflow describes what can be submitted.
type Workflow struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Params      []Param        `json:"params"`
	Functions   []FunctionName `json:"functions"`
	Dynamic     bool           `json:"dynamic" doc:"Its arguments can name further functions."`
}

// Param describes one parameter of a workflow.
type Param struct {
	Name     string           `json:"name"`
	Kind     engine.ParamKind `json:"kind" enum:"int,float,bool,duration,text,choice,file"`
	Help     string           `json:"help"`
	Required bool             `json:"required" doc:"It has no default."`
	Default  string           `json:"default,omitempty" doc:"As text; of a file, in words."`
	Min      *float64         `json:"min,omitempty" doc:"Of durations in seconds."`
	Max      *float64         `json:"max,omitempty"`
	Choices  []string         `json:"choices,omitempty"`
}

// WorkflowList lists the workflows of the server.
type WorkflowList struct {
	Workflows []Workflow `json:"workflows"`
}

func newWorkflow(w *engine.Workflow) Workflow {
	out := Workflow{
		Name: w.Name, Description: w.Description, Params: make([]Param, len(w.Params)),
		Functions: functionNames(w.Functions), Dynamic: w.Dynamic != nil,
	}
	for i := range w.Params {
		p := &w.Params[i]
		v := Param{Name: p.Name, Kind: p.Kind, Help: p.Help, Default: p.Default, Choices: p.Choices}
		v.Required = p.Kind == engine.FileParam && p.DefaultFile == nil
		if p.Max > p.Min {
			v.Min, v.Max = &p.Min, &p.Max
		}
		out.Params[i] = v
	}
	return out
}

// RunWorker is one worker of a run. Moments are nanoseconds since the run's start.
type RunWorker struct {
	Worker      int    `json:"worker"`
	Name        string `json:"name"`
	Host        string `json:"host"`
	PID         int    `json:"pid"`
	Width       int    `json:"width" doc:"Processors."`
	Slots       int    `json:"slots" doc:"The most lanes it used; 0 while it works."`
	Warm        bool   `json:"warm" doc:"It had executed another run before."`
	StartupNS   int64  `json:"startup_ns"`
	StartedNS   int64  `json:"started_ns"`
	EndedNS     *int64 `json:"ended_ns" doc:"Null while it works."`
	CPUNS       int64  `json:"cpu_ns"`
	MemoryBytes int64  `json:"memory_bytes"`
}

// RunWorkerList lists the workers of a run.
type RunWorkerList struct {
	Workers []RunWorker `json:"workers"`
}

func newRunWorker(r *engine.WorkerRecord) RunWorker {
	w := RunWorker{
		Worker: r.Worker, Name: r.Name, Host: r.Host, PID: r.PID, Width: r.Width, Slots: r.Slots, Warm: r.Warm,
		StartupNS: int64(r.Startup), StartedNS: r.Started, CPUNS: int64(r.CPU), MemoryBytes: r.MemoryBytes,
	}
	if r.Ended != 0 {
		w.EndedNS = &r.Ended
	}
	return w
}

// Worker is one live worker of this server.
type Worker struct {
	Name        string      `json:"name"`
	Host        string      `json:"host"`
	PID         int         `json:"pid"`
	Width       int         `json:"width" doc:"Processors that tasks may keep busy."`
	Slots       int         `json:"slots" doc:"Lanes there are by now; more come while tasks wait and processors idle."`
	Busy        int         `json:"busy" doc:"Lanes that execute a task."`
	Leaked      int         `json:"leaked" doc:"Lanes whose body did not return when it was told to."`
	StartedAt   time.Time   `json:"started_at"`
	LastBeat    time.Time   `json:"last_beat"`
	Warm        bool        `json:"warm" doc:"It has executed a run before."`
	Runs        []WorkerRun `json:"runs" doc:"Those it takes part in."`
	TasksDone   int64       `json:"tasks_done"`
	CPUNS       int64       `json:"cpu_ns"`
	MemoryBytes int64       `json:"memory_bytes"`
}

// WorkerRun is a run that a worker takes part in.
type WorkerRun struct {
	Run      engine.RunID `json:"run"`
	Name     string       `json:"name"`
	Workflow string       `json:"workflow"`
	Running  int          `json:"running" doc:"Tasks of it that the worker executes."`
}

// WorkerList lists the live workers.
type WorkerList struct {
	Workers []Worker `json:"workers"`
}

// Functions lists functions that have history.
type Functions struct {
	Functions []FunctionName `json:"functions"`
}
