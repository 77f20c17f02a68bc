package execution

import (
	"log/slog"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/record"
)

// TaskKey is the context key under which an executor keeps the *TaskInfo of the attempt.
type TaskKey struct{}

// TaskInfo is what a body can learn about the attempt that it runs in.
type TaskInfo struct {
	Run     record.RunID
	Task    dag.Identity
	Node    dag.NodeID
	Epoch   int
	Attempt int // from 1
	// Log keeps its last 64 KiB with the attempt.
	Log *slog.Logger
}

// Key is the same for every repetition of this task; use it to make external effects idempotent.
func (t *TaskInfo) Key() string { return string(t.Run) + "/" + t.Task.String() }
