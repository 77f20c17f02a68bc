package api

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Attempt is one attempt of a task that has ended. Moments are nanoseconds since the start of the run.
type Attempt struct {
	Node        dag.NodeID     `json:"node"`
	Task        string         `json:"task" doc:"The identity of the task as text, the same in every run of the graph."`
	Name        string         `json:"name,omitempty" doc:"The recorded name of the task, absent if it has none of its own; no two tasks of a run have the same."`
	Function    string         `json:"function"`
	Version     int            `json:"version"`
	Epoch       int            `json:"epoch"`
	Attempt     int            `json:"attempt" doc:"From 1; 0 for a task without any attempt, whose times are all 0."`
	Worker      int            `json:"worker"`
	Slot        int            `json:"slot"`
	Outcome     record.Outcome `json:"outcome" enum:"none,ok,failed,retrying,cancelled,lost,skipped,cached" doc:"cached: not executed, because its output was there from an earlier run; only in imported runs."`
	ReadyNS     int64          `json:"ready_ns" doc:"When it could first have been claimed."`
	ClaimedNS   int64          `json:"claimed_ns"`
	StartedNS   int64          `json:"started_ns" doc:"When inputs were present and the body was called."`
	EndedNS     int64          `json:"ended_ns" doc:"When the body returned."`
	UpdatedNS   int64          `json:"updated_ns" doc:"When the output was published and the children were notified."`
	QueueNS     int64          `json:"queue_ns"`
	WaitNS      int64          `json:"wait_ns"`
	FetchNS     int64          `json:"fetch_ns"`
	ExecuteNS   int64          `json:"execute_ns"`
	StoreNS     int64          `json:"store_ns"`
	UpdateNS    int64          `json:"update_ns"`
	InputBytes  *int64         `json:"input_bytes" doc:"Null if unknown."`
	OutputBytes *int64         `json:"output_bytes" doc:"Null if unknown."`
	StoredBytes *int64         `json:"stored_bytes" doc:"Null if unknown."`
	Invocations int            `json:"invocations" doc:"Tasks that this attempt made ready and left to other workers."`
	Usage       OrNull[usage]  `json:"usage" doc:"Resources that the attempt used; null if they were not measured."`
}

// usage is what an attempt used, as far as it was measured.
type usage struct {
	CPUNS        *int64 `json:"cpu_ns" doc:"Processor time; null if unknown."`
	MemoryBytes  *int64 `json:"memory_bytes" doc:"Resident memory; null if unknown."`
	ReadBytes    *int64 `json:"read_bytes" doc:"By the process; null if unknown."`
	WrittenBytes *int64 `json:"written_bytes" doc:"By the process; null if unknown."`
	OutsideBytes *int64 `json:"outside_bytes" doc:"Size of files that it read and no task produces; null if unknown."`
	ResultBytes  *int64 `json:"result_bytes" doc:"Size of files that it wrote and no task reads; null if unknown."`
	SystemNS     *int64 `json:"system_ns" doc:"The part of the processor time that the kernel took; null if unknown."`
	Waits        *int64 `json:"waits" doc:"How often one of its threads waited for something; null if unknown."`
	Preemptions  *int64 `json:"preemptions" doc:"How often another thread was given the processor of one of its threads; null if unknown."`
}

func newUsage(u *record.Usage) OrNull[usage] {
	if u == nil {
		return OrNull[usage]{}
	}
	return orNull(&usage{
		CPUNS: known(int64(u.CPU)), MemoryBytes: known(u.MemoryBytes), ReadBytes: known(u.ReadBytes), WrittenBytes: known(u.WrittenBytes),
		OutsideBytes: known(u.OutsideBytes), ResultBytes: known(u.ResultBytes),
		SystemNS: known(int64(u.System)), Waits: known(u.Waits), Preemptions: known(u.Preemptions),
	})
}

func newAttempt(m *record.TaskMetrics, started time.Time) Attempt {
	at := int64(m.StartedAt.Sub(started))
	claimed := at - int64(m.Fetch+m.Wait)
	ended := at + int64(m.Execute)
	return Attempt{
		Node: m.Node, Task: m.Task.String(), Name: m.Task.Name, Function: m.Task.Function, Version: m.Task.Version, Epoch: m.Epoch, Attempt: m.Attempt,
		Worker: m.Worker, Slot: m.Slot, Outcome: m.Outcome,
		ReadyNS: claimed - int64(m.Queue), ClaimedNS: claimed, StartedNS: at, EndedNS: ended, UpdatedNS: ended + int64(m.Store+m.Update),
		QueueNS: int64(m.Queue), WaitNS: int64(m.Wait), FetchNS: int64(m.Fetch), ExecuteNS: int64(m.Execute),
		StoreNS: int64(m.Store), UpdateNS: int64(m.Update),
		InputBytes: known(m.Input), OutputBytes: known(m.Output), StoredBytes: known(m.Stored), Invocations: m.Invocations,
		Usage: newUsage(m.Usage),
	}
}

