package invoke

import (
	"context"

	"github.com/dagscope/dagscope/engine"
)

// Hint says where work can be found.
type Hint struct {
	Run engine.RunID `json:"run"`
	// Functions are those of which tasks can be claimed, sorted; empty where that is not known.
	Functions []string `json:"functions,omitempty"`
	// Nodes is how many can be claimed, at least 1.
	Nodes int `json:"nodes"`
}

// Start says whether an invocation found a process that was up.
type Start string

// Starts. Empty: nobody told.
const (
	Warm Start = "warm"
	Cold Start = "cold" // a process had to be started for it
)

// Answer is what came of an invocation.
type Answer struct {
	Start Start
	// Tasks is how many were executed; 0 where whoever was asked found nothing to do.
	Tasks int64
	// Waited: the answer came after the work. Else whoever was asked works on by itself, and Tasks says nothing.
	Waited bool
}

// Invoker gets one other to look for work. Safe for concurrent use.
type Invoker interface {
	// Invoke returns when whoever was asked has nothing left to do, or will not tell when that is, or when asking has
	// failed for good. It calls taken at most once, as soon as somebody has taken the hint on.
	Invoke(ctx context.Context, h Hint, taken func()) (Answer, error)
}
