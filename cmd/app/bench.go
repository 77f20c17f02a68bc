package app

import (
	"context"
	"fmt"
	"io"

	"github.com/dagscope/dagscope/cmd/app/bench"
)

// benchCommand measures the engine on this machine.
type benchCommand struct {
	Quick  bool `help:"Leave out the large graphs: a few seconds instead of a minute."`
	Rounds int  `placeholder:"N" help:"How many times each mode is measured (default 15, or 5 with --quick)."`
	Strict bool `help:"Exit with code 1 if a goal is missed."`
}

// Validate is called by kong.
func (c *benchCommand) Validate() error {
	if c.Rounds < 0 {
		return fmt.Errorf("--rounds is %d, expected at least 1, or 0 for the default", c.Rounds)
	}
	return nil
}

// Run measures in a temporary folder, so that it neither reads nor changes any records.
func (c *benchCommand) Run(ctx context.Context, s *session) error {
	out := io.Writer(s.stdout)
	if s.flags.JSON {
		out = io.Discard
	}
	report, err := bench.Run(ctx, out, bench.Options{Rounds: c.Rounds, Quick: c.Quick})
	if err != nil {
		return err
	}
	if s.flags.JSON {
		if err := s.printJSON(report); err != nil {
			return err
		}
	}
	if c.Strict && !report.Met() {
		return reportedError{exitFailed}
	}
	return nil
}
