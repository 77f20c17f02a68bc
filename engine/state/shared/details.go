package shared

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// blob is one piece of details as it is stored.
type blob struct {
	Revision int                   `json:"revision,omitempty"`
	Details  []record.Detail       `json:"details,omitempty"`
	Workers  []record.WorkerRecord `json:"workers,omitempty"`
}

func (b blob) encode() []byte {
	data, err := json.Marshal(b)
	if err != nil {
		return nil // it is texts and numbers
	}
	return data
}

const (
	// readAgain is how often details are read while the run is active.
	readAgain = 250 * time.Millisecond
	// readMost is how many blobs are read at a time.
	readMost = 256
)

// detailReader reads the details that all processes have added, of one revision. Safe for concurrent use.
type detailReader struct {
	*facts
	tail *tail
	done <-chan struct{} // closed when the run has ended

	mu      sync.Mutex
	at      Position                    // guarded by mu
	read    time.Time                   // guarded by mu
	workers map[int]record.WorkerRecord // guarded by mu; the latest record of each
}

func newDetailReader(f *facts, t *tail, done <-chan struct{}) *detailReader {
	return &detailReader{facts: f, tail: t, done: done, workers: map[int]record.WorkerRecord{}}
}

// take returns what was added since the last call, with a last record for each worker that was lost.
func (d *detailReader) take() (details []record.Detail, workers []record.WorkerRecord) {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.done:
	default:
		if time.Since(d.read) < readAgain {
			return nil, nil
		}
	}
	d.read = time.Now()
	ctx, stop := context.WithTimeout(context.Background(), shortCall)
	defer stop()
	for {
		blobs, err := d.backend.Details(ctx, d.id, d.at, readMost)
		if err != nil {
			d.log.Error("details could not be read", "error", err)
			break
		}
		for _, raw := range blobs {
			d.at = raw.At
			var b blob
			if err := json.Unmarshal(raw.Data, &b); err != nil || b.Revision != d.revision {
				continue // of another version or revision
			}
			details, workers = append(details, b.Details...), append(workers, b.Workers...)
		}
		if len(blobs) < readMost {
			break
		}
	}
	for _, w := range workers {
		d.workers[w.Worker] = w
	}
	return details, append(workers, d.completeLost()...)
}

// completeLost ends the records of workers that were lost according to the log.
func (d *detailReader) completeLost() (records []record.WorkerRecord) {
	for number, ended := range d.tail.lostWorkers() {
		if w, ok := d.workers[number]; ok && w.Ended == 0 {
			w.Ended = ended
			d.workers[number] = w
			records = append(records, w)
		}
	}
	return records
}
