package process

import (
	"fmt"
	"io"
	"os"
	"time"
)

// Command is one program to run. Args is required; the zero value of the rest means the defaults.
type Command struct {
	// Args are the program and its arguments. A program without a separator in its name is searched in the PATH of Env; one
	// with a relative path is relative to Dir.
	Args []string
	// Dir is the working folder, which has to exist; default: the one of this process.
	Dir string
	// Env is the whole environment as KEY=value, see Environment; nothing is inherited.
	Env []string
	// Stdin is what the command reads; default nothing. A file is handed over as it is. A Read of anything else that blocks
	// when the command ends is not waited for, so it may still return later.
	Stdin io.Reader
	// Stdout and Stderr receive all that the command prints, for example into a buffer with a bound; default: only Tail and
	// Lines see it. An error of theirs stops the command and becomes the error of Run. Each is written by one goroutine.
	Stdout, Stderr io.Writer
	// Lines receives the lines of both streams while the command runs, in order, by one goroutine; default none. It does
	// not hold up the command: of more than maxPending lines in linePause, the last ones arrive, see Line.Dropped. Run
	// returns after its last call.
	Lines func(Line)
	// Files are handed to the command as the descriptors 3, 4, and so on. The caller closes its own. Only on Unix.
	Files []*os.File
	// Grace is how long a command may take to end after it was asked to; then it is killed. Default 5 s.
	Grace time.Duration
	// MemoryLimit is how many bytes the command and all that it starts may use together; above it all of them are killed, see
	// Result.OutOfMemory. Default: no limit. Where this process can make a cgroup (version 2) with the controller memory, the
	// kernel enforces it, and counts cached files, which it drops first. Elsewhere on Linux the memory of the processes that
	// descend from the command is read every 10 ms, so that it can be exceeded by what they allocate in that time. There is
	// no limit of address space (RLIMIT_AS), since many runtimes reserve far more than they use. Other systems have no limit.
	MemoryLimit int64
}

const defaultGrace = 5 * time.Second

func (c *Command) withDefaults() (Command, error) {
	d := *c
	switch {
	case len(c.Args) == 0 || c.Args[0] == "":
		return d, &StartError{Err: fmt.Errorf("it has no arguments, expected a program")}
	case c.Grace < 0:
		return d, &StartError{Program: c.Args[0], Err: fmt.Errorf("its grace is %v, expected at least 0", c.Grace)}
	case c.MemoryLimit < 0:
		return d, &StartError{Program: c.Args[0], Err: fmt.Errorf("its limit of memory is %d bytes, expected at least 0", c.MemoryLimit)}
	case c.Grace == 0:
		d.Grace = defaultGrace
	}
	if d.Env == nil {
		d.Env = []string{} // nil would mean the environment of this process
	}
	return d, nil
}

// Stream is one of the two that a command prints to.
type Stream uint8

// The streams.
const (
	Stdout Stream = iota + 1
	Stderr
)

// String returns "stdout" or "stderr".
func (s Stream) String() string {
	switch s {
	case Stdout:
		return "stdout"
	case Stderr:
		return "stderr"
	default:
		return fmt.Sprintf("Stream(%d)", uint8(s))
	}
}

// Line is a line that a command printed, or redrew: a carriage return ends a line as a line feed does.
type Line struct {
	Stream  Stream
	Text    string    // without its end, valid UTF-8, and cut after maxLine bytes
	At      time.Time // when it was read
	Dropped int       // how many lines of both streams were left out before it
}

// Result is how a command ended. ExitCode is 0 if it was ended by a signal.
type Result struct {
	ExitCode int
	Signal   string // which ended it, for example "killed"; "" if it exited
	// OutOfMemory is whether it was killed because it exceeded Command.MemoryLimit.
	OutOfMemory bool
	Usage       Usage
	Tail        string // the last TailSize bytes of both streams, as they arrived
	Stderr      string // the last TailSize bytes of standard error alone, which much output does not push out
}

// Usage is what a command and the processes used that it started and waited for; -1 is unknown.
type Usage struct {
	// User and System are times of all processors together. Those of processes that were not waited for are part of it only
	// where this process can make cgroups.
	User, System time.Duration
	// PeakMemory is the largest resident memory of one of the processes, in bytes. On Linux it is exact if it is larger than
	// the one of this process so far. Otherwise it is the peak of 0.1 s before the end or earlier, since the kernel forgets
	// it then, and of a command that ended within 20 ms the peak of its cgroup, or unknown.
	PeakMemory int64
	// ReadBytes and WrittenBytes are what went through read(2) and write(2) and their like, from and to anything.
	ReadBytes, WrittenBytes int64
	// VoluntarySwitches are how often it waited, InvoluntarySwitches how often another process was given its processor.
	VoluntarySwitches, InvoluntarySwitches int64
}

// unknownUsage is the usage of which nothing is known.
func unknownUsage() Usage {
	return Usage{
		User: -1, System: -1, PeakMemory: -1, ReadBytes: -1, WrittenBytes: -1,
		VoluntarySwitches: -1, InvoluntarySwitches: -1,
	}
}
