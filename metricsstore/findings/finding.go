package findings

import (
	"slices"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// Kind says what a finding is about.
type Kind string

// Kinds of findings that are the reason for the makespan.
const (
	Full      Kind = "full"      // all slots were at work
	Chain     Kind = "chain"     // tasks waited for each other: with more slots the run would have been no shorter
	Serial    Kind = "serial"    // the same if never two of them ran at once
	Straggler Kind = "straggler" // the same if one task took much longer than others of its function
	Moving    Kind = "moving"    // inputs were fetched and outputs stored
	Engine    Kind = "engine"    // what the engine does for each task; of a recording, all that is around execution
	Again     Kind = "again"     // attempts had to be repeated
	Backoff   Kind = "backoff"   // waiting before retries
	Waiting   Kind = "waiting"   // tasks waited although slots were free
	Absent    Kind = "absent"    // there was no worker
	Blocked   Kind = "blocked"   // tasks had a slot and waited for processors or memory
	Unready   Kind = "unready"   // tasks of the critical path were not ready, and the record does not say why
	Paused    Kind = "paused"
	Continued Kind = "continued" // the run had ended, and was continued later
)

// Further kinds of findings.
const (
	Failed      Kind = "failed"
	Cancelled   Kind = "cancelled"
	Interrupted Kind = "interrupted"
	EndUnknown  Kind = "end_unknown" // the record is damaged
	Unexplained Kind = "unexplained" // time that the tasks of a recording do not account for
	Cached      Kind = "cached"
	Lost        Kind = "lost"     // with workers
	Function    Kind = "function" // most of the work is of one
	Solo        Kind = "solo"     // one slot worked, and the others had nothing ready
	Starved     Kind = "starved"  // some slots had nothing ready
	NoTime      Kind = "no_time"  // no task took any
	NothingDone Kind = "nothing_done"
	Progress    Kind = "progress" // of a live run, and of a recording that grows
	Expected    Kind = "expected" // when a live run should end
)

// Bound says what a time is to the makespan.
type Bound string

// Bounds.
const (
	NoBound Bound = "none" // it is a part of the makespan, as it happened
	// AtLeast: with the same tasks, and of the kind Full the same slots, the makespan could not have been shorter.
	AtLeast Bound = "at_least"
)

// Exactness says where the moments come from that a finding is computed from.
type Exactness string

// Exactness of findings.
const (
	Measured      Exactness = "measured"      // by the engine
	Recorded      Exactness = "recorded"      // by another tool
	Inferred      Exactness = "inferred"      // recorded, but in lanes that were assigned at the import
	Reconstructed Exactness = "reconstructed" // the recording has no start times
)

// Finding is one thing that is worth saying of a run. Moments are nanoseconds since the run's start.
type Finding struct {
	Kind Kind `json:"kind" enum:"full,chain,serial,straggler,moving,engine,again,backoff,waiting,absent,unready,paused,continued,failed,cancelled,interrupted,end_unknown,unexplained,cached,lost,function,solo,starved,no_time,nothing_done,progress,expected" doc:"What the finding is about."`
	// Reason: it is the bound that is nearest to the makespan. There are two if the first is a standstill.
	Reason   bool   `json:"reason" doc:"It is the reason for the makespan: the bound that is nearest to it. There are two if the first is that the run was paused or continued."`
	Sentence string `json:"sentence"`
	// NS is the time that the finding is about, and Share its part of the makespan; for the kind Unexplained, of the recorded
	// makespan, for the kind Function, of the work. Both are nil if it is about none.
	NS    *int64   `json:"ns" doc:"The time that the finding is about; null if it is about none."`
	Share *float64 `json:"share" doc:"Its part of the makespan; for the kind unexplained, of the recorded makespan, for the kind function, of the work of all slots. Null if the finding is about no time."`
	Bound Bound    `json:"bound" enum:"none,at_least" doc:"at_least: with the same tasks, and for the kind full with the same slots, the makespan could not have been shorter than this time."`
	// Tasks is how many of OfTasks the finding is about, 0 if it is not about single ones.
	Tasks   int `json:"tasks" doc:"How many of of_tasks the finding is about; 0 if it is not about single ones."`
	OfTasks int `json:"of_tasks"`
	// Named are the tasks that the sentence names, in its order.
	Named []NamedTask `json:"named" doc:"The tasks that the sentence names, in its order."`
	// Functions and Workers are those that the finding is about, if it is not about all.
	Functions []string  `json:"functions" doc:"Those that the finding is about; empty if it is about all."`
	Workers   []int     `json:"workers" doc:"The numbers of those that the finding is about; empty if it is about all."`
	Exactness Exactness `json:"exactness" enum:"measured,recorded,inferred,reconstructed" doc:"Where the moments come from that the finding is computed from. inferred: they are recorded, but lanes were assigned at the import; reconstructed: the recording has no start times."`
	// From and To is the part of the run that the finding is about.
	From int64 `json:"from_ns" doc:"Where the part of the run begins that the finding is about, since its start."`
	To   int64 `json:"to_ns"`
	// Link is the page of the run with what shows the evidence, below the address of the service, and Query what it has
	// after its question mark, if anything.
	Link  string `json:"link" doc:"The page of the run with what shows the evidence, below the address of the service."`
	Query string `json:"-"`

	beginsWithTask bool
}

// NamedTask is a task that a finding names.
type NamedTask struct {
	Node     dag.NodeID `json:"node"`
	Task     string     `json:"task" doc:"Its recorded name, or its function with its place among its like."`
	Function string     `json:"function"`
	// NS is the time that is said of it, nil if there is none.
	NS *int64 `json:"ns" doc:"The time that is said of it; null if there is none."`
}

// Context is what the table of a run does not hold.
type Context struct {
	// Status of the run. An imported run that is running is a recording of which more is expected.
	Status record.Status
	// EndUnknown: the record is damaged so that it is not known how the run ended.
	EndUnknown bool
	// Failure is what ended the run, nil if nothing is known of it.
	Failure *record.ErrorRecord
	// Recording is of an imported run, nil for one of the engine.
	Recording *Recording
	// Expected is when a live run should end, nil if that is not known.
	Expected *ExpectedEnd
}

// Recording is what a recording says of its run.
type Recording struct {
	// Makespan is the one that it names, 0 if it names none, and Explained the time in which at least one task ran; both in
	// nanoseconds.
	Makespan, Explained int64
	// Inferred: lanes were assigned at the import. Reconstructed: it has no start times; when tasks ran was made up.
	Inferred, Reconstructed bool
}

// ExpectedEnd is between which moments, in nanoseconds since the start, a run should end: it ends before P10 once in ten
// times, and before P90 nine times. Runs is how many earlier runs say so.
type ExpectedEnd struct {
	P10, P90 float64
	Runs     int
}

func (c *Context) exactness() Exactness {
	switch r := c.Recording; {
	case r == nil:
		return Measured
	case r.Reconstructed:
		return Reconstructed
	case r.Inferred:
		return Inferred
	}
	return Recorded
}

// about fills in the figures of a finding: how long, of how much.
func (f Finding) about(ns, makespan float64) Finding {
	f.NS = new(int64(ns + 0.5))
	share := 0.0
	if makespan > 0 {
		share = ns / makespan
	}
	f.Share = &share
	return f
}

// say adds words to the sentence.
func (f Finding) say(words ...string) Finding {
	for _, w := range words {
		f.Sentence += w
	}
	return f
}

// name adds a task to the sentence.
func (f Finding) name(t NamedTask) Finding {
	f.beginsWithTask = f.beginsWithTask || f.Sentence == ""
	f.Named = append(f.Named, t)
	return f.say(t.Task)
}

// worked adds a worker, unless it is there already.
func (f Finding) worked(worker int) Finding {
	if !slices.Contains(f.Workers, worker) {
		f.Workers = append(f.Workers, worker)
	}
	return f
}
