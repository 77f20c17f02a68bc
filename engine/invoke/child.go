package invoke

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/dagscope/dagscope/engine"
)

// The files by which a child and its supervisor are joined, as the child numbers them.
const (
	boardFile    = 3
	lifelineFile = 4 // ends when the supervisor does
)

// stragglers is how long a dead child's output is still read, where processes that it started keep it open.
const stragglers = 200 * time.Millisecond

// child is one process of a supervisor.
type child struct {
	cmd    *exec.Cmd
	board  *Board
	stderr tail
	began  time.Time
}

// start starts a process with a board of its own.
func (s *Supervisor) start(lifeline *os.File) (*child, error) {
	board, file, err := newBoard()
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // the mapping stays
	c := &child{cmd: exec.Command(s.cfg.Command[0], s.cfg.Command[1:]...), board: board, began: time.Now()}
	c.cmd.Stdout = undeterred{s.cfg.Stdout}
	c.cmd.Stderr = io.MultiWriter(&c.stderr, undeterred{s.cfg.Stderr})
	c.cmd.ExtraFiles = []*os.File{file, lifeline} // boardFile and lifelineFile
	c.cmd.SysProcAttr = apart()
	c.cmd.WaitDelay = stragglers
	if err := c.cmd.Start(); err != nil {
		_ = board.close()
		return nil, err
	}
	s.started.Add(1)
	s.cfg.Log.Info("a worker process has started", "pid", c.pid())
	return c, nil
}

// undeterred goes on when a write fails: a child must not block because nobody reads what its supervisor prints.
type undeterred struct{ w io.Writer }

func (u undeterred) Write(p []byte) (int, error) {
	_, _ = u.w.Write(p)
	return len(p), nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// wait returns when the process has ended and what it printed was read.
func (c *child) wait() { _ = c.cmd.Wait() } // how it ended is in ProcessState

// terminate asks the process to end; it may have done so.
func (c *child) terminate() { _ = c.cmd.Process.Signal(terminate) }

// kill ends the process and all that are in its group. Its number cannot mean another group unless all numbers were
// given out since it ended, some milliseconds ago.
func (c *child) kill() { killGroup(c.pid()) }

// forget gives the memory of the board back.
func (c *child) forget() { _ = c.board.close() }

// manner says how an ended process ended.
func (c *child) manner() string {
	code, signal := ending(c.cmd.ProcessState)
	if signal != "" {
		return "ended by the signal: " + signal
	}
	return fmt.Sprintf("exited with code %d", code)
}

// evidence is the error record of whatever an ended process was executing.
func (c *child) evidence(worker, host string) engine.ErrorRecord {
	r := engine.ErrorRecord{
		Kind: engine.WorkerLostError, Node: engine.NoNode, Worker: worker, Host: host, Time: time.Now(), Stack: c.stderr.String(),
	}
	r.ExitCode, r.Signal = ending(c.cmd.ProcessState)
	r.Message = fmt.Sprintf("the worker process %d %s after %s", c.pid(), c.manner(), time.Since(c.began).Round(time.Millisecond))
	if peak := peakMemory(c.cmd.ProcessState); peak > 0 {
		r.Message += fmt.Sprintf(", its memory peaked at %d MiB", peak>>20)
	}
	if words := c.stderr.lastWords(); words != "" {
		r.Message += ": " + words
	}
	return r
}

// Adopt makes this process the child of a Supervisor: what its lanes execute belongs on the board, and the channel is
// closed when the supervisor is gone, which leaves nobody to end this process but itself. The error is ErrBoard where
// it was not started by a Supervisor. Call it once; the goroutine behind the channel lives as long as the process.
func Adopt() (*Board, <-chan struct{}, error) {
	file, err := duplicate(boardFile) // the file itself may be anybody's, until it is known to be a board
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrBoard, err)
	}
	board, err := openBoard(file)
	_ = file.Close() // the mapping stays
	if err != nil {
		return nil, nil, err
	}
	_ = os.NewFile(boardFile, "board").Close()
	keepFromHeirs(lifelineFile)
	gone := make(chan struct{})
	lifeline := os.NewFile(lifelineFile, "lifeline")
	go func() {
		defer close(gone)
		_, _ = lifeline.Read(make([]byte, 1)) // nothing is ever written
	}()
	return board, gone, nil
}

// Disband ends this process, which Adopt has made a child, and all that it has started, for one whose supervisor is
// gone.
func Disband() { killGroup(os.Getpid()) }
