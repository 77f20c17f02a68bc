package runtable

import (
	"context"
	"fmt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Read folds the log of a kept run into its table. Errors are those of Queries.Decode, and metricsstore.ErrCorrupt for a
// log that does not fit its graph.
func Read(ctx context.Context, q *metricsstore.Queries, run *metricsstore.Run) (*Table, error) {
	decoder, log, err := q.Decode(ctx, run.Info.ID)
	if err != nil {
		return nil, err
	}
	table := New(decoder.Numbering().Graph())
	err = log.Each(ctx, func(steps []record.Step) error {
		if err := table.Steps(steps); err != nil {
			return fmt.Errorf("%w: %w", metricsstore.ErrCorrupt, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if run.Status.Final() {
		table.Complete()
	}
	return table, nil
}
