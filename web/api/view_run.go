package api

import (
	"time"

	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// RunSummary is what lists and heads of pages show of a run.
type RunSummary struct {
	Run           engine.RunID      `json:"run" doc:"Identifies the run; IDs sort by the time of submission."`
	Name          string            `json:"name" doc:"Two words made from the ID, for people."`
	Workflow      string            `json:"workflow"`
	Status        engine.Status     `json:"status" enum:"queued,running,paused,succeeded,failed,cancelled,interrupted"`
	Revision      int               `json:"revision" doc:"How often the run was continued after it had ended."`
	Params        map[string]string `json:"params" doc:"Parameters as text; of files, their names."`
	Inputs        map[string]int64  `json:"inputs,omitempty" doc:"Bytes of the files that parameters name; absent without files."`
	Tags          []string          `json:"tags"`
	Note          string            `json:"note"`
	SubmittedAt   time.Time         `json:"submitted_at"`
	AddedAt       time.Time         `json:"added_at" doc:"When the store got the run: of an imported run, the moment of its import."`
	StartedAt     time.Time         `json:"started_at" doc:"The moment that all offsets of the run count from."`
	EndedAt       *time.Time        `json:"ended_at" doc:"Null while the run has not ended."`
	Policy        engine.Policy     `json:"policy" enum:"fail-fast,continue"`
	Upload        string            `json:"upload" doc:"The strategy by which details of tasks are stored."`
	DeadlineNS    int64             `json:"deadline_ns"`
	Rules         *Rules            `json:"rules,omitempty" doc:"By what tasks were placed, defaults filled in; absent where no other process takes part."`
	Reconstructed string            `json:"reconstructed,omitempty" doc:"How start times were made up where a recording had none; absent for runs of the engine and for recordings with start times."`
	MakespanNS    int64             `json:"makespan_ns" doc:"First claim to last end; of an imported run the recorded makespan where there is one; of a live run, what has passed since its start."`
	ScheduleNS    OrNull[int64]     `json:"schedule_ns" doc:"How long the reconstructed schedule takes; null where nothing was reconstructed."`
	Imported      OrNull[Imported]  `json:"imported" doc:"What a recording says of the run as a whole; null for runs of the engine."`
	Tasks         TaskCounts        `json:"tasks"`
	Attempts      int64             `json:"attempts" doc:"Attempts that have ended."`
	Retries       int64             `json:"retries" doc:"Attempts that failed and were tried again."`
	Lost          int64             `json:"lost" doc:"Attempts that were lost with their worker."`
	Edges         int               `json:"edges" doc:"Edges of the graph as submitted."`
	OutputBytes   int64             `json:"output_bytes"`
	StoredBytes   int64             `json:"stored_bytes"`
	ExecuteNS     int64             `json:"execute_ns" doc:"Of all attempts together."`
	Workers       int64             `json:"workers"`
	ResultText    string            `json:"result_text" doc:"The result as text, of more than 1 KiB the beginning, which ends with an ellipsis: GET /runs/{run}/result has more. Empty without one."`
	Error         OrNull[RunError]  `json:"error" doc:"The failure that ended the run."`
	Records       RecordState       `json:"records"`
	Live          bool              `json:"live" doc:"The run has not ended."`
	Local         bool              `json:"local" doc:"The run can be cancelled, paused and resumed from here: this process executes it, several share it, or the one that does can be asked."`
	// MissingFunctions is empty while there is nothing to say.
	MissingFunctions []MissingFunction `json:"missing_functions" doc:"What tasks of a live run wait for in vain: no live worker had it for 60 s, or there is none at all."`
	LastSeq          uint64            `json:"last_seq" doc:"The last step of the log that is kept."`
	GraphHash        string            `json:"graph_hash" doc:"Of the structure; runs of equal hash have the same layout."`
	Standing         OrNull[Standing]  `json:"standing" doc:"Null for a run that has not succeeded or was continued after an end, and where it has fewer than 5 peers before it."`
}

// Imported is what the recording that a run was imported from says of the run as a whole.
type Imported struct {
	Format      string `json:"format" doc:"Of the recording, with its version."`
	RecordedNS  int64  `json:"recorded_ns" doc:"The recorded makespan; 0 where none is recorded."`
	ExplainedNS int64  `json:"explained_ns" doc:"Time in which at least one task ran. The rest of the recorded makespan is not in the recording."`
	Dated       bool   `json:"dated" doc:"The recording says when the workflow ran, or at least when it was made. Otherwise moments count from 1970."`
	BytesIn     *int64 `json:"bytes_in" doc:"Of files that no task makes, as often as they were read; null where it is not known."`
	BytesMoved  *int64 `json:"bytes_moved" doc:"Of files that other tasks had made, as often as they were read; null where it is not known."`
	BytesOut    *int64 `json:"bytes_out" doc:"Of files that no task reads; null where it is not known."`
	CPUNS       *int64 `json:"cpu_ns" doc:"Of processors, of all tasks of which it is recorded; null where it is not known."`
	Lanes       string `json:"lanes" doc:"How lanes were made up where start times are recorded; empty otherwise."`
}

// TaskCounts counts the tasks of a run; Total grows when fan-outs expand.
type TaskCounts struct {
	Total   int64 `json:"total"`
	Done    int64 `json:"done" doc:"That ended well."`
	Failed  int64 `json:"failed"`
	Skipped int64 `json:"skipped" doc:"That never ran because one that they need has failed."`
	Running int64 `json:"running"`
	NotRun  int64 `json:"not_run" doc:"That nothing had claimed when the run ended; 0 while it is live."`
}

// RunError is the short form of the failure that ended a run.
type RunError struct {
	Kind    engine.ErrorKind `json:"kind"`
	Task    string           `json:"task" doc:"Empty where it was no task's failure."`
	Node    *uint32          `json:"node" doc:"Null where it was no task's failure."`
	Message string           `json:"message"`
	Attempt int              `json:"attempt"`
}

// RecordState tells how much of what a run delivered is kept.
type RecordState struct {
	Complete bool   `json:"complete"`
	Text     string `json:"text" doc:"The same in words."`
	Damage   string `json:"damage" doc:"What of the run cannot be read; empty where nothing is known to be damaged."`
	// EndUnknown goes with the status interrupted, which is then a guess.
	EndUnknown bool `json:"end_unknown" doc:"The run is damaged so that nothing tells how it ended; its status is interrupted then."`
}

// Standing compares the makespan of a run with those of its peers before it.
type Standing struct {
	Peers      Peers    `json:"peers"`
	Runs       int      `json:"runs" doc:"How many others there are, at least 5."`
	SlowerThan int      `json:"slower_than" doc:"How many of them took less time."`
	Slower     int      `json:"slower" doc:"How many of them took more time."`
	MedianNS   float64  `json:"median_ns"`
	Effect     float64  `json:"effect" doc:"Difference from the median as a share of it."`
	LimitNS    *float64 `json:"limit_ns" doc:"Runs that take longer are called slow; chance alone takes at most one in 50 there. Null with fewer than 20 others."`
	Slow       bool     `json:"slow" doc:"Unusually slow: above limit_ns."`
}

// Peers says which runs a run was compared with: the latest before it that succeeded and were not continued.
type Peers struct {
	Scope    metricsstore.PeerScope `json:"scope" enum:"same,workflow" doc:"same: of the same workflow, versions of functions and parameters; workflow: of the same workflow."`
	Runs     int                    `json:"runs" doc:"How many they are, at most 100."`
	Workflow string                 `json:"workflow"`
	Terms    []string               `json:"terms" doc:"What they have in common beside the workflow, in words: n=1000, input of 64 to 128 KiB. Empty for the scope workflow."`
}

// RunList is one page of runs.
type RunList struct {
	Runs  []RunSummary `json:"runs"`
	Peers *Peers       `json:"peers,omitempty" doc:"Which runs before takes part; absent without query.before."`
	Next  string       `json:"next,omitempty" doc:"The cursor of the following page; absent on the last."`
	// Counts has all and every status.
	Counts    map[string]int `json:"counts" doc:"How many runs the filter without status selects, by status and under all."`
	Workflows []string       `json:"workflows" doc:"Names of the workflows that have runs."`
}

// Submission asks for a run.
type Submission struct {
	Workflow   string            `json:"workflow" minLength:"1"`
	Params     map[string]string `json:"params,omitempty" doc:"Parameters as text; those that are absent take their defaults. Files are sent as parts of a form."`
	Tags       []string          `json:"tags,omitempty" maxItems:"32"`
	Note       string            `json:"note,omitempty" maxLength:"4096"`
	Policy     engine.Policy     `json:"policy,omitempty" enum:"fail-fast,continue" doc:"What happens when a task fails for good; default fail-fast."`
	DeadlineNS int64             `json:"deadline_ns,omitempty" minimum:"0" doc:"The run fails when it takes longer; default 24 h."`
	Upload     string            `json:"upload,omitempty" doc:"after_each_task, periodic=2s, queue=256 or shutdown; default periodic=2s."`
	Rules      Rules             `json:"rules,omitzero" doc:"By what tasks are placed and outputs travel where several processes share the run."`
}

// Rules are those of engine.Rules: how workers avoid moving data and waking others. All of them hold unless switched off.
type Rules struct {
	NoBecome     bool          `json:"no_become,omitempty" doc:"A worker does not go on with what its ends made ready: every task is claimed by itself."`
	NoClustering bool          `json:"no_clustering,omitempty" doc:"Tasks are not drawn to the worker that holds their large input."`
	NoDelay      bool          `json:"no_delay,omitempty" doc:"A large output whose consumer is not ready is stored at once."`
	NoInline     bool          `json:"no_inline,omitempty" doc:"Small outputs do not travel within the call that ends their task."`
	NoPreload    bool          `json:"no_preload,omitempty" doc:"Inputs are fetched when the task is claimed, not while it waits for a lane."`
	StoreAll     bool          `json:"store_all,omitempty" doc:"Every output is stored, also where only its worker needs it."`
	ClusterBytes int64         `json:"cluster_bytes,omitempty" minimum:"0" maximum:"1099511627776" doc:"From which size on an output draws its consumers; default 4 MiB."`
	InlineBytes  int64         `json:"inline_bytes,omitempty" minimum:"0" maximum:"1048576" doc:"Up to which size an output travels inline; default 16 KiB."`
	HoldFor      time.Duration `json:"hold_for_ns,omitempty" minimum:"0" maximum:"3600000000000" doc:"How long a large output waits for its consumers before it is stored; default 2 s."`
	Invokers     int           `json:"invokers,omitempty" minimum:"0" maximum:"256" doc:"How many others a wide fan-out invokes at a time; default 16."`
	PoisonAfter  int           `json:"poison_after,omitempty" minimum:"0" maximum:"100" doc:"How many workers a task may take down before it is given up; default 3."`
}

// MissingFunction is one that tasks of a run wait for while no live worker has it.
type MissingFunction struct {
	Function string `json:"function"`
	Version  int    `json:"version"`
	Tasks    int    `json:"tasks" doc:"Of it that could be claimed."`
}

// AnnotationChange replaces what is present.
type AnnotationChange struct {
	Tags *[]string `json:"tags,omitempty" maxItems:"32"`
	Note *string   `json:"note,omitempty" maxLength:"4096"`
}
