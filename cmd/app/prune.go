package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	fleet "github.com/dagscope/dagscope/cmd/app/worker"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// listedDeletions is the most deleted runs that are listed one by one.
const listedDeletions = 20

// pruneCommand deletes runs that are too old, too many or too large.
type pruneCommand struct {
	OlderThan *time.Duration `placeholder:"TIME" help:"Delete runs that ended longer ago, such as 720h; 0s deletes all. Those tagged keep stay."`
	Keep      *int           `placeholder:"N" help:"Delete all but the latest N runs; 0 deletes all. Those tagged keep stay."`
	Within    fleet.Size     `placeholder:"SIZE" help:"Delete all but the latest runs whose total size is within this, such as 500MiB. Those tagged keep stay."`
	storeFlags
}

// Validate is called by kong.
func (c *pruneCommand) Validate() error {
	switch {
	case c.OlderThan != nil && *c.OlderThan < 0:
		return fmt.Errorf("--older-than is %s, expected 0s or more, such as 720h", *c.OlderThan)
	case c.Keep != nil && *c.Keep < 0:
		return fmt.Errorf("--keep is %d, expected 0 or more", *c.Keep)
	case c.OlderThan == nil && c.Keep == nil && c.Within == 0:
		return errors.New("no limit is given, expected --older-than, --keep or --within")
	}
	return nil
}

// Run deletes runs beyond the limits, except active runs and runs tagged keep.
func (c *pruneCommand) Run(ctx context.Context, s *session) error {
	return s.withStore(ctx, c.storeFlags, func(store metricsstore.Store) error {
		deleted, err := metricsstore.Retain(ctx, store, c.retention(), time.Now())
		if s.flags.JSON {
			return errors.Join(err, s.printJSON(map[string]any{"deleted": append([]record.RunID{}, deleted...)}))
		}
		if len(deleted) <= listedDeletions {
			for _, id := range deleted {
				fmt.Fprintf(s.stdout, "%s is deleted\n", id)
			}
		}
		fmt.Fprintf(s.stdout, "%s deleted; the command compact frees their space\n", plural(int64(len(deleted)), "run"))
		return err
	})
}

// retention returns the limits of the flags. A limit of 0 keeps nothing here, but means no limit in a Retention.
func (c *pruneCommand) retention() metricsstore.Retention {
	keep := metricsstore.Retention{Bytes: int64(c.Within)}
	if c.OlderThan != nil {
		keep.Age, keep.None = *c.OlderThan, *c.OlderThan == 0
	}
	if c.Keep != nil {
		keep.Count, keep.None = *c.Keep, keep.None || *c.Keep == 0
	}
	return keep
}
