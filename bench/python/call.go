package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/dagscope/dagscope/cmd/app/bench"
	"github.com/dagscope/dagscope/engine/python"
	packages "github.com/dagscope/dagscope/python"
)

// pipeGoal is how many times as long as eight bytes there and back a call may take.
const pipeGoal = 2.5

// callsInRound are how many calls a round has; rounds are short, so that some are undisturbed.
const callsInRound = 500

// roundsOfCalls are how many rounds each of the options' has.
const roundsOfCalls = 20

// measureCalls compares a call that does nothing with eight bytes to a Python and back.
func measureCalls(ctx context.Context, w io.Writer, o options) (goals []bench.Goal, err error) {
	err = inFolder(func(folder string) error {
		if err := os.WriteFile(filepath.Join(folder, "work.py"), []byte("def nothing():\n    pass\n"), 0o600); err != nil {
			return err
		}
		pool, err := python.New(python.Config{
			Package: packages.FS(), Interpreter: o.python, Env: os.Environ(), Path: []string{folder}, Preimport: []string{"work"},
			Max: 1, Recycle: math.MaxInt,
		})
		if err != nil {
			return err
		}
		poolCtx, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- pool.Run(poolCtx) }()
		call, pipe, err := quickestCalls(ctx, pool, o)
		stop()
		if err := errors.Join(err, <-ended); err != nil {
			return err
		}
		ratio := float64(call) / float64(pipe)
		fmt.Fprintf(w, "\na call that does nothing takes %v, eight bytes there and back %v; quickest of %d rounds of %d\n",
			call, pipe, roundsOfCalls*o.rounds, callsInRound)
		goals = append(goals, bench.AtMost("a call / a bare pipe", ratio, pipeGoal))
		return nil
	})
	return goals, err
}

func quickestCalls(ctx context.Context, pool *python.Pool, o options) (call, pipe time.Duration, err error) {
	e, err := startEcho(ctx, o.python)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	call, pipe = math.MaxInt64, math.MaxInt64
	for range roundsOfCalls * o.rounds {
		took, err := repeated(func() error {
			_, _, err := pool.Call(ctx, python.Call{Module: "work", Function: "nothing"})
			return err
		})
		if err != nil {
			return 0, 0, err
		}
		call = min(call, took)
		if took, err = repeated(e.once); err != nil {
			return 0, 0, err
		}
		pipe = min(pipe, took)
	}
	return call, pipe, nil
}

// repeated is how long one of many calls takes.
func repeated(f func() error) (time.Duration, error) {
	began := time.Now()
	for range callsInRound {
		if err := f(); err != nil {
			return 0, err
		}
	}
	return time.Since(began) / callsInRound, nil
}

// echo is a Python that sends back what it reads.
type echo struct {
	cmd               *exec.Cmd
	requests, replies *os.File
}

func startEcho(ctx context.Context, program string) (*echo, error) {
	e := &echo{cmd: exec.CommandContext(ctx, program, "-c", "import os\nwhile True:\n    os.write(4, os.read(3, 65536) or exit())")}
	theirs, requests, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	replies, other, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	e.requests, e.replies, e.cmd.ExtraFiles = requests, replies, []*os.File{theirs, other}
	err = e.cmd.Start()
	return e, errors.Join(err, theirs.Close(), other.Close())
}

func (e *echo) once() error {
	var buf [8]byte
	if _, err := e.requests.Write(buf[:]); err != nil {
		return err
	}
	_, err := io.ReadFull(e.replies, buf[:])
	return err
}

func (e *echo) close() error {
	return errors.Join(e.requests.Close(), e.cmd.Wait(), e.replies.Close())
}
