package record

import (
	"cmp"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
)

// ErrorKind classifies failures by their cause.
type ErrorKind string

// Kinds of errors.
const (
	UserError       ErrorKind = "user"
	PanicError      ErrorKind = "panic"
	TimeoutError    ErrorKind = "timeout"
	WorkerLostError ErrorKind = "worker_lost"
	PoisonError     ErrorKind = "poison"
	OutputLostError ErrorKind = "output_lost"
	CancelledError  ErrorKind = "cancelled"
	DeadlineError   ErrorKind = "deadline"
	ShutdownError   ErrorKind = "shutdown" // of a run that was cancelled because its process was stopped
	StoreError      ErrorKind = "store"
	LimitError      ErrorKind = "limit"
	// EnvironmentError: what the tasks need could not be prepared, so none was called.
	EnvironmentError ErrorKind = "environment"
)

// MaxEvidence bounds the message, the stack and the log tail of one attempt each, in bytes.
const MaxEvidence = 64 << 10

// ErrorRecord says how one attempt failed.
type ErrorRecord struct {
	Kind     ErrorKind  `json:"kind"`
	Task     string     `json:"task,omitempty"` // the task's identity as text
	Name     string     `json:"name,omitempty"` // dag.Identity.Name
	Node     dag.NodeID `json:"node"`
	Message  string     `json:"message"`
	Stack    string     `json:"stack,omitempty"` // of a panic, or the tail of stderr
	ExitCode int        `json:"exit_code,omitempty"`
	Signal   string     `json:"signal,omitempty"`
	Worker   string     `json:"worker"`
	Host     string     `json:"host,omitempty"`
	Slot     int        `json:"slot"`
	Epoch    int        `json:"epoch"`
	Attempt  int        `json:"attempt"`
	Time     time.Time  `json:"time"`
}

// TaskLabel is what people know the task by that failed, empty if no task did.
func (e *ErrorRecord) TaskLabel() string { return cmp.Or(e.Name, e.Task) }
