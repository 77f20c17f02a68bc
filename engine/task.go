package engine

import (
	"context"
	"io"
	"log/slog"

	"github.com/dagscope/dagscope/engine/execution"
)

// Task describes the attempt that ctx belongs to. Outside of one it returns an empty description with a logger that
// discards, so bodies can be tested alone.
func Task(ctx context.Context) *execution.TaskInfo {
	if t, ok := ctx.Value(execution.TaskKey{}).(*execution.TaskInfo); ok {
		return t
	}
	return &execution.TaskInfo{Attempt: 1, Log: slog.New(slog.DiscardHandler), Output: io.Discard}
}
