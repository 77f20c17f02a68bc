package metricsstore

import (
	"math"
	"slices"
	"time"

	"github.com/dagscope/dagscope/engine/record"
)

// addDetails queues rows and uploads them as the strategy says.
func (rec *recording) addDetails(details []record.Detail, workers []record.WorkerRecord) {
	revision := rec.header.Info.Revision
	for i := range workers {
		if w, err := PackWorker(revision, &workers[i]); err == nil {
			rec.addRow(row{worker: &w})
		}
	}
	for i := range details {
		d, err := PackDetail(revision, &details[i])
		rec.mu.Lock()
		rec.upload.Details++
		rec.mu.Unlock()
		if err == nil {
			rec.addRow(row{detail: d})
		}
	}
	if rec.strategy.Kind == AfterEachTask {
		rec.flushNow(allRows)
	}
}

// addRow queues one row. What does not fit after one call of the store is dropped, except worker records, which are
// few.
func (rec *recording) addRow(r row) {
	if rec.overfull() {
		_ = rec.flushRows(allRows)
		if r.worker == nil && rec.overfull() {
			return
		}
	}
	rec.mu.Lock()
	rec.rows = append(rec.rows, r)
	rec.size += r.bytes()
	n, soon := len(rec.rows), false
	if rec.rowsAt.IsZero() && rec.strategy.Kind == Periodic {
		rec.rowsAt, soon = time.Now().Add(rec.strategy.Every), true
	}
	rec.mu.Unlock()
	switch {
	case soon:
		rec.recorder.wakeRun()
	case rec.strategy.Kind == Queue && n >= rec.strategy.Length:
		rec.flushNow(n)
	}
}

// flushNow uploads up to n rows that wait; where the store fails, Run tries again.
func (rec *recording) flushNow(n int) {
	if rec.flushRows(n) == nil {
		return
	}
	rec.mu.Lock()
	rec.rowsAt = rec.retryAt
	rec.mu.Unlock()
	rec.recorder.wakeRun()
}

func (rec *recording) overfull() bool {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return len(rec.rows) >= maxWaiting || rec.size >= maxWaitingBytes
}

// allRows makes flushRows hand over all rows that wait.
const allRows = math.MaxInt

// flushRows hands up to n rows to the store in one call.
func (rec *recording) flushRows(n int) error {
	rec.sending.take()
	defer rec.sending.give()
	rec.mu.Lock()
	rows := rec.rows[:min(n, len(rec.rows))]
	rec.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	if err := rec.leftAlone(); err != nil {
		return err // first, as making a batch is work
	}
	var b Batch
	size := 0
	for i := range rows {
		size += rows[i].bytes()
		if rows[i].worker != nil {
			b.Workers = append(b.Workers, *rows[i].worker)
		} else {
			b.Details = append(b.Details, rows[i].detail)
		}
	}
	return rec.send(b, func() {
		rec.upload.DetailsKept += int64(len(b.Details))
		rec.rows = slices.Clone(rec.rows[len(rows):])
		rec.size -= size
		rec.rowsAt = time.Time{}
		if len(rec.rows) > 0 && rec.strategy.Kind == Periodic {
			rec.rowsAt = time.Now().Add(rec.strategy.Every)
		}
	})
}