// known turns an unknown size into null.
func known(size int64) *int64 {
	if size < 0 {
		return nil
	}
	return &size
}

// taskList is one page of attempts.
type taskList struct {
	Tasks []Attempt `json:"tasks"`
	Total int       `json:"total" doc:"Number of attempts that the query selects on all pages."`
	Next  string    `json:"next,omitempty" doc:"Cursor of the next page; absent on the last."`
	AsOf  uint64    `json:"as_of" doc:"The last step that is included."`
}

// task is everything known about one task of a run.
type task struct {
	Node     dag.NodeID      `json:"node"`
	Task     string          `json:"task"`
	Name     string          `json:"name,omitempty" doc:"The recorded name of the task, absent if it has none of its own."`
	Function string          `json:"function"`
	Version  int             `json:"version"`
	Attempts []attemptDetail `json:"attempts" doc:"Attempts that have ended, oldest first."`
	AsOf     uint64          `json:"as_of" doc:"The last step that is included."`
}

// attemptDetail is an attempt with its details.
type attemptDetail struct {
	Attempt
	Log    string        `json:"log,omitempty" doc:"The end of what the body logged, as text."`
	Error  *attemptError `json:"error,omitempty"`
	Inputs []input       `json:"inputs,omitempty"`
}

// attemptError describes how an attempt failed.
type attemptError struct {
	Kind     record.ErrorKind `json:"kind"`
	Message  string           `json:"message"`
	Stack    string           `json:"stack" doc:"Stack of a panic, or the end of stderr; empty if there is neither."`
	ExitCode int              `json:"exit_code"`
	Signal   string           `json:"signal"`
	Worker   string           `json:"worker" doc:"The worker's name."`
	Host     string           `json:"host"`
}

// input describes how one input reached an attempt.
type input struct {
	From    dag.NodeID `json:"from"`
	Task    string     `json:"task" doc:"Identity of the task that produced it; empty for a fan-out or a join."`
	Name    string     `json:"name,omitempty" doc:"Its recorded name, absent if it has none of its own."`
	Source  string     `json:"source" doc:"store, inline or local; outside if no task of the run produces it."`
	Bytes   *int64     `json:"bytes" doc:"Null if unknown."`
	FetchNS int64      `json:"fetch_ns"`
}

// foundTask is one attempt found across runs.
type foundTask struct {
	Run       record.RunID `json:"run"`
	Name      string       `json:"name" doc:"Name of the run."`
	Workflow  string       `json:"workflow"`
	Node      dag.NodeID   `json:"node"`
	Task      string       `json:"task"`
	TaskName  string       `json:"task_name,omitempty" doc:"The recorded name of the task, absent if it has none of its own."`
	Function  string       `json:"function"`
	Version   int          `json:"version"`
	Attempt   int          `json:"attempt"`
	StartedAt time.Time    `json:"started_at"`
	Value     int64        `json:"value" doc:"Value of the metric, in its unit."`
}

// foundTasks are the attempts with the greatest values across runs.
type foundTasks struct {
	Metric      metricsstore.Metric `json:"metric"`
	Unit        string              `json:"unit" enum:"ns,bytes,bytes_per_s"`
	Tasks       []foundTask         `json:"tasks" doc:"Greatest value first."`
	ScannedRuns int                 `json:"scanned_runs"`
	Complete    bool                `json:"complete" doc:"All runs that the query selects were read, and everything that happened in them is recorded."`
}

// event is one thing that happened in a run.
type event struct{ record.Event }

// TransformSchema implements huma.SchemaTransformer: fields that only some kinds have are not required.
func (*event) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Required = []string{"run", "revision", "seq", "kind", "time", "at_ns"}
	s.Description = "Fields that a kind does not have are absent; unknown byte counts are -1."
	return s
}

// eventList is one page of the events of a run.
type eventList struct {
	Events    []event `json:"events"`
	NextAfter uint64  `json:"next_after" doc:"Value of query.after for the next page: the number of the last event in this one."`
	AsOf      uint64  `json:"as_of" doc:"The last step that is included."`
}
