package invoke

import (
	"context"

	"github.com/dagscope/dagscope/engine/record"
)

// Hint says which run has nodes that can be claimed.
type Hint struct {
	Run record.RunID `json:"run"`
	// Functions are those whose tasks can be claimed, sorted; empty if unknown.
	Functions []string `json:"functions,omitempty"`
	// Nodes is how many nodes can be claimed, at least 1.
	Nodes int `json:"nodes"`
}

// Start says whether a process had worked before an invocation; empty if unknown.
type Start string

// Values of Start.
const (
	Warm Start = "warm" // it had worked before
	Cold Start = "cold" // it was started for the invocation
)

// Answer is the result of an invocation.
type Answer struct {
	Start Start
	// Tasks is how many tasks the worker executed; 0 if the worker found none.
	Tasks int64
	// Waited is whether the answer came after the work. Otherwise the worker continues, and Tasks is meaningless.
	Waited bool
}

// Invoker makes one worker look for work. Safe for concurrent use.
type Invoker interface {
	// Invoke returns when the worker has nothing left to do, or has answered without waiting for that, or when the
	// invocation has failed permanently. It calls taken at most once, as soon as a worker has accepted the hint.
	Invoke(ctx context.Context, h Hint, taken func()) (Answer, error)
}
