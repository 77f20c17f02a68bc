package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/dagscope/dagscope/engine/record"
	"github.com/dagscope/dagscope/metricsstore"
)

// The history bucket holds the roll-ups of many runs, merged: those of the runs that started in an hour, and those of
// whole days. All of it follows from the runs, so it is made again where it cannot be read or is missing.
//
// A run that is archived for the first time is loose: its roll-ups are read by themselves until they are merged into
// its hour. A digest cannot be subtracted again, so when a merged run is archived once more or deleted its hour is
// stale: all of its runs are read by themselves until it has been merged anew.

// The first byte of the keys in the history bucket; no key of a run begins with any of them. Hours and days are 4
// bytes in their order.
const (
	builtRow = 'B' // → mark: the bucket has all runs
	cellRow  = 'C' // and hourSpan or daySpan, hour or day, and the rest of cellKey → packed MergedRow
	dayRow   = 'D' // and day → mark: its cells exist, and hold what those of its hours hold
	hourRow  = 'H' // and hour that runs have started in → state
	looseRow = 'L' // and hour, run → mark, or stubborn: the run is not in the cells of its hour
	knownRow = 'R' // and hour, run → mark: all archived runs
)

// What cells cover.
const (
	hourSpan = 'h'
	daySpan  = 'd'
)

const hoursPerDay = 24

// hour counts hours of UTC from 1970-01-01T00.
type hour int32

func hourOf(t time.Time) hour {
	s := t.Unix()
	h := s / 3600
	if s%3600 < 0 {
		h--
	}
	return hour(h)
}

func (h hour) start() time.Time { return time.Unix(int64(h)*3600, 0) }

func (h hour) day() metricsstore.Day { return metricsstore.DayOf(h.start()) }

func firstHour(d metricsstore.Day) hour { return hour(d) * hoursPerDay }

// spanKey begins with a kind and an hour or a day.
func spanKey[T ~int32](kind byte, at T, rest ...byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(at)^1<<31), rest...)
}

// spanOf reads what spanKey has written, after the given number of bytes.
func spanOf[T ~int32](key []byte, from int) (at T, rest []byte, err error) {
	if len(key) < from+4 {
		return 0, nil, fmt.Errorf("%w: key of %d bytes in the history", metricsstore.ErrCorrupt, len(key))
	}
	return T(binary.BigEndian.Uint32(key[from:]) ^ 1<<31), key[from+4:], nil
}

// stubborn marks loose runs whose roll-ups cannot be merged. Its value is stored.
func stubborn() []byte { return []byte{2} }

func isStubborn(value []byte) bool { return len(value) == 1 && value[0] == 2 }

// hourState is the value of the row of an hour.
type hourState struct {
	version uint64 // changes whenever what was read of its runs may be outdated
	stale   bool   // its cells must not be used
}

func (s hourState) encode(key []byte) []byte {
	stale := uint64(0)
	if s.stale {
		stale = 1
	}
	return sealNumbers(locationOf("", key), stale, s.version)
}

func decodeHour(key, value []byte) (hourState, error) {
	var v [2]uint64
	if err := openNumbers(locationOf("", key), value, v[:]); err != nil {
		return hourState{}, fmt.Errorf("state of an hour: %w", err)
	}
	return hourState{version: v[1], stale: v[0] != 0}, nil
}

// cellPrefix is what the keys of cells of one function and metric, or of one metric alone, begin with.
func cellPrefix[T ~int32](span byte, at T, metric metricsstore.Metric, function *string) []byte {
	k := binary.BigEndian.AppendUint32([]byte{cellRow, span}, uint32(at)^1<<31)
	k = appendName(k, string(metric))
	if function != nil {
		k = appendName(k, *function)
	}
	return k
}

func cellKey[T ~int32](span byte, at T, c *metricsstore.MergedKey) []byte {
	k := cellPrefix(span, at, c.Metric, &c.Function)
	k = binary.AppendVarint(k, int64(c.Version))
	return append(k, c.Workflow...)
}

func appendName(dst []byte, name string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(name))), name...)
}

// parseCell reads what follows the span in a cell's key.
func parseCell(rest []byte) (c metricsstore.MergedKey, err error) {
	var names [2]string
	for i := range names {
		n, used := binary.Uvarint(rest)
		if used <= 0 || n > uint64(len(rest)-used) {
			return c, fmt.Errorf("%w: key of a merged roll-up", metricsstore.ErrCorrupt)
		}
		names[i], rest = string(rest[used:used+int(n)]), rest[used+int(n):]
	}
	version, used := binary.Varint(rest)
	if used <= 0 {
		return c, fmt.Errorf("%w: key of a merged roll-up", metricsstore.ErrCorrupt)
	}
	return metricsstore.MergedKey{
		Metric: metricsstore.Metric(names[0]), Function: names[1], Version: int(version), Workflow: string(rest[used:]),
	}, nil
}

