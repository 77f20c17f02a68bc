package process

import (
	"fmt"
	"strings"
)

// StartError says that a command could not be started. It wraps fs.ErrNotExist if program, interpreter or folder is missing,
// and fs.ErrPermission if the program may not be executed.
type StartError struct {
	Program string // as in Command.Args, "" if there was none
	Err     error
}

func (e *StartError) Error() string {
	if e.Program == "" {
		return "the command cannot be started: " + e.Err.Error()
	}
	return fmt.Sprintf("%s cannot be started: %v", e.Program, e.Err)
}

func (e *StartError) Unwrap() error { return e.Err }

// ExitError says that a command ended without being asked to, but not with exit code 0.
type ExitError struct {
	Result
	limit int64 // of memory
}

// Error returns for example "exit status 3: cannot open a.txt", with the last line of standard error.
func (e *ExitError) Error() string {
	how := fmt.Sprintf("exit status %d", e.ExitCode)
	switch {
	case e.OutOfMemory:
		how = fmt.Sprintf("out of memory, its limit is %d MiB", e.limit>>20)
	case e.Signal != "":
		how = "ended by the signal: " + e.Signal
	}
	if words := lastLine(e.Stderr); words != "" {
		return how + ": " + words
	}
	return how
}

// lastWordsMax bounds how many bytes of a line become part of a message.
const lastWordsMax = 300

// lastLine returns the last line that is not blank, the beginning of it if it is long.
func lastLine(text string) string {
	text = strings.TrimRight(text, " \t\r\n")
	text = strings.TrimSpace(text[strings.LastIndexAny(text, "\r\n")+1:])
	return strings.ToValidUTF8(text[:min(len(text), lastWordsMax)], "�")
}
