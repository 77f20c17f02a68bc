package embedded

import (
	"bytes"
	"context"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
)

// Delete implements metricsstore.Store. Of a damaged run it removes what can be found.
func (d *database) Delete(ctx context.Context, run record.RunID) error {
	return d.update(ctx, &op{apply: func(w *write) error { return w.delete(run) }})
}

func (w *write) delete(run record.RunID) error {
	b := bucketOf(w.tx, run)
	if b == nil {
		return w.unlist(run)
	}
	h, err := readHeader(w.codec, run, b)
	if err != nil {
		return w.deleteDamaged(run, b)
	}
	if !h.Status.Final() {
		return fmt.Errorf("%w: %s is %s", metricsstore.ErrLive, run, h.Status)
	}
	var t totals // go with the run
	if err := w.dropRollups(run, b, &t); err != nil {
		return err
	}
	if err := w.noteDeleted(run, h.Info.StartedAt); err != nil {
		return err
	}
	position := metricsstore.Position{Started: h.Info.StartedAt.UnixNano(), Run: run}
	if err := w.tx.Bucket([]byte(runsBucket)).Delete(position.Append(nil)); err != nil {
		return err
	}
	return w.deleteRest(run)
}

// unlist removes what is left of a run that is listed and has no bucket.
func (w *write) unlist(run record.RunID) error {
	found, err := w.deletePositions(run)
	if err == nil && !found {
		err = backend.NotFound(run)
	}
	if err != nil {
		return err
	}
	if err := w.deleteRollups(run); err != nil {
		return err
	}
	return w.deleteMarks(run)
}

// deleteDamaged removes a run whose header does not say where else it is listed.
func (w *write) deleteDamaged(run record.RunID, b *bolt.Bucket) error {
	var t totals // go with the run
	if err := w.dropRollups(run, b, &t); err != nil {
		return err
	}
	if err := w.deleteRollups(run); err != nil {
		return err
	}
	if _, err := w.deletePositions(run); err != nil {
		return err
	}
	return w.deleteRest(run)
}

// deletePositions removes a run from the list, wherever it is in it.
func (w *write) deletePositions(run record.RunID) (found bool, err error) {
	var keys [][]byte // deleting moves the cursor, so they are listed first
	var starts []time.Time
	err = positions(w.tx, run, func(k []byte, p metricsstore.Position) {
		keys, starts = append(keys, bytes.Clone(k)), append(starts, time.Unix(0, p.Started))
	})
	for i, k := range keys {
		if err == nil {
			err = w.noteDeleted(run, starts[i])
		}
		if err == nil {
			w.changed(run)
			err = w.tx.Bucket([]byte(runsBucket)).Delete(k)
		}
	}
	return len(keys) > 0, err
}

// deleteRollups searches all roll-ups for those of a run.
func (w *write) deleteRollups(run record.RunID) error {
	var keys [][]byte
	all := w.tx.Bucket([]byte(rollupsBucket))
	err := all.ForEach(func(k, _ []byte) error {
		if key, err := metricsstore.ParseRollupKey(k); err == nil && key.Run == run {
			keys = append(keys, bytes.Clone(k))
		}
		return nil
	})
	for _, k := range keys {
		if err == nil {
			err = all.Delete(k)
		}
	}
	return err
}

// deleteRest removes what is kept under the ID of a run alone.
func (w *write) deleteRest(run record.RunID) error {
	if err := w.deleteMarks(run); err != nil {
		return err
	}
	return w.tx.Bucket([]byte(dataBucket)).DeleteBucket([]byte(run))
}

// deleteMarks forgets that a run is live and who has its lease.
func (w *write) deleteMarks(run record.RunID) error {
	w.changed(run)
	for _, name := range []string{leasesBucket, liveBucket} {
		if err := w.tx.Bucket([]byte(name)).Delete([]byte(run)); err != nil {
			return err
		}
	}
	return nil
}
