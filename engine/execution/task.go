package execution

import (
	"io"
	"log/slog"
	"sync/atomic"

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
	// Output takes whole lines as they are, such as those that a child process prints, between the lines of Log. It never
	// fails.
	Output io.Writer

	used atomic.Pointer[record.Usage]
}

// Evident is an error that knows how a process ended, which ErrorRecord then has: exit code, signal, and the end of
// what it printed or a traceback.
type Evident interface {
	error
	Evidence() (exitCode int, signal, tail string)
}

// Report says what the attempt used, if it is more than the time of one lane, such as the processors and the memory of
// a child process. Only the last call before the body returns counts.
func (t *TaskInfo) Report(u record.Usage) { t.used.Store(&u) }

// Used is what was reported, nil for nothing.
func (t *TaskInfo) Used() *record.Usage { return t.used.Load() }

// Key is the same for every repetition of this task; use it to make external effects idempotent.
func (t *TaskInfo) Key() string { return string(t.Run) + "/" + t.Task.String() }
