package report

import (
	"context"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/runtable"
)

// rowsPerFrame lets most runs have one frame, which is packed best.
const rowsPerFrame = 1 << 16

// framesOf folds the log of a run into its table, and returns the frames from which a page makes the same table.
func framesOf(ctx context.Context, q *metricsstore.Queries, run record.RunID) (*runtable.Table, [][]byte, error) {
	graph, err := q.Graph(ctx, run)
	if err != nil {
		return nil, nil, err
	}
	_, log, err := q.Decode(ctx, run)
	if err != nil {
		return nil, nil, err
	}
	table := runtable.New(graph)
	if err := log.Each(ctx, table.Steps); err != nil {
		return nil, nil, err
	}
	table.Complete()
	var frames [][]byte
	for cursor := (runtable.Cursor{}); ; {
		body, next := table.AppendBody(nil, cursor, rowsPerFrame)
		header := runtable.AppendHeader(nil, runtable.FrameHeader{Now: table.End(), Complete: true}, cursor, next)
		frames = append(frames, append(header, body...))
		if cursor = next; !cursor.More() {
			return table, frames, nil
		}
	}
}
