package embedded

import (
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/metricsstore"
	"github.com/dagscope/dagscope/metricsstore/internal/backend"
	"github.com/dagscope/dagscope/metricsstore/internal/wire"
)

// replay returns what a record does. The error is a refusal, or says that the record cannot be read.
func (d *database) replay(kind recordKind, q *wire.Request) (func(*write) error, error) {
	there := func(f func(*write, *bolt.Bucket) error) func(*write) error {
		return func(w *write) error {
			b := bucketOf(w.tx, q.Run)
			if b == nil {
				return backend.NotFound(q.Run)
			}
			return f(w, b)
		}
	}
	switch kind {
	case beginRecord:
		h, err := q.Head()
		if err != nil {
			return nil, err
		}
		return d.begun(h, q.Data)
	case appendRecord:
		batch := q.Batch()
		p, err := d.packBatch(q.Run, &batch)
		return there(func(w *write, b *bolt.Bucket) error { return w.append(b, p) }), err
	case archiveRecord:
		archive, err := q.Archive()
		if err != nil {
			return nil, err
		}
		p, err := d.packArchive(q.Run, &archive)
		return there(func(w *write, b *bolt.Bucket) error { return w.archive(b, p) }), err
	case acquireRecord:
		lease := q.Lease()
		return there(func(w *write, _ *bolt.Bucket) error { return w.acquire(q.Run, lease, q.Now) }), lease.Validate()
	case releaseRecord:
		return there(func(w *write, _ *bolt.Bucket) error { return w.release(q.Run, q.Owner) }), nil
	case endRecord:
		return func(*write) error { return nil }, nil
	}
	return nil, unknownKind(kind)
}

func unknownKind(kind recordKind) error {
	return fmt.Errorf("%w: a record of kind %d, expected %d to %d", metricsstore.ErrCorrupt, kind, beginRecord, endRecord)
}
