package engine

import (
	"context"
	"log/slog"
)

// TaskKey is the context key under which an executor keeps the *TaskInfo of the attempt.
type TaskKey struct{}

// TaskInfo is what a body can learn about the attempt that it runs in.
type TaskInfo struct {
	Run     RunID
	Task    Identity
	Node    NodeID
	Epoch   int
	Attempt int // from 1
	// Log keeps its last 64 KiB with the attempt.
	Log *slog.Logger
}

// Key is the same for every repetition of this task, so that effects outside can be made idempotent by it.
func (t *TaskInfo) Key() string { return string(t.Run) + "/" + t.Task.String() }

// Task describes the attempt that ctx belongs to. Outside of one it returns an empty description with a logger that
// discards, so bodies can be tested alone.
func Task(ctx context.Context) *TaskInfo {
	if t, ok := ctx.Value(TaskKey{}).(*TaskInfo); ok {
		return t
	}
	return &TaskInfo{Attempt: 1, Log: slog.New(slog.DiscardHandler)}
}
