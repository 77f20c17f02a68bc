package app

import (
	"context"
	"encoding/json"
	"time"

	"github.com/dagscope/dagscope/metricsstore"
)

const (
	// followEvery is how often the store is polled for attempts that have ended.
	followEvery = time.Second
	// followThere is the same for a service, from which the whole record is downloaded.
	followThere = 3 * time.Second
)

// follow prints attempts as they end, with --json as one line each, until the run has ended.
func (c *logsCommand) follow(ctx context.Context, s *session) error {
	c.Limit = 0
	every := followEvery
	if c.Server != "" {
		every = followThere
	}
	printed := map[attemptKey]bool{}
	for live := true; live; {
		err := s.withRun(ctx, c.targetFlags, c.RunID, func(store metricsstore.Store, r *metricsstore.Run) error {
			c.RunID = string(r.Info.ID) // last may mean another run later
			found, err := c.list(ctx, store, r)
			if err != nil {
				return err
			}
			live = found.live
			return s.printNew(found, printed)
		})
		if err != nil || !live {
			return err
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// printNew prints the attempts that were not printed before.
func (s *session) printNew(found *logsJSON, printed map[attemptKey]bool) error {
	for i := range found.Attempts {
		a := &found.Attempts[i]
		if printed[a.key()] {
			continue
		}
		printed[a.key()] = true
		print := s.printLogged
		if s.flags.JSON {
			print = func(a *loggedJSON) error { return json.NewEncoder(s.stdout).Encode(a) }
		}
		if err := print(a); err != nil {
			return err
		}
	}
	return nil
}
