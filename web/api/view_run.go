package api

import (
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// RunSummary is what lists and page headers show about a run.
type RunSummary struct {
	Run           record.RunID      `json:"run" doc:"Identifies the run; IDs sort by the time of submission."`
	Name          string            `json:"name" doc:"Two words made from the ID, for people."`
	Workflow      string            `json:"workflow"`
	Engine        string            `json:"engine" doc:"The engine that executed the run: dagscope, the name of another one if the run was imported, or unknown if its recording does not say."`
	Status        record.Status     `json:"status" enum:"queued,running,paused,succeeded,failed,cancelled,interrupted"`
	Revision      int               `json:"revision" doc:"How often the run was continued after it had ended."`
	File          string            `json:"file" doc:"The name of the file that the workflow was made of, whose text GET /runs/{run}/source has; empty for workflows of a program."`
	Params        map[string]string `json:"params" doc:"Parameters as text; for files, their names."`
	Inputs        map[string]int64  `json:"inputs,omitempty" doc:"Bytes of the files that parameters name; absent without files."`
	Tags          []string          `json:"tags"`
	Note          string            `json:"note"`
	SubmittedAt   time.Time         `json:"submitted_at"`
	AddedAt       time.Time         `json:"added_at" doc:"When the run was added to the store: for an imported run, the time of its import."`
	StartedAt     time.Time         `json:"started_at" doc:"The origin of all offsets of the run."`
	EndedAt       *time.Time        `json:"ended_at" doc:"Null while the run has not ended."`
	Policy        record.Policy     `json:"policy" enum:"fail-fast,continue"`
	Upload        string            `json:"upload" doc:"The strategy by which details of tasks are stored."`
	DeadlineNS    int64             `json:"deadline_ns"`
	Rules         *Rules            `json:"rules,omitempty" doc:"The rules of placement with defaults filled in; absent if the run is not shared between processes."`
	Reconstructed string            `json:"reconstructed,omitempty" doc:"How missing start times of a recording were reconstructed; absent for runs of the engine and for recordings with start times."`
	MakespanNS    int64             `json:"makespan_ns" doc:"From the first claim to the last end; for an imported run, the recorded makespan if there is one; for a live run, the time since its start."`
	ScheduleNS    OrNull[int64]     `json:"schedule_ns" doc:"The duration of the reconstructed schedule; null if nothing was reconstructed."`
	Imported      OrNull[Imported]  `json:"imported" doc:"What a recording states about the run as a whole; null for runs of the engine."`
	Tasks         TaskCounts        `json:"tasks"`
	Attempts      int64             `json:"attempts" doc:"Attempts that have ended."`
	Retries       int64             `json:"retries" doc:"Attempts that failed and were tried again."`
	Lost          int64             `json:"lost" doc:"Attempts that were lost with their worker."`
	Edges         int               `json:"edges" doc:"Edges of the graph as submitted."`
	OutputBytes   int64             `json:"output_bytes"`
	StoredBytes   int64             `json:"stored_bytes"`
	ExecuteNS     int64             `json:"execute_ns" doc:"Sum over all attempts."`
	Workers       int64             `json:"workers"`
	Used          OrNull[used]      `json:"used" doc:"What all attempts used that were executed, however they ended; null if nothing of it was measured."`
	ResultText    string            `json:"result_text" doc:"The result as text; if it is longer than 1 KiB, its beginning and an ellipsis: GET /runs/{run}/result has more. Empty without a result."`
	Error         OrNull[RunError]  `json:"error" doc:"The failure that ended the run."`
	Records       RecordState       `json:"records"`
	Live          bool              `json:"live" doc:"The run has not ended, and its log grows. False for a run of another engine, also while more of its recording arrives and its status is running: each longer recording takes the place of the one before."`
	Local         bool              `json:"local" doc:"The run can be cancelled, paused and resumed through this server: it executes the run, shares it, or can reach the process that executes it."`
	// MissingFunctions is empty if no function is missing, never null.
	MissingFunctions []MissingFunction `json:"missing_functions" doc:"Functions that tasks of a live run wait for in vain: no live worker has had them for 60 s or is large enough, or there is no live worker."`
	LastSeq          uint64            `json:"last_seq" doc:"The last step of the recorded log."`
	GraphHash        string            `json:"graph_hash" doc:"Hash of the structure; runs with equal hashes have the same layout."`
	Standing         OrNull[Standing]  `json:"standing" doc:"Null for a run that has not succeeded, was continued after it had ended, or has fewer than 5 earlier peers."`
}

// used is metricsstore.Used with what it costs.
type used struct {
	Attempts       int64    `json:"attempts" doc:"Attempts that were executed."`
	CPUNS          int64    `json:"cpu_ns" doc:"Processor time."`
	CPUAttempts    int64    `json:"cpu_attempts" doc:"Attempts whose processor time is known."`
	MemoryByteS    int64    `json:"memory_byte_s" doc:"Bytes times seconds: the peak of the memory of each attempt, for as long as it was executed."`
	MemoryAttempts int64    `json:"memory_attempts" doc:"Attempts whose memory is known."`
	Cost           *float64 `json:"cost" doc:"At the prices of this service (--price-cpu-hour, --price-gib-hour), in their currency; null if it has none."`
}

// Imported is what the recording of an imported run states about the run as a whole.
type Imported struct {
	Format      string `json:"format" doc:"Format of the recording, with its version."`
	RecordedNS  int64  `json:"recorded_ns" doc:"The recorded makespan; 0 if none is recorded."`
	ExplainedNS int64  `json:"explained_ns" doc:"Time during which at least one task ran. The recording does not explain the rest of the makespan."`
	Dated       bool   `json:"dated" doc:"The recording states when the workflow ran, or at least when the recording was made. Otherwise times count from 1970."`
	BytesIn     *int64 `json:"bytes_in" doc:"Bytes of files that no task produces, counted each time they were read; null if unknown."`
	BytesMoved  *int64 `json:"bytes_moved" doc:"Bytes of files that other tasks produced, counted each time they were read; null if unknown."`
	BytesOut    *int64 `json:"bytes_out" doc:"Bytes of files that no task reads; null if unknown."`
	CPUNS       *int64 `json:"cpu_ns" doc:"Processor time of all tasks that have it recorded; null if unknown."`
	Lanes       string `json:"lanes" doc:"How lanes were assigned if start times are recorded; empty otherwise."`
	System      string `json:"system" doc:"The engine that executed the run; empty if the recording does not say."`
	Incomplete  string `json:"incomplete" doc:"Why the recording does not cover the whole run; empty if it does."`
	Notes       []note `json:"notes" doc:"What the recording says, and what was concluded, changed and left out when it was imported."`
}

// note mirrors record.Note: something to know about the recording of an imported run.
type note struct {
	Kind  record.NoteKind `json:"kind" enum:"recorded,inferred,repaired,left out" doc:"inferred: concluded, not recorded; repaired: recorded otherwise; left out: recorded, and not in the run."`
	Text  string          `json:"text" doc:"A sentence about count things, without the number that precedes it: edges were inferred from names. With count -1, a sentence about the whole recording."`
	Count int64           `json:"count" doc:"How many things the text is about; -1 if it is about the recording as a whole."`
}

// TaskCounts counts the tasks of a run; Total grows when fan-outs expand.
type TaskCounts struct {
	Total   int64 `json:"total"`
	Done    int64 `json:"done" doc:"Tasks that succeeded, those from a cache included."`
	Cached  int64 `json:"cached" doc:"Of done: tasks that were not executed, because their output was there from an earlier run."`
	Failed  int64 `json:"failed"`
	Skipped int64 `json:"skipped" doc:"Tasks that never ran because a task that they depend on failed."`
	Running int64 `json:"running"`
	NotRun  int64 `json:"not_run" doc:"Tasks that were not claimed when the run ended; 0 while it is live."`
}

// RunError is the short form of the failure that ended a run.
type RunError struct {
	Kind    record.ErrorKind `json:"kind"`
	Task    string           `json:"task" doc:"Empty if the failure was not that of a task."`
	Name    string           `json:"name,omitempty" doc:"The recorded name of the task, absent if it has none of its own."`
	Node    *uint32          `json:"node" doc:"Null if the failure was not that of a task."`
	Message string           `json:"message"`
	Attempt int              `json:"attempt"`
}

// RecordState describes how much of a run is recorded.
type RecordState struct {
	Complete bool   `json:"complete"`
	Text     string `json:"text" doc:"The same in words."`
	Damage   string `json:"damage" doc:"Which parts of the run cannot be read; empty if no damage is known."`
	// EndUnknown means that the status interrupted is a guess.
	EndUnknown bool `json:"end_unknown" doc:"The run is damaged so that it is unknown how it ended; its status is then interrupted."`
}

// Standing compares the makespan of a run with those of its peers before it.
type Standing struct {
	Peers      Peers    `json:"peers"`
	Runs       int      `json:"runs" doc:"Number of peers, at least 5."`
	SlowerThan int      `json:"slower_than" doc:"Number of peers that took less time."`
	Slower     int      `json:"slower" doc:"Number of peers that took more time."`
	MedianNS   float64  `json:"median_ns"`
	Effect     float64  `json:"effect" doc:"Difference from the median, relative to the median."`
	LimitNS    *float64 `json:"limit_ns" doc:"Runs that take longer are called slow; by chance alone at most one in 50 does. Null with fewer than 20 peers."`
	Slow       bool     `json:"slow" doc:"Unusually slow: above limit_ns."`
}

// Peers describes the runs with which a run is compared: the latest before it that succeeded and were not continued.
type Peers struct {
	Scope    metricsstore.PeerScope `json:"scope" enum:"same,workflow" doc:"same: runs with the same workflow, versions of functions and parameters; workflow: runs of the same workflow."`
	Runs     int                    `json:"runs" doc:"Number of peers, at most 100."`
	Workflow string                 `json:"workflow"`
	Terms    []string               `json:"terms" doc:"What they have in common in addition to the workflow, in words: n=1000, input of 64 to 128 KiB. Empty for the scope workflow."`
}

// RunList is one page of runs.
type RunList struct {
	Runs  []RunSummary `json:"runs"`
	Peers *Peers       `json:"peers,omitempty" doc:"Describes the peers that query.before selects; absent without query.before."`
	Next  string       `json:"next,omitempty" doc:"Cursor of the next page; absent on the last."`
	// Counts has a key for each status, and "all".
	Counts    map[string]int `json:"counts" doc:"Number of runs that the filter without status selects, by status, and in total under all."`
	Workflows []string       `json:"workflows" doc:"Names of the workflows that have runs."`
	Engines   []string       `json:"engines" doc:"Names of the engines that have runs."`
}

// Submission is a request to run a workflow.
type Submission struct {
	Workflow   string            `json:"workflow" minLength:"1"`
	Params     map[string]string `json:"params,omitempty" doc:"Parameters as text; absent ones have their defaults. Files are sent as parts of a form."`
	Tags       []string          `json:"tags,omitempty" maxItems:"32"`
	Note       string            `json:"note,omitempty" maxLength:"4096"`
	Policy     record.Policy     `json:"policy,omitempty" enum:"fail-fast,continue" doc:"What happens when a task fails for good; default fail-fast."`
	DeadlineNS int64             `json:"deadline_ns,omitempty" minimum:"0" doc:"The run fails if it takes longer; default 24 h."`
	Upload     string            `json:"upload,omitempty" doc:"after_each_task, periodic=2s, queue=256 or shutdown; default periodic=2s."`
	Rules      Rules             `json:"rules,omitzero" doc:"How tasks and outputs are placed if several processes share the run."`
}

// Rules mirrors record.Rules: how workers avoid moving data and waking others. All rules are on unless switched off.
type Rules struct {
	NoBecome     bool          `json:"no_become,omitempty" doc:"A worker does not continue with tasks that it made ready: each task is claimed separately."`
	NoClustering bool          `json:"no_clustering,omitempty" doc:"Tasks are not attracted to the worker that holds their large input."`
	NoDelay      bool          `json:"no_delay,omitempty" doc:"A large output whose consumer is not ready is stored immediately."`
	NoInline     bool          `json:"no_inline,omitempty" doc:"Small outputs are not sent in the commit that ends their task."`
	NoPreload    bool          `json:"no_preload,omitempty" doc:"Inputs are fetched when the task is claimed, not while it waits for a lane."`
	StoreAll     bool          `json:"store_all,omitempty" doc:"Every output is stored, even if only its own worker needs it."`
	ClusterBytes int64         `json:"cluster_bytes,omitempty" minimum:"0" maximum:"1099511627776" doc:"The least size at which an output attracts its consumers; default 4 MiB."`
	InlineBytes  int64         `json:"inline_bytes,omitempty" minimum:"0" maximum:"1048576" doc:"The largest output that is sent inline; default 16 KiB."`
	HoldFor      time.Duration `json:"hold_for_ns,omitempty" minimum:"0" maximum:"3600000000000" doc:"How long a large output waits for its consumers before it is stored; default 2 s."`
	Invokers     int           `json:"invokers,omitempty" minimum:"0" maximum:"256" doc:"How many workers a wide fan-out invokes at a time; default 16."`
	PoisonAfter  int           `json:"poison_after,omitempty" minimum:"0" maximum:"100" doc:"How many workers a task may take down before it fails for good; default 3."`
}

// MissingFunction is a function that tasks of a run wait for while no live worker has it, or is large enough for it.
type MissingFunction struct {
	Function string `json:"function"`
	Version  int    `json:"version"`
	Tasks    int    `json:"tasks" doc:"Tasks of this function that could be claimed."`
	TooLarge string `json:"too_large" doc:"What a call needs and what the largest live worker has, if it needs more; empty if no worker has the function."`
}

// annotationChange replaces the fields that are present.
type annotationChange struct {
	Tags *[]string `json:"tags,omitempty" maxItems:"32"`
	Note *string   `json:"note,omitempty" maxLength:"4096"`
}
