package runtable

// State of a task as views show it.
type State uint8

// States, in the order in which they are shown everywhere.
const (
	Pending State = iota
	Ready
	Fetching
	Storing
	Running
	Succeeded
	Cached // done without being executed: its output was there from an earlier run
	Retrying
	Failed
	Cancelled
	Skipped
	NotRun // the run is over, and no worker had claimed it
	Lost
)

var stateNames = [...]string{
	"pending", "ready", "fetching", "storing", "running", "succeeded", "cached", "retrying", "failed", "cancelled",
	"skipped", "not run", "lost",
}

// String is the name that the frontend uses.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}

// stateOfOutcome is the state after the end of an attempt, by record.Outcome; unknown ones are lost.
var stateOfOutcome = [...]State{Storing, Succeeded, Failed, Retrying, Cancelled, Lost, Skipped, Cached, Lost}
