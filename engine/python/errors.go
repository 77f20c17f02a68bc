package python

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dagscope/dagscope/engine/process"
)

// ErrClosed: the pool does not run any more.
var ErrClosed = errors.New("python: the pool is closed")

// Reason says at which step a call failed.
type Reason string

// The reasons.
const (
	// Raised: the function, or the import of its module, raised an exception.
	Raised Reason = "raised"
	// Missing: there is no such module or function.
	Missing Reason = "missing"
	// Malformed: an argument cannot be decoded there, for example a pickle that the call does not allow, or an object of a
	// class that is missing.
	Malformed Reason = "malformed"
	// Unsendable: the result cannot be encoded.
	Unsendable Reason = "unsendable"
)

// CallError says that a call failed; its interpreter works on.
type CallError struct {
	Function  string // module:name
	Reason    Reason
	Type      string // of the exception, with its module unless it is built in
	Message   string // of the exception; may have several lines
	Traceback string // of the exception, as Python prints it, from the function on; "" unless Reason is Raised
}

// Error gives the exception as the last line of a traceback does.
func (e *CallError) Error() string {
	switch {
	case e.Reason != Raised:
		return fmt.Sprintf("%s: %s", e.Function, e.Message)
	case e.Message == "":
		return e.Type
	default:
		return e.Type + ": " + e.Message
	}
}

// LostError says that an interpreter ended during a call, or could not begin.
type LostError struct {
	PID int
	// Result is how it ended, with the tail of what it printed and what it used in its life.
	Result process.Result
	After  time.Duration // of the call
	// Cause is what was wrong before it was killed, nil if it ended by itself.
	Cause error
}

// Error says how the interpreter ended, for example "the interpreter 4711 exited with code 3 after 12ms: bye".
func (e *LostError) Error() string {
	how := fmt.Sprintf("exited with code %d", e.Result.ExitCode)
	if e.Result.Signal != "" {
		how = "ended by the signal: " + e.Result.Signal
	}
	text := fmt.Sprintf("the interpreter %d %s after %s", e.PID, how, e.After.Round(time.Millisecond))
	if e.Cause != nil {
		text = fmt.Sprintf("the interpreter %d was killed after %s: %v", e.PID, e.After.Round(time.Millisecond), e.Cause)
	}
	if words := lastLine(e.Result.Stderr); words != "" {
		text += ": " + words
	}
	return text
}

// Unwrap gives the cause.
func (e *LostError) Unwrap() error { return e.Cause }

// lastLine returns the last line that is not blank, the beginning of it if it is long.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	text = text[strings.LastIndexByte(text, '\n')+1:]
	return strings.ToValidUTF8(text[:min(len(text), 300)], "�")
}
