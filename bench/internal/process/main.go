package process

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
)

// childArg as only argument makes a program the child of itself.
const childArg = "child"

// Main is the main function of a benchmark: it runs until it is done or interrupted, and exits with 1 after an error.
// child is what the program does when Start has started it, nil where it has no children.
func Main(name string, run func(ctx context.Context, args []string, w io.Writer) error, child func(ctx context.Context, in io.Reader, out io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	var err error
	if child != nil && len(os.Args) == 2 && os.Args[1] == childArg {
		err = child(ctx, os.Stdin, os.Stdout)
	} else {
		err = run(ctx, os.Args[1:], os.Stdout)
	}
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Child is this program once more. It must be closed.
type Child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Reader
}

// reply is a line of a child.
type reply struct {
	Error string          `json:"error,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
}

// Start starts a child, which is killed when ctx ends.
func Start(ctx context.Context) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &Child{cmd: exec.CommandContext(ctx, self, childArg)}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.lines = bufio.NewReader(out)
	return c, c.cmd.Start()
}

// Ask sends a question and reads its answer into a pointer.
func (c *Child) Ask(question, into any) error {
	if err := json.NewEncoder(c.in).Encode(question); err != nil {
		return err
	}
	line, err := c.lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("a child process has ended: %w", err)
	}
	var r reply
	if err := json.Unmarshal(line, &r); err != nil {
		return err
	}
	if r.Error != "" {
		return errors.New("a child process: " + r.Error)
	}
	return json.Unmarshal(r.Value, into)
}

// Finish lets the child end, without waiting for it; Close does both.
func (c *Child) Finish() error { return c.in.Close() }

// Close waits until the child has ended, after at most one Finish.
func (c *Child) Close() error {
	_ = c.Finish() // closed twice after Finish
	return c.cmd.Wait()
}

// Answer is the child's part: it answers each question until in ends.
func Answer[Q, A any](in io.Reader, out io.Writer, answer func(Q) (A, error)) error {
	replies := json.NewEncoder(out)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var question Q
		if err := json.Unmarshal(lines.Bytes(), &question); err != nil {
			return err
		}
		var r reply
		value, err := answer(question)
		if err == nil {
			r.Value, err = json.Marshal(value)
		}
		if err != nil {
			r.Error = err.Error()
		}
		if err := replies.Encode(r); err != nil {
			return err
		}
	}
	return lines.Err()
}
