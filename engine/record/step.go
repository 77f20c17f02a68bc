package record

import (
	"time"

	"github.com/dagscope/dagscope/engine/dag"
)

// StepKind says what a step records.
type StepKind uint8

// Kinds of steps. The numbers are stored: new ones may be added, none reused.
const (
	RunStarted      StepKind = 1 // Readied: the roots
	RunFinished     StepKind = 2 // Outcome: ok, failed, cancelled or lost (interrupted); Ended
	WorkerStarted   StepKind = 3 // Worker, Started; its description is in a WorkerRecord
	WorkerStopped   StepKind = 4 // Worker, Ended
	AttemptStarted  StepKind = 5 // written only for attempts that take long, so that viewers see them
	AttemptEnded    StepKind = 6
	FanOutExpanded  StepKind = 7 // Node is the expansion, Width the number of elements
	TaskSkipped     StepKind = 8 // the task will not run because one it depends on has failed
	RunPaused       StepKind = 9
	RunResumed      StepKind = 10
	RunDeadline     StepKind = 11 // the run reached its deadline and is being ended
	CancelRequested StepKind = 12
	SlotLeaked      StepKind = 13 // an attempt ignored its cancellation; Slot stays occupied
	HandedOn        StepKind = 14 // Node, which ended earlier, readies more: StoredBytes of its output are now stored; Ended
	stepKindsEnd    StepKind = 15
)

// Outcome is how an attempt ended.
type Outcome uint8

// Outcomes of attempts. The numbers are stored: new ones may be added, none reused.
const (
	NoOutcome        Outcome = 0
	OutcomeOK        Outcome = 1
	OutcomeFailed    Outcome = 2 // permanently
	OutcomeRetrying  Outcome = 3 // failed, and will be tried again after Delay
	OutcomeCancelled Outcome = 4 // cut off because the run ends; costs no attempt
	OutcomeLost      Outcome = 5 // its worker died
	OutcomeSkipped   Outcome = 6
	OutcomeCached    Outcome = 7 // not executed, because its output was there from an earlier run; only of imported runs
	outcomesEnd      Outcome = 8
)

// Done reports whether an attempt with this outcome left its task done: its output is there, so what waits for it goes
// on, and a continued run does not repeat it. These are OutcomeOK and OutcomeCached.
func (o Outcome) Done() bool { return o == OutcomeOK || o == OutcomeCached }

// Location is where an output was at the end of its attempt.
type Location uint8

// Locations of outputs. The numbers are stored: new ones may be added, none reused.
const (
	LocationNone   Location = 0
	LocationHeld   Location = 1 // in the memory of the worker that made it
	LocationInline Location = 2 // in the state store, within the completing call
	LocationStored Location = 3
	locationsEnd   Location = 4
)

// Step is one recorded transition of a run: what the log consists of. Moments are nanoseconds since the run's start
// on the store's clock. Fields that a kind does not name are zero.
type Step struct {
	// Seq numbers the steps of a run from 1 without gaps, causes before effects.
	Seq     uint64
	Kind    StepKind
	Outcome Outcome
	// Location and the byte counts describe the output.
	Location Location
	// Announced is set if an AttemptStarted step of this attempt precedes this step.
	Announced bool
	Node      dag.NodeID
	Epoch     uint16
	Attempt   uint16
	Worker    uint16
	Slot      uint16
	// Became is the child that the worker continues with, or NoNode.
	Became dag.NodeID
	// Width is how many elements a FanOutExpanded step has found.
	Width uint32
	// Head is set if the node was claimed from the ready tasks; otherwise the worker became it after one of its parents.
	Head    bool
	Ready   int64 // when it could have been claimed at the earliest
	Claimed int64
	Started int64 // inputs present, body called
	Ended   int64 // body returned
	Updated int64 // output passed on and children counted down
	// Fetch is how much of the time from Claimed to Started was spent on fetching inputs from other processes.
	Fetch       int64
	OutputBytes int64 // UnknownSize if only encoding would have shown it
	StoredBytes int64
	// Readied lists the nodes that this step made ready, including expansions and the node that the worker became.
	Readied []dag.NodeID
	Delay   time.Duration // of a retry, counted from Ended
	// Usage of an AttemptEnded step; nil if nothing was measured. It must not be modified.
	Usage *Usage
}

