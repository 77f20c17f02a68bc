package records

import (
	"slices"

	"github.com/dagscope/dagscope/engine/record"
)

// batch is how many steps or details Replay passes on at a time.
const batch = 512

// Replay passes the run to rec in the order of its methods, in batches of 512. The error is the one that Begin or End
// returned.
func (r *Recording) Replay(rec record.Recorder) error {
	if err := rec.Begin(r.Info, r.Graph); err != nil {
		return err
	}
	for part := range slices.Chunk(r.Steps, batch) {
		rec.Steps(r.Info.ID, part)
	}
	workers := r.Workers
	for part := range slices.Chunk(r.Details, batch) {
		rec.Details(r.Info.ID, part, workers)
		workers = nil
	}
	if workers != nil {
		rec.Details(r.Info.ID, nil, workers)
	}
	return rec.End(r.Info.ID, r.End)
}
