package records

import (
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// Run is one execution as a file records it. Its tasks may be in any order.
type Run struct {
	// Path is that of the file that the run was read from, of several the first; empty if there was only one.
	Path string
	// Files are the paths of all files that the run was read from, if the reader knows that no other one of the drop has
	// a part in it; else nil.
	Files []string
	// Format is the format with its version, such as "Spark event log 3.5". System is the tool that ran it, such as
	// "Spark", and is what runs are listed and filtered by.
	Format string
	System string
	// Key identifies the run among all of its System, such as the ID of a trace: a longer record with the same key
	// replaces a shorter one. If it is empty, the run is identified by the bytes of the file.
	Key string
	// Workflow is the name by which runs of the same work are compared, such as the name of a pipeline.
	Workflow string
	// Params are what else identifies the run for people: versions, commands, targets.
	Params map[string]string
	// Undated: the moments count from an unknown one. Then Date is the day of the record if that is known.
	Undated bool
	Date    Moment
	// Started and Ended are the moments of the run as a whole, Unknown if only tasks have moments. Makespan is the
	// recorded one, 0 if it is not recorded or follows from Started and Ended.
	Started  Moment
	Ended    Moment
	Makespan time.Duration
	// Status is Succeeded, Failed or Cancelled as recorded, Running if the record says that the run was under way, and
	// empty if the record does not say: then it follows from the tasks.
	Status record.Status
	Error  string // why it failed, as recorded
	// Incomplete says why the record does not cover the whole run, such as "the file ends in the middle of line 7";
	// empty if it does, or if the format cannot tell.
	Incomplete string
	Tasks      []Task
	Groups     []Group
	Workers    []Worker
	Notes      Notes
}

// None is the number of no task, group, worker or lane.
const None int32 = -1

// Task is one task of a run.
type Task struct {
	// ID is unique in the run. Name is what the tool displays, if that differs. The task is shown by its Name, or by its ID
	// if people can read it, where that says more than Function; of several with one Name all but the first are numbered.
	ID   string
	Name string
	// Function names what the task has in common with others of its kind. If it is empty, it is derived from Name and
	// ID as record.FunctionName does.
	Function string
	Command  string
	// Parents are the numbers of the tasks that have to end before this one starts, in any order. Parents of a task in
	// a group are those of the group.
	Parents []int32
	// Group is the number of the group that the task belongs to, or None.
	Group int32
	// Skipped: the record says that the task did not run because of others. A task that is not skipped and has no
	// attempts never ran.
	Skipped  bool
	Cores    int       // 0 if not recorded
	Attempts []Attempt // in the order in which they were made
	// Inputs are the bytes that the task read from other tasks or, with From None, from outside of the run. Nil if
	// nothing is recorded about them.
	Inputs []Input
	// OutputBytes is the size of all that the task made, ResultBytes of that which no task reads; -1 if not recorded.
	OutputBytes int64
	ResultBytes int64
}

// Input is what a task read from another one.
type Input struct {
	From  int32 // number of the task, or None for what no task of the run made
	Bytes int64 // -1 if not recorded
}

// Attempt is one execution of a task. Moments that are not in order are repaired by Compile, and counted.
type Attempt struct {
	Ready   Moment // when the tool could have started it: submitted, queued, scheduled
	Claimed Moment // when a worker had it
	Started Moment // when its body began; Claimed or Ended minus Runtime if Unknown
	Ended   Moment // when its body ended
	Over    Moment // when its output was stored and the tool knew; Ended if Unknown
	// Fetch is how much of the time from Claimed to Started was spent on fetching inputs.
	Fetch time.Duration
	// Runtime is the recorded duration of the body, -1 if it is not recorded or follows from the moments. An attempt
	// with a runtime and no moments is placed by Compile.
	Runtime time.Duration
	// Outcome is OutcomeOK, OutcomeCached, OutcomeFailed, OutcomeCancelled or OutcomeLost. NoOutcome: the record does
	// not contain its end.
	Outcome record.Outcome
	Worker  int32 // number in Run.Workers, or None
	Lane    int32 // of the worker, as recorded, or None
	// Usage is what the attempt used, with -1 for what is not recorded; nil if nothing is.
	Usage *record.Usage
	Error *Failure // nil if nothing is recorded
	Log   string   // what else the record says, a line for each fact: "gc 120ms"
	// Common is what follows the Log: facts that many attempts have in common, in one string for all of these.
	Common string
}

// Failure is what is recorded about an attempt that failed.
type Failure struct {
	Kind     record.ErrorKind // UserError if empty
	Message  string
	Stack    string
	ExitCode int
	Signal   string
}

// Group is a set of tasks that call one function and that all wait for the same: the tasks of other groups, all of
// them, such as a stage of Spark. It is drawn as a fan-out, so a million tasks need no edges.
type Group struct {
	Name  string  // also the function of its tasks
	After []int32 // numbers of groups that have to end before this one starts
	Ready Moment  // when its tasks could start, Unknown if that is when the last of After ended
}

// Worker is a process or machine that runs tasks.
type Worker struct {
	Name    string
	Host    string
	Cores   int // 0 if not recorded
	Started Moment
	Ended   Moment
	CPU     time.Duration // -1 if not recorded
}

// NewTask is a task about which nothing is known but its ID.
func NewTask(id string) Task {
	return Task{ID: id, Group: None, OutputBytes: -1, ResultBytes: -1}
}

// NewAttempt is an attempt about which nothing is known.
func NewAttempt() Attempt {
	return Attempt{
		Ready: Unknown, Claimed: Unknown, Started: Unknown, Ended: Unknown, Over: Unknown, Runtime: -1, Worker: None, Lane: None,
	}
}

// NewUsage is a usage in which nothing is known.
func NewUsage() *record.Usage {
	return record.UnknownUsage()
}

// NewRun is a run about which nothing is known but where it comes from.
func NewRun(system, format string) *Run {
	return &Run{System: system, Format: format, Date: Unknown, Started: Unknown, Ended: Unknown}
}

// AddWorker appends a worker about which nothing is known but its name, and returns its number.
func (r *Run) AddWorker(name string) int32 {
	r.Workers = append(r.Workers, Worker{Name: name, Started: Unknown, Ended: Unknown, CPU: -1})
	return int32(len(r.Workers) - 1)
}