// Detail is what is known about one attempt apart from its step. The run's upload strategy decides when it is stored.
type Detail struct {
	Node    dag.NodeID    `json:"node"`
	Epoch   int           `json:"epoch"`
	Attempt int           `json:"attempt"`
	Log     []byte        `json:"log,omitempty"` // the last 64 KiB that the body logged
	Error   *ErrorRecord  `json:"error,omitempty"`
	Inputs  []InputDetail `json:"inputs,omitempty"`
}

// InputDetail says how one input reached an attempt.
type InputDetail struct {
	From   dag.NodeID    `json:"from"`
	Source string        `json:"source"` // store, inline or local
	Bytes  int64         `json:"bytes"`  // UnknownSize if it is not known
	Fetch  time.Duration `json:"fetch_ns"`
}

// WorkerRecord describes one worker of a run.
type WorkerRecord struct {
	Worker      int           `json:"worker"` // number within the run, as in Step.Worker
	Name        string        `json:"name"`
	Host        string        `json:"host"`
	PID         int           `json:"pid"`
	Width       int           `json:"width"` // cores
	Slots       int           `json:"slots"` // the most lanes it used
	Warm        bool          `json:"warm"`
	Startup     time.Duration `json:"startup_ns"`
	Started     int64         `json:"started_ns"` // since the run's start
	Ended       int64         `json:"ended_ns"`   // 0 while it works
	CPU         time.Duration `json:"cpu_ns"`     // of its process during the run
	MemoryBytes int64         `json:"memory_bytes"`
	Saved       *Savings      `json:"saved,omitempty"` // nil unless several processes share the run
	// Preparations are what was made ready before the first claim, such as an environment of packages.
	Preparations []Preparation `json:"preparations,omitempty"`
}

// Preparation is one thing that a worker made ready before it claimed tasks of a run.
type Preparation struct {
	Key     string `json:"key"`             // what it is, by content; distinct within a worker's record
	Name    string `json:"name"`            // for people
	Started int64  `json:"started_ns"`      // since the run's start
	Ended   int64  `json:"ended_ns"`        // 0 while it continues
	Bytes   int64  `json:"bytes"`           // how large it is so far
	Done    bool   `json:"done"`            // it has ended
	Reused  bool   `json:"reused"`          // it was there already
	Error   string `json:"error,omitempty"` // why it failed
}

// RunInfo is what is known about a run when it is submitted.
type RunInfo struct {
	ID          RunID             `json:"run"`
	Revision    int               `json:"revision"`
	Workflow    string            `json:"workflow"`
	Params      map[string]string `json:"params,omitempty"`
	Inputs      map[string]int64  `json:"inputs,omitempty"` // bytes of the files that Params name, by parameter
	Tags        []string          `json:"tags,omitempty"`
	Policy      Policy            `json:"policy"`
	Upload      string            `json:"upload"`
	Deadline    time.Duration     `json:"deadline_ns"`
	SubmittedAt time.Time         `json:"submitted_at"`
	StartedAt   time.Time         `json:"started_at"`    // the moment that steps count from
	Key         string            `json:"key,omitempty"` // see RunOptions
	// Rules of the run, defaults filled in; nil if no other process takes part.
	Rules *Rules `json:"rules,omitempty"`
	// Source is the file of the workflow as it was when the run was submitted; nil if the program has the workflow.
	Source *Source `json:"source,omitempty"`
	// Reconstructed says how missing start times were invented; empty for real runs, and if all tasks have recorded
	// start times.
	Reconstructed string `json:"reconstructed,omitempty"`
	// Origin is nil for runs of the engine; see Imported for those of older versions.
	Origin *Origin `json:"origin,omitempty"`
}

// RunEnd is what is known about a run when it has ended.
type RunEnd struct {
	Status  Status       `json:"status"`
	EndedAt time.Time    `json:"ended_at"`
	First   *ErrorRecord `json:"error,omitempty"` // the failure that ended it
	// Result is the value that the run returned, encoded by its type; nil if it returned none, or one above 1 MiB.
	// ResultText is its JSON, see the function of that name; if that exceeds 64 KiB, it says so in parentheses.
	Result     []byte `json:"result,omitempty"`
	ResultType string `json:"result_type,omitempty"`
	ResultText string `json:"result_text,omitempty"`
}