// unpackCell reads a cell. A damaged cell is merged anew, so damage has to be noticed: in files before format 3 a
// cell begins with a checksum of the rest.
func (c *codec) unpackCell(key, value []byte) ([]byte, error) {
	if len(value) > 4 && binary.BigEndian.Uint32(value) == crc32.Checksum(value[4:], checksums) {
		return c.open(value[4:])
	}
	if !isSealed(value) {
		return nil, fmt.Errorf("%w: a merged roll-up", metricsstore.ErrCorrupt)
	}
	return c.unpack(locationOf("", key), value)
}

// noteArchived records in the history that a run was archived.
func (w *write) noteArchived(run record.RunID, started time.Time) error {
	b, h := w.tx.Bucket([]byte(historyBucket)), hourOf(started)
	if b == nil {
		return nil // it could not be made, and is not read
	}
	if b.Get(spanKey(knownRow, h, []byte(run)...)) != nil {
		if err := disturb(b, h, run); err != nil {
			return err
		}
	}
	return addLoose(b, h, run)
}

func addLoose(b *bolt.Bucket, h hour, run record.RunID) error {
	if b.Get(spanKey(hourRow, h)) == nil {
		if err := renewHour(b, h, false); err != nil {
			return err
		}
	}
	return errors.Join(
		b.Put(spanKey(knownRow, h, []byte(run)...), mark()),
		b.Put(spanKey(looseRow, h, []byte(run)...), mark()),
	)
}

// noteDeleted records in the history that a run with that start is about to be deleted.
func (w *write) noteDeleted(run record.RunID, started time.Time) error {
	b, h := w.tx.Bucket([]byte(historyBucket)), hourOf(started)
	known := spanKey(knownRow, h, []byte(run)...)
	if b == nil || b.Get(known) == nil {
		return nil
	}
	err := errors.Join(disturb(b, h, run), b.Delete(known), b.Delete(spanKey(looseRow, h, []byte(run)...)))
	if err != nil {
		return err
	}
	if k, _ := b.Cursor().Seek(spanKey(knownRow, h)); hasPrefix(k, spanKey(knownRow, h)) {
		return nil
	}
	if err := dropCells(b, hourSpan, h); err != nil {
		return err
	}
	return b.Delete(spanKey(hourRow, h))
}

// disturb records that what was read of a known run is outdated.
func disturb(b *bolt.Bucket, h hour, run record.RunID) error {
	merged := b.Get(spanKey(looseRow, h, []byte(run)...)) == nil
	key := spanKey(hourRow, h)
	s, err := decodeHour(key, b.Get(key))
	return renewHour(b, h, merged || err != nil || s.stale)
}

// renewHour gives an hour another version. The cells of its day are valid only while its own are unchanged.
func renewHour(b *bolt.Bucket, h hour, stale bool) error {
	version, err := b.NextSequence()
	if err != nil {
		return err
	}
	key := spanKey(hourRow, h)
	if err := b.Put(key, hourState{version, stale}.encode(key)); err != nil {
		return err
	}
	if !stale {
		return nil
	}
	return b.Delete(spanKey(dayRow, h.day()))
}

// dropCells removes the cells of an hour or a day.
func dropCells[T ~int32](b *bolt.Bucket, span byte, at T) error {
	prefix := binary.BigEndian.AppendUint32([]byte{cellRow, span}, uint32(at)^1<<31)
	var keys [][]byte // deleting moves the cursor, so they are listed first
	err := scan(b.Cursor(), prefix, prefix, func(k, _ []byte) (bool, error) {
		keys = append(keys, append([]byte(nil), k...))
		return true, nil
	})
	for _, k := range keys {
		if err == nil {
			err = b.Delete(k)
		}
	}
	return err
}

// buildHistory makes the history of a file that has none, or that was reconstructed after damage: all hours are
// stale.
func buildHistory(tx *bolt.Tx) error {
	if tx.Bucket([]byte(historyBucket)) != nil {
		if err := tx.DeleteBucket([]byte(historyBucket)); err != nil {
			return err
		}
	}
	b, err := tx.CreateBucket([]byte(historyBucket))
	if err != nil {
		return err
	}
	live := tx.Bucket([]byte(liveBucket))
	err = tx.Bucket([]byte(runsBucket)).ForEach(func(k, _ []byte) error {
		p, err := metricsstore.ParsePosition(k)
		if err != nil {
			return nil // a run that cannot be found has no roll-ups either
		}
		if live.Get([]byte(p.Run)) != nil && !hasRollups(tx, p.Run) {
			return nil // it is added once it is archived
		}
		h := hourOf(time.Unix(0, p.Started))
		return errors.Join(addLoose(b, h, p.Run), renewHour(b, h, true))
	})
	return errors.Join(err, b.Put([]byte{builtRow}, mark()))
}

// hasHistory reports whether a file has a complete history.
func hasHistory(tx *bolt.Tx) bool {
	b := tx.Bucket([]byte(historyBucket))
	return b != nil && b.Get([]byte{builtRow}) != nil
}

func hasRollups(tx *bolt.Tx, run record.RunID) bool {
	b := bucketOf(tx, run)
	if b == nil {
		return false
	}
	k, _ := b.Cursor().Seek([]byte{rollupRow})
	return hasPrefix(k, []byte{rollupRow})
}
