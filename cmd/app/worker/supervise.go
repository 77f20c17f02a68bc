package worker

import (
	"context"

	"github.com/dagscope/dagscope/engine/invoke"
)

// supervise starts and replaces children that execute tasks.
func (p *program) supervise(ctx context.Context) error {
	store, err := p.store(nil)
	if err != nil {
		return err
	}
	s, err := invoke.NewSupervisor(invoke.SupervisorConfig{
		Command: append(p.Command[:len(p.Command):len(p.Command)], "--child"), Children: p.options.Children,
		Reaper: store, Stdout: p.Stdout, Stderr: p.Stderr, Log: p.log,
	})
	if err != nil {
		return err
	}
	if err := p.announce(""); err != nil {
		return err
	}
	return runWith(ctx, s.Run, append(p.companions(), func(ctx context.Context) error {
		select {
		case <-p.Hurry:
			s.Kill()
		case <-ctx.Done():
		}
		return nil
	})...)
}
