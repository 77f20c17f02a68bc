//go:build unix

package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// program returns the path of the program to execute, relative to the working folder unless it is absolute.
func (c *Command) program() (string, error) {
	name := c.Args[0]
	if strings.Contains(name, "/") {
		return name, nil
	}
	var refused error
	for _, folder := range filepath.SplitList(c.variable("PATH")) {
		if folder == "" {
			continue // it would mean the working folder, and so a program that only lies there by chance
		}
		path := filepath.Join(folder, name)
		switch err := executable(c.at(path)); {
		case err == nil:
			return path, nil
		case errors.Is(err, fs.ErrPermission):
			refused = fmt.Errorf("%s: %w", path, err)
		}
	}
	if refused == nil {
		refused = fmt.Errorf("%w (%q)", exec.ErrNotFound, c.variable("PATH"))
	}
	return "", &StartError{Program: name, Err: refused}
}

// variable returns the value of a variable of Env, of which the last one counts.
func (c *Command) variable(name string) (value string) {
	for _, v := range c.Env {
		if rest, ok := strings.CutPrefix(v, name+"="); ok {
			value = rest
		}
	}
	return value
}

// at returns a path as seen from the working folder of the command.
func (c *Command) at(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.Dir, path)
}

// executable checks for a file that may be executed.
func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return syscall.EISDIR
	case info.Mode()&0o111 == 0:
		return fs.ErrPermission
	default:
		return nil
	}
}

// diagnose says what is wrong: the kernel has the same error for a missing folder, program, and interpreter.
func (c *Command) diagnose(program string, err error) error {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		err = errno // without the path, which is the one of the program, whatever is missing
	}
	if c.Dir != "" {
		info, problem := os.Stat(c.Dir)
		switch {
		case problem != nil:
			return fmt.Errorf("its working folder: %w", problem)
		case !info.IsDir():
			return fmt.Errorf("its working folder %s: %w", c.Dir, syscall.ENOTDIR)
		}
	}
	path := c.at(program)
	switch problem := executable(path); {
	case problem == syscall.EISDIR:
		return fmt.Errorf("%s is a folder, expected a program", path)
	case problem == fs.ErrPermission:
		return fmt.Errorf("%s is not executable: %w", path, problem)
	case problem != nil:
		return problem
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the interpreter of %s is missing: %w", path, err)
	case err == syscall.ENOEXEC:
		return fmt.Errorf("%s is no program of this machine, and has no first line with #! and an interpreter", path)
	default:
		return err
	}
}

// busyWait is how long a program file that is open for writing is tried again. Another goroutine may have written it just
// now: a process that is forked at that moment holds the file open until it executes its own program.
const busyWait = 200 * time.Millisecond

func startProgram(program string, args []string, attr *os.ProcAttr) (*os.Process, error) {
	for end := time.Now().Add(busyWait); ; time.Sleep(busyWait / 100) {
		child, err := os.StartProcess(program, args, attr)
		if !errors.Is(err, syscall.ETXTBSY) || time.Now().After(end) {
			return child, err
		}
	}
}

// Ending returns how a process ended: with an exit code, or by a signal such as "killed".
func Ending(state *os.ProcessState) (code int, signal string) {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 0, status.Signal().String()
	}
	return state.ExitCode(), ""
}

// addTimes adds what the system measured of a process and the children that it waited for.
func addTimes(u *Usage, state *os.ProcessState) {
	used, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return
	}
	u.User, u.System = time.Duration(used.Utime.Nano()), time.Duration(used.Stime.Nano())
	u.VoluntarySwitches, u.InvoluntarySwitches = int64(used.Nvcsw), int64(used.Nivcsw)
	u.PeakMemory = max(u.PeakMemory, PeakMemory(state))
}

// PeakMemory returns the largest resident memory of a process that has ended, or of one that it waited for, in bytes; -1 is
// unknown, see Usage.
func PeakMemory(state *os.ProcessState) int64 {
	used, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return -1
	}
	if peak := peakMemory(used); !inherits || peak > ownPeak() {
		return peak
	}
	return -1
}

// inherits is whether a process begins with the peak of memory of the one that started it, as on Linux: it shares the
// memory of that until it executes its program (fs/exec.c, exec_mmap).
const inherits = runtime.GOOS == "linux"

// ownPeak returns the peak of this process so far.
func ownPeak() int64 {
	var own syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &own) != nil {
		return 0
	}
	return peakMemory(&own)
}

// peakMemory returns the largest resident set in bytes. Apple's systems count bytes, others KiB.
func peakMemory(used *syscall.Rusage) int64 {
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(used.Maxrss)
	}
	return int64(used.Maxrss) << 10
}
