package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dagscope/dagscope/cmd/app/bench"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/engine/code"
	"github.com/dagscope/dagscope/engine/dag"
	"github.com/dagscope/dagscope/engine/state/memory"
	"github.com/dagscope/dagscope/engine/worker"
	packages "github.com/dagscope/dagscope/python"
)

//go:embed peers/spawn.c
var spawnText string

// spawnGoal is how many times as long as posix_spawn and wait a command as a step may take.
const spawnGoal = 1.5

// steps are how many commands a graph has, one after the other.
const steps = 100

// measureCommands compares steps that execute a program with the same by posix_spawn.
func measureCommands(ctx context.Context, w io.Writer, o options) (goals []bench.Goal, err error) {
	compiler, err := exec.LookPath("cc")
	if err != nil {
		fmt.Fprintln(w, "\nposix_spawn is not measured: there is no C compiler cc in the PATH")
		return nil, nil
	}
	program, err := exec.LookPath("true")
	if err != nil {
		return nil, err
	}
	err = inFolder(func(folder string) error {
		source, spawn := filepath.Join(folder, "spawn.c"), filepath.Join(folder, "spawn")
		if err := os.WriteFile(source, []byte(spawnText), 0o600); err != nil {
			return err
		}
		if out, err := exec.CommandContext(ctx, compiler, "-O2", "-o", spawn, source).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		step, bare := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
		err := withRunner(ctx, folder, func(execute func(program string) (time.Duration, error)) error {
			for range 3 * o.rounds {
				took, err := execute(program)
				if err != nil {
					return err
				}
				step = min(step, took)
				if took, err = spawned(ctx, spawn, program); err != nil {
					return err
				}
				bare = min(bare, took)
			}
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "\n%s as a step takes %v, by posix_spawn and wait %v; quickest of %d rounds of %d\n", program, step, bare, 3*o.rounds, steps)
		goals = append(goals, bench.AtMost("a command as a step / posix_spawn and wait", float64(step)/float64(bare), spawnGoal))
		return nil
	})
	return goals, err
}

// spawned is how long posix_spawn and wait take.
func spawned(ctx context.Context, spawn, program string) (time.Duration, error) {
	out, err := exec.CommandContext(ctx, spawn, strconv.Itoa(steps), program).Output()
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Duration(ns) / steps, err
}

// withRunner has an engine with one lane, and calls a function with one that executes a chain of steps and says how long
// each took.
func withRunner(ctx context.Context, folder string, f func(execute func(program string) (time.Duration, error)) error) error {
	runner, err := code.New(code.Config{Dir: folder, Environments: folder, Package: packages.FS()})
	if err != nil {
		return err
	}
	pool, err := worker.New(worker.Config{State: memory.New(), Width: 1, Prepare: runner.Prepare})
	if err != nil {
		return err
	}
	e, err := engine.New(engine.Config{Executor: pool})
	if err != nil {
		return err
	}
	engineCtx, stop := context.WithCancel(ctx)
	ended := make(chan error, 2)
	go func() { ended <- e.Run(engineCtx) }()
	go func() { ended <- runner.Run(engineCtx) }()
	err = f(func(program string) (time.Duration, error) {
		g, err := chain(runner, program)
		if err != nil {
			return 0, err
		}
		began := time.Now()
		r, err := e.Submit(ctx, "commands", g, engine.RunOptions{})
		if err != nil {
			return 0, err
		}
		err = r.Wait(ctx)
		return time.Since(began) / steps, err
	})
	stop()
	return errors.Join(err, <-ended, <-ended)
}

// chain is a graph of steps that execute a program, each of which waits for the one before.
func chain(runner *code.Runner, program string) (*dag.Graph, error) {
	b := engine.NewBuilder()
	step := runner.One("step")
	task := engine.Const(b, code.Task{Command: []code.Template{code.Literal(program)}})
	bundle, lists := engine.Const(b, code.Bundle{}), engine.List[[]code.Value](b)
	var last engine.Ref[code.Value]
	for i := range steps {
		before := engine.List[code.Value](b)
		if i > 0 {
			before = engine.List(b, last)
		}
		last = step.Call(task, bundle, before, lists)
	}
	return b.Compile(last)
}
