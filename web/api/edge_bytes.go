package api

import (
	"context"

	"github.com/dagscope/dagscope/engine/codec"
	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// edgeBytes returns how many bytes imported tasks read along each edge, from the files of the recording. A parent's output
// may include files that only other children read. Edges are pairs from, to; unknown sizes are -1.
func (h *insideHandlers) edgeBytes(ctx context.Context, run record.RunID, edges []uint32) ([]int64, error) {
	out := make([]int64, len(edges)/2)
	place := make(map[[2]uint32]int, len(out))
	for i := range out {
		out[i] = codec.UnknownSize
		place[[2]uint32{edges[2*i], edges[2*i+1]}] = i
	}
	const page = 1024
	for from := (metricsstore.DetailKey{}); ; {
		rows, err := h.cfg.Store.Details(ctx, run, from, page+1)
		if err != nil {
			return nil, err
		}
		for i := range rows[:min(page, len(rows))] {
			d, err := rows[i].Unpack()
			if err != nil {
				continue // a damaged detail leaves sizes unknown
			}
			for _, in := range d.Inputs {
				if k, isEdge := place[[2]uint32{uint32(in.From), uint32(d.Node)}]; isEdge {
					out[k] = in.Bytes
				}
			}
		}
		if len(rows) <= page {
			return out, nil
		}
		from = rows[page].DetailKey
	}
}
