package embedded

import (
	"encoding/binary"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// Buckets of the file, see FORMAT.md. The names are stored; a change of what they hold is a new formatVersion.
const (
	metaBucket    = "meta"    // versionKey
	runsBucket    = "runs"    // Position → mark: the order of Store.Runs
	dataBucket    = "data"    // one bucket a run, by its ID
	rollupsBucket = "rollups" // RollupKey → packed data
	leasesBucket  = "leases"  // run → Lease as JSON
	liveBucket    = "live"    // run → mark: those that have not ended
	adoptedBucket = "inbox"   // identity of a log → how far it is adopted
	historyBucket = "history" // merged roll-ups, see hours.go
)

// formatVersion is written into files when they are opened; files with a greater one are refused. Versions before 2
// have no history, and programs that know only those would leave runs out of it; versions before 3 have no seals.
const formatVersion = 3

const versionKey = "version" // sealed number

// The first byte of the keys in the bucket of a run.
const (
	annotationRow = 'a' // Annotation as JSON
	blockRow      = 'b' // and First, 8 bytes → see codec.packBlock
	detailRow     = 'd' // and DetailKey → packed data
	faultsRow     = 'f' // what the run is known to have lost: metricsstore.Fault as JSON
	headerRow     = 'h' // Header as JSON, packed
	rollupRow     = 'r' // and RollupKey → mark
	totalsRow     = 't' // totals
	workerRow     = 'w' // and Revision, Worker, 4 bytes each → see codec.packWorker
	attachmentRow = 'x' // and the name → packed data
)

func allBuckets() []string {
	return []string{metaBucket, runsBucket, dataBucket, rollupsBucket, leasesBucket, liveBucket, adoptedBucket, historyBucket}
}

// mark is the value of keys that have no further content. It is not empty, as bbolt shows buckets as keys without a
// value.
func mark() []byte { return []byte{1} }

func blockKey(first uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{blockRow}, first)
}

func detailKey(k metricsstore.DetailKey) []byte { return k.Append([]byte{detailRow}) }

func workerKey(revision, worker uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte{workerRow}, revision), worker)
}

func attachmentKey(name string) []byte { return append([]byte{attachmentRow}, name...) }

func rollupRef(key []byte) []byte { return append([]byte{rollupRow}, key...) }

// bucketOf is the bucket of a run, nil where the run does not exist.
func bucketOf(tx *bolt.Tx, run record.RunID) *bolt.Bucket {
	if run == "" {
		return nil
	}
	return tx.Bucket([]byte(dataBucket)).Bucket([]byte(run))
}

// rows calls f for each key of a kind until f returns false or an error.
func rows(b *bolt.Bucket, kind byte, f func(key, value []byte) (bool, error)) error {
	return scan(b.Cursor(), []byte{kind}, []byte{kind}, f)
}

// scan calls f for the keys with a prefix, beginning at a key, until f returns false or an error.
func scan(c *bolt.Cursor, from, prefix []byte, f func(key, value []byte) (bool, error)) error {
	for k, v := c.Seek(from); k != nil && hasPrefix(k, prefix); k, v = c.Next() {
		if more, err := f(k, v); err != nil || !more {
			return err
		}
	}
	return nil
}

func hasPrefix(key, prefix []byte) bool {
	return len(key) >= len(prefix) && string(key[:len(prefix)]) == string(prefix)
}
