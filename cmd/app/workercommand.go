package app

import (
	"context"
	"errors"
	"os"

	"github.com/dagscope/dagscope/cmd/app/worker"
)

// workerCommand executes tasks of shared runs.
type workerCommand struct{ worker.Options }

// Run executes tasks until ctx ends.
func (c *workerCommand) Run(ctx context.Context, s *session) error {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	world := worker.World{
		Program: s.name + " worker", Command: append([]string{self}, os.Args[1:]...), Workflows: s.workflows,
		Stdout: &shared{w: s.stdout}, Stderr: s.stderr, JSON: s.flags.JSON,
	}
	if s.second != nil {
		world.Hurry = s.second.came
	}
	if s.second != nil && c.Children > 0 {
		s.second.linger.Store(int64(worker.KillTime))
	}
	err = worker.Run(ctx, c.Options, world)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil // it was stopped before it had started
	}
	return err
}
