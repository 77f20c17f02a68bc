package invoke

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/process"
	"github.com/dagscope/dagscope/engine/record"
)

// Descriptors of the files that a child gets from its supervisor.
const (
	boardFile    = 3
	lifelineFile = 4 // a pipe that is closed when the supervisor ends
)

// outputWait is how long a dead child's output is still read if processes that it started keep it open.
const outputWait = 200 * time.Millisecond

// child is one process of a supervisor. The goroutine of Supervisor.keep that started it owns it.
type child struct {
	cmd    *exec.Cmd
	board  *Board
	stderr *tail // also written by the goroutine of cmd that copies standard error
	began  time.Time
}

// start starts a process with its own board.
func (s *Supervisor) start(lifeline *os.File) (*child, error) {
	board, file, err := newBoard()
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // the mapping stays
	c := &child{cmd: exec.Command(s.cfg.Command[0], s.cfg.Command[1:]...), board: board, stderr: newTail(), began: time.Now()}
	c.cmd.Stdout = ignoreErrors{s.cfg.Stdout}
	c.cmd.Stderr = io.MultiWriter(c.stderr, ignoreErrors{s.cfg.Stderr})
	c.cmd.ExtraFiles = []*os.File{file, lifeline} // boardFile and lifelineFile
	c.cmd.SysProcAttr = apart()
	c.cmd.WaitDelay = outputWait
	if err := c.cmd.Start(); err != nil {
		_ = board.close()
		return nil, err
	}
	s.started.Add(1)
	s.cfg.Log.Info("a worker process has started", "pid", c.pid())
	return c, nil
}

// ignoreErrors reports every write as successful: a child must not block when its supervisor cannot print.
type ignoreErrors struct{ w io.Writer }

func (u ignoreErrors) Write(p []byte) (int, error) {
	_, _ = u.w.Write(p)
	return len(p), nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// wait returns when the process has ended and its output has been read.
func (c *child) wait() { _ = c.cmd.Wait() } // how it ended is in ProcessState

// terminate sends SIGTERM; the process may have ended already.
func (c *child) terminate() { _ = c.cmd.Process.Signal(terminate) }

// kill kills the process and its group. The process ended only some milliseconds ago, so its group number cannot belong
// to another group, unless all numbers have been used since.
func (c *child) kill() { process.KillGroup(c.pid()) }

func (c *child) unmapBoard() { _ = c.board.close() }

// howEnded describes how the process ended, for people.
func (c *child) howEnded() string {
	code, signal := process.Ending(c.cmd.ProcessState)
	if signal != "" {
		return "ended by the signal: " + signal
	}
	return fmt.Sprintf("exited with code %d", code)
}

// evidence returns the error record of the attempts that the ended process was executing.
func (c *child) evidence(worker, host string) record.ErrorRecord {
	r := record.ErrorRecord{
		Kind: record.WorkerLostError, Node: dag.NoNode, Worker: worker, Host: host, Time: time.Now(), Stack: c.stderr.String(),
	}
	r.ExitCode, r.Signal = process.Ending(c.cmd.ProcessState)
	r.Message = fmt.Sprintf("the worker process %d %s after %s", c.pid(), c.howEnded(), time.Since(c.began).Round(time.Millisecond))
	if peak := process.PeakMemory(c.cmd.ProcessState); peak > 0 {
		r.Message += fmt.Sprintf(", its memory peaked at %d MiB", peak>>20)
	}
	if words := c.stderr.lastWords(); words != "" {
		r.Message += ": " + words
	}
	return r
}

// Adopt makes this process the child of a Supervisor: it has to write what its lanes execute on the board, and to end
// itself when the channel is closed, since its supervisor has ended. The error wraps ErrBoard if this process was not
// started by a Supervisor. Call it once; the goroutine that closes the channel lives as long as the process.
func Adopt() (*Board, <-chan struct{}, error) {
	file, err := duplicate(boardFile) // the descriptor may be another file's, so it stays open until this is known to be a board
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrBoard, err)
	}
	board, err := openBoard(file)
	_ = file.Close() // the mapping stays
	if err != nil {
		return nil, nil, err
	}
	_ = os.NewFile(boardFile, "board").Close()
	closeOnExec(lifelineFile)
	gone := make(chan struct{})
	lifeline := os.NewFile(lifelineFile, "lifeline")
	go func() {
		defer close(gone)
		_, _ = lifeline.Read(make([]byte, 1)) // nothing is ever written
	}()
	return board, gone, nil
}

// Disband kills this process, which has called Adopt, and every process that it has started, after its supervisor has
// ended.
func Disband() { process.KillGroup(os.Getpid()) }
