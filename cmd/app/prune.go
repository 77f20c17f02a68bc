package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine"
	"github.com/dagscope/dagscope/metricsstore"
)

// pruneCommand deletes what is too old or too much.
type pruneCommand struct {
	OlderThan time.Duration `placeholder:"TIME" help:"Delete runs that ended longer ago, such as 720h."`
	Keep      int           `placeholder:"N" help:"Delete all but the latest N runs."`
	Within    fleet.Size    `placeholder:"SIZE" help:"Delete all but the latest runs that fit into this size together, such as 500MiB."`
	storeFlags
}

// Validate is called by kong.
func (c *pruneCommand) Validate() error {
	if c.OlderThan < 0 || c.Keep < 0 {
		return fmt.Errorf("--older-than is %s and --keep %d, expected more than 0", c.OlderThan, c.Keep)
	}
	if c.OlderThan == 0 && c.Keep == 0 && c.Within == 0 {
		return errors.New("nothing is said about what to keep, expected --older-than, --keep or --within")
	}
	return nil
}

// Run deletes what the limits leave out. Runs under way and runs tagged keep stay.
func (c *pruneCommand) Run(ctx context.Context, s *session) error {
	return s.withStore(ctx, c.storeFlags, func(store metricsstore.Store) error {
		limits := metricsstore.Retention{Age: c.OlderThan, Count: c.Keep, Bytes: int64(c.Within)}
		deleted, err := metricsstore.Retain(ctx, store, limits, time.Now())
		if s.flags.JSON {
			return errors.Join(err, s.printJSON(map[string]any{"deleted": append([]engine.RunID{}, deleted...)}))
		}
		for _, id := range deleted {
			fmt.Fprintf(s.stdout, "%s is deleted\n", id)
		}
		fmt.Fprintf(s.stdout, "%s deleted; compact gives their space back\n", counted(len(deleted), "run"))
		return err
	})
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return count(int64(n)) + " " + noun
}
