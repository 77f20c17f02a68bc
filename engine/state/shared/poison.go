package shared

import (
	"context"
	"encoding/json"
	"time"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/engine/state/shared/internal/member"
)

const (
	// lossTries and lossPause bound the wait for the details of a loss, which are added shortly after the reap.
	lossTries = 4
	lossPause = 50 * time.Millisecond
)

// addLastLoss completes the records of poison tasks by how the last worker was lost that executed them, which is what
// users need to find the cause.
func (r *run) addLastLoss(ctx context.Context, d *member.Draft) {
	for rec, ended := range d.Poisoned() {
		rec.Time = r.wall(ended)
		if last := r.lastLoss(ctx, rec); last != nil {
			rec.Message += "; the last time, " + last.Message
			rec.Stack, rec.ExitCode, rec.Signal = last.Stack, last.ExitCode, last.Signal
			rec.Worker, rec.Host, rec.Slot = last.Worker, last.Host, last.Slot
		}
	}
}

// lastLoss is the record of the attempt before that of rec, nil if there is none.
func (r *run) lastLoss(ctx context.Context, rec *record.ErrorRecord) *record.ErrorRecord {
	ctx, stop := context.WithTimeout(ctx, shortCall)
	defer stop()
	var after Position
	for tries := 0; tries < lossTries && rec.Attempt > 1; {
		blobs, err := r.backend.Details(ctx, r.id, after, readMost)
		if err != nil {
			return nil
		}
		for _, raw := range blobs {
			after = raw.At
			var b blob
			if json.Unmarshal(raw.Data, &b) != nil || b.Revision != r.revision {
				continue
			}
			for _, d := range b.Details {
				if d.Error != nil && d.Node == rec.Node && d.Epoch == rec.Epoch && d.Attempt == rec.Attempt-1 {
					return d.Error
				}
			}
		}
		if len(blobs) == 0 {
			sleep(ctx, lossPause)
			tries++
		}
	}
	return nil
}
